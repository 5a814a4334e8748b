package providers

import (
	"errors"
	"fmt"
	"net"
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

// parseBaseURL checks a base URL: https unless the host is loopback or
// allowHTTP is set, and nothing but scheme, host, port and path.
func parseBaseURL(text string, allowHTTP bool) (*url.URL, error) {
	// The text may hold a password, so no error quotes it.
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New(`base_url must be an absolute URL, such as "https://host.example.com/api"`)
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, errors.New("base_url must begin with https://")
	case u.Scheme == "http" && !allowHTTP && !isLoopback(u.Hostname()):
		return nil, errors.New("base_url must begin with https://, or set allow_http to send the credential in clear")
	case u.User != nil:
		return nil, errors.New("base_url must hold no user name or password: the credential has fields of its own")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("base_url must end with the path: leave out what follows ? and #")
	case hasOddSegment(u.EscapedPath()):
		return nil, errors.New(`base_url must hold no empty, "." or ".." segment`)
	}
	return u, nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
