package providers

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
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
	text, err := d.base.render(connection, &secretTexts{}, escapeBase)
	if err != nil {
		return nil, err
	}
	return parseBaseURL(text, s.AllowHTTP)
}

// escapeBase makes value part of one label of the host, or of one path segment
// once the host is complete.
func escapeBase(before, value string) (string, error) {
	if strings.Contains(strings.TrimPrefix(before, "https://"), "/") {
		return escapeSegment(before, value)
	}
	if !hostLabel.MatchString(value) {
		return "", errors.New("is part of the host's name: it may hold letters, digits and - only")
	}
	return value, nil
}
