package contract

import (
	"net/http"
	"slices"
	"strings"

	"github.com/icholy/digest"
)

// challenged is what the server asks of whoever has to sign in by digest (RFC 7616).
var challenged = digest.Challenge{Realm: "contract", Nonce: "contract-nonce", Algorithm: "SHA-256", QOP: []string{"auth"}}

// takesDigest reports whether one of the ways to sign in is by digest.
func (c *call) takesDigest() bool {
	for _, one := range c.security() {
		for name := range one {
			scheme := c.document.Components.SecuritySchemes[name]
			if scheme != nil && scheme.Value != nil && scheme.Value.Type == "http" && strings.EqualFold(scheme.Value.Scheme, "digest") {
				return true
			}
		}
	}
	return false
}

// challenge asks for a digest, where the document has one signed in so.
func (c *call) challenge(w http.ResponseWriter) {
	if c.takesDigest() {
		w.Header().Set("WWW-Authenticate", challenged.String())
	}
}

// digestUser is the user that a digest names; empty for none.
func digestUser(r *http.Request) string {
	shown, err := digest.ParseCredentials(r.Header.Get("Authorization"))
	if err != nil {
		return ""
	}
	return shown.Username
}

// answersChallenge reports whether the digest was made with one of the passwords
// that are accepted.
func (c *call) answersChallenge() bool {
	shown, err := digest.ParseCredentials(c.request.Header.Get("Authorization"))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(slices.Concat(c.admins, c.secrets()), func(password string) bool {
		made, err := digest.Digest(&challenged, digest.Options{
			Method: c.request.Method, URI: shown.URI, Count: shown.Nc, Cnonce: shown.Cnonce, Username: shown.Username, Password: password,
		})
		return err == nil && made.Response == shown.Response
	})
}

// secrets are those of all that was made and not deleted.
func (s *Server) secrets() []string {
	var all []string
	for _, o := range s.objects {
		if o.secret != "" {
			all = append(all, o.secret)
		}
	}
	return all
}
