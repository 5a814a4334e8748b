package providers

import (
	"fmt"
	"net/url"
)

// baseURL is where a connection's requests go: what its operator set, or what
// the definition computes from the connection's fields.
func (d *Definition) baseURL(s Settings, connection scope) (*url.URL, error) {
	if s.BaseURL != "" {
		return parseBaseURL(s.BaseURL, s.AllowHTTP)
	}
	if d.base == nil {
		return nil, fmt.Errorf(`base_url is required: give where %s is served, such as "https://host.example.com"`, d.Title)
	}
	text, err := d.base.render(connection, &secretTexts{})
	if err != nil {
		return nil, err
	}
	return parseBaseURL(text, s.AllowHTTP)
}
