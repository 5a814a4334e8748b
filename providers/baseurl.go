package providers

import (
	"fmt"
	"net/url"
)

// baseURL is where a connection's requests go: what its operator set, or where
// that is empty what the definition computes from the connection's fields.
func (d *Definition) baseURL(set string, allowHTTP bool, connection scope) (*url.URL, error) {
	if set != "" {
		return parseBaseURL(set, allowHTTP)
	}
	if d.base == nil {
		return nil, fmt.Errorf(`base_url is required: give where %s is served, such as "https://host.example.com"`, d.Title)
	}
	text, err := d.base.render(connection, &secretTexts{})
	if err != nil {
		return nil, err
	}
	return parseBaseURL(text, allowHTTP)
}
