package transport

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// ParseBaseURL checks a base URL: https unless the host is loopback or
// AllowHTTP is set, and nothing but scheme, host, port and path.
func ParseBaseURL(text string, allowHTTP bool) (*url.URL, error) {
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
	case HasOddSegment(u.EscapedPath()):
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

// JoinURL appends an escaped path to base and makes sure that nothing else
// changed.
func JoinURL(base *url.URL, escaped string) (*url.URL, error) {
	if HasOddSegment(escaped) {
		return nil, errors.New(`the path would hold an empty, "." or ".." segment`)
	}
	joined := *base
	full := strings.TrimSuffix(base.EscapedPath(), "/") + escaped
	plain, err := url.PathUnescape(full)
	if err != nil {
		return nil, errors.New("the path cannot be escaped")
	}
	joined.Path, joined.RawPath, joined.RawQuery, joined.Fragment = plain, full, "", ""
	if joined.EscapedPath() != full {
		return nil, errors.New("the path cannot be escaped")
	}
	return &joined, nil
}

// HasOddSegment reports whether an escaped path holds an empty segment (the
// last one may be empty) or one that means another place.
func HasOddSegment(escaped string) bool {
	segments := strings.Split(strings.TrimPrefix(escaped, "/"), "/")
	for i, segment := range segments {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == "." || plain == ".." || plain == "" && i < len(segments)-1 {
			return true
		}
	}
	return false
}
