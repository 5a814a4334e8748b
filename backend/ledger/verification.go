package ledger

import (
	"encoding/json"
	"slices"
)

// Verification says how a key is seen dead that its provider says it has revoked.
// The zero value stands for ByList wherever the provider can be asked.
type Verification string

const (
	// ByWord takes the provider's word.
	ByWord Verification = "off"
	// ByList looks for the key, with what is kept of it anyway.
	ByList Verification = "list"
	// ByProbe keeps what the definition's probe needs of the key itself, and tries it.
	ByProbe Verification = "probe"
)

// Verifications are all that there are.
var Verifications = []Verification{ByWord, ByList, ByProbe}

// Known reports whether it is one of these, or left out.
func (v Verification) Known() bool { return v == "" || slices.Contains(Verifications, v) }

// Looks reports whether a revoked key is looked for after a provider's word.
func (v Verification) Looks() bool { return v == "" || v == ByList }

// UnmarshalJSON also reads what version 0.1.0 wrote: true or false.
func (v *Verification) UnmarshalJSON(text []byte) error {
	switch string(text) {
	case "true":
		*v = ByProbe
		return nil
	case "false":
		*v = ""
		return nil
	}
	return json.Unmarshal(text, (*string)(v))
}
