//go:build integration

package acceptance

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/verdaccio"
)

// verdaccioServer is about tokens that have no names, and whose deletion succeeds
// however often it is asked for.
var verdaccioServer = realServer{
	start: sync.OnceValues(func() (catalogServer, error) {
		return started("verdaccio", build.Verdaccio, func(path, dir string) (catalogServer, error) {
			server, err := verdaccio.Start(context.Background(), verdaccio.Options{Verdaccio: path, Dir: dir})
			return registryOf{server}, err
		})
	}),
	newSite: func(t *testing.T, server catalogServer, own ownNames) *restSite {
		return server.(registryOf).site(own)
	},
	administrator: func(t *testing.T, server catalogServer, name string) (settings, func() bool) {
		registry, first := server.(registryOf), "Passw0rd-"+name
		send(t, http.MethodPut, registry.URL+"/-/user/org.couchdb.user:"+name, settings{"name": name, "password": first}, func(*http.Request) {}).
			want(t, "making a user", http.StatusCreated)
		return settings{"username": name, "password": first}, func() bool {
			return send(t, http.MethodGet, registry.URL+"/-/npm/v1/tokens", nil, func(r *http.Request) { r.SetBasicAuth(name, first) }).status == http.StatusOK
		}
	},
	endsKeys: true,
}

type registryOf struct{ *verdaccio.Server }

func (r registryOf) Secret() string { return r.Password }

func (r registryOf) site(own ownNames) *restSite {
	asUser := func(t *testing.T, method, path string, body any) answer {
		t.Helper()
		return send(t, method, r.URL+"/-/npm/v1/tokens"+path, body, func(req *http.Request) { req.SetBasicAuth(r.Username, r.Password) })
	}
	return &restSite{
		own:        own,
		fields:     settings{"provider": "verdaccio", "base_url": r.URL, "username": r.Username, "password": r.Password},
		grants:     settings{},
		credential: "password",
		works: func(t *testing.T, token string) bool {
			said := send(t, http.MethodGet, r.URL+"/-/whoami", nil, func(req *http.Request) { req.Header.Set("Authorization", "Bearer "+token) }).
				want(t, "a token's user", http.StatusOK, http.StatusForbidden)
			var user struct{ Username string }
			if said.status == http.StatusOK {
				said.decode(t, &user) // a token whose user has another password by now is answered as nobody
			}
			return user.Username != ""
		},
		list: func(t *testing.T) map[string]string {
			var said struct {
				Objects []struct {
					Key  string
					CIDR []string
				}
			}
			asUser(t, http.MethodGet, "", nil).want(t, "listing tokens", http.StatusOK).decode(t, &said)
			found := map[string]string{}
			for _, token := range said.Objects {
				found[token.CIDR[len(token.CIDR)-1]] = token.Key
			}
			return found
		},
		make: func(t *testing.T, name string) string {
			var made struct{ Key string }
			asUser(t, http.MethodPost, "", settings{"password": r.Password, "readonly": true, "cidr_whitelist": []string{"0.0.0.0/0", "::/0", name}}).want(t, "making a token", http.StatusOK).decode(t, &made)
			return made.Key
		},
		end: func(t *testing.T, id string) {
			asUser(t, http.MethodDelete, "/token/"+id, nil).want(t, "deleting a token", http.StatusOK)
		},
	}
}
