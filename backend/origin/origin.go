package origin

import (
	"net/url"
	"strings"
)

// Origin is what made a key or a credential, and so whose word on it counts. An
// empty part is unknown, as in what an earlier version of the engine stored: it
// neither matches nor differs.
type Origin struct {
	// Connection is the name of the connection, and Provider that of its provider.
	Connection string `json:"connection"`
	Provider   string `json:"provider,omitempty"`
	// Definition is the hash of the definition, built-in or uploaded.
	Definition string `json:"definition,omitempty"`
	// BaseURL is where the requests went: the connection's, or what the definition
	// made of its fields.
	BaseURL string `json:"base_url,omitempty"`
	// Account stands for the admin credential, see Connection.Account.
	Account string `json:"account,omitempty"`
}

// Doubts are why the word of whoever is asked now is not that of what made a
// thing, each a part of a sentence; none when it is.
func (o Origin) Doubts(now Origin) []string {
	var doubts []string
	for _, part := range []struct {
		what, then, now string
		same            func(a, b string) bool
	}{
		{"definition", o.Definition, now.Definition, func(a, b string) bool { return a == b }},
		{"address", o.BaseURL, now.BaseURL, SameAddress},
		{"credential", o.Account, now.Account, func(a, b string) bool { return a == b }},
	} {
		switch {
		case part.then == "":
			doubts = append(doubts, "it is not known which "+part.what+" made it")
		case !part.same(part.then, part.now):
			doubts = append(doubts, "another "+part.what+" made it")
		}
	}
	return doubts
}

// SameAddress reports whether two base URLs are of the same server and the same
// part of it; whether they are encrypted makes no other server of it.
func SameAddress(a, b string) bool { return a == b || Address(a) == Address(b) }

// Address is the server and the part of it that a base URL is of, in one spelling; a
// text that is no URL as it is.
func Address(baseURL string) string {
	u, err := url.Parse(baseURL)
	if err != nil {
		return baseURL
	}
	return host(u) + "/" + strings.Trim(u.EscapedPath(), "/")
}

// host is a URL's host and port, the port only where it is not the usual one.
func host(u *url.URL) string {
	name, port := strings.ToLower(u.Hostname()), u.Port()
	if port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return name
	}
	return name + ":" + port
}

// SameHost reports whether two base URLs are of one host and port; false where one
// of them is no URL.
func SameHost(a, b string) bool {
	one, err := url.Parse(a)
	other, otherErr := url.Parse(b)
	return err == nil && otherErr == nil && host(one) == host(other)
}
