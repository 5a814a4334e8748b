package definition

import (
	"fmt"
	"net/url"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// ResolveBase is where a connection's requests go: what its operator set, or where
// that is empty what the definition computes from the connection's fields.
func (d *Definition) ResolveBase(set string, allowHTTP bool, connection expr.Scope) (*url.URL, error) {
	if set != "" {
		return transport.ParseBaseURL(set, allowHTTP)
	}
	if d.base == nil {
		return nil, fmt.Errorf(`base_url is required: give where %s is served, such as "https://host.example.com"`, d.Title)
	}
	text, err := d.base.render(connection)
	if err != nil {
		return nil, err
	}
	return transport.ParseBaseURL(text, allowHTTP)
}
