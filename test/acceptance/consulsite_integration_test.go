//go:build integration

package acceptance

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/consul"
)

// consulServer is about a provider that lets the caller choose a key's id, and whose
// deletions answer the same for a key that is gone and for an administrator who is.
var consulServer = realServer{
	start: sync.OnceValues(func() (catalogServer, error) {
		return started("consul", build.Consul, func(path, dir string) (catalogServer, error) {
			server, err := consul.Start(context.Background(), consul.Options{Consul: path, Dir: dir})
			return tokensOf{server}, err
		})
	}),
	newSite: func(_ *testing.T, server catalogServer, own ownNames) *restSite {
		return server.(tokensOf).site(own)
	},
	administrator: func(t *testing.T, server catalogServer, name string) (settings, func() bool) {
		tokens := server.(tokensOf)
		first := tokens.make(t, settings{"Description": name, "Policies": []settings{{"Name": "global-management"}}}).SecretID
		return settings{"token": first}, func() bool { return tokens.works(t, first) }
	},
}

type tokensOf struct{ *consul.Server }

func (s tokensOf) Secret() string { return s.Token }

func (s tokensOf) site(own ownNames) *restSite {
	return &restSite{
		own:        own,
		fields:     settings{"provider": "consul", "base_url": s.URL, "token": s.Token},
		grants:     settings{"policies": []string{consul.Policy}},
		credential: "token",
		peculiar:   traits{mints: func(r *http.Request, _ string) bool { return r.Method == http.MethodPut }},
		works:      s.works,
		list: func(t *testing.T) map[string]string {
			var tokens []consulToken
			s.as(t, s.Token, http.MethodGet, "/tokens", nil).want(t, "listing tokens", http.StatusOK).decode(t, &tokens)
			found := map[string]string{}
			for _, token := range tokens {
				found[token.Description] = token.AccessorID
			}
			return found
		},
		make: func(t *testing.T, name string) string {
			return s.make(t, settings{"Description": name}).AccessorID
		},
		end: func(t *testing.T, id string) {
			s.as(t, s.Token, http.MethodDelete, "/token/"+id, nil).want(t, "deleting a token", http.StatusOK)
		},
	}
}

type consulToken struct{ AccessorID, SecretID, Description string }

func (s tokensOf) make(t *testing.T, of settings) (made consulToken) {
	t.Helper()
	s.as(t, s.Token, http.MethodPut, "/token", of).want(t, "making a token", http.StatusOK).decode(t, &made)
	return made
}

func (s tokensOf) works(t *testing.T, token string) bool {
	t.Helper()
	return s.as(t, token, http.MethodGet, "/token/self", nil).want(t, "a token itself", http.StatusOK, http.StatusForbidden).status == http.StatusOK
}

func (s tokensOf) as(t *testing.T, token, method, path string, body any) answer {
	t.Helper()
	return send(t, method, s.URL+"/v1/acl"+path, body, func(r *http.Request) { r.Header.Set("X-Consul-Token", token) })
}
