package definition

import (
	"encoding/json"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// ListingScope is one location at the provider whose keys can be listed: the role and
// connection parameters that the definition's list and lookup mention (a
// project, a service account, …). The zero value stands for the whole account.
type ListingScope struct {
	// Role and Connection are the parameters' values by name; empty where none are
	// mentioned.
	Role       expr.Values `json:"role,omitempty"`
	Connection expr.Values `json:"connection,omitempty"`
}

// String is the same for equal scopes and differs for others.
func (s ListingScope) String() string {
	if len(s.Role)+len(s.Connection) == 0 {
		return "{}"
	}
	text, err := json.Marshal(s) // map keys are sorted, so equal scopes read alike
	if err != nil {
		panic("providers: a scope holds only JSON values: " + err.Error())
	}
	return string(text)
}
