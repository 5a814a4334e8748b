//go:build integration

package acceptance

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/miniflux"
)

const minifluxDatabase = "miniflux"

// minifluxServer is about keys of a user, whose list shows them in clear. Each test is
// a user of its own.
var minifluxServer = realServer{
	start: sync.OnceValues(func() (catalogServer, error) {
		postgres, err := postgresOnce()
		if err != nil {
			return nil, err
		}
		return started("miniflux", build.Miniflux, func(path, dir string) (catalogServer, error) {
			server, err := miniflux.Start(context.Background(), miniflux.Options{Miniflux: path, Dir: dir, Database: postgres.URL(minifluxDatabase)})
			return readerOf{server}, err
		})
	}),
	newSite: func(t *testing.T, server catalogServer, own ownNames) *restSite {
		return server.(readerOf).site(t, own)
	},
	administrator: func(t *testing.T, server catalogServer, name string) (settings, func() bool) {
		reader := server.(readerOf)
		first := reader.register(t, name)
		return settings{"token": first}, func() bool { return reader.works(t, first) }
	},
}

type readerOf struct{ *miniflux.Server }

func (r readerOf) Secret() string { return r.Password }

// register makes a user, and returns a key of theirs.
func (r readerOf) register(t *testing.T, name string) (token string) {
	t.Helper()
	password := "Passw0rd-" + name
	as := func(name, password string) func(*http.Request) {
		return func(req *http.Request) { req.SetBasicAuth(name, password) }
	}
	send(t, http.MethodPost, r.URL+"/v1/users", settings{"username": name, "password": password, "is_admin": false}, as(r.Username, r.Password)).
		want(t, "making a user", http.StatusCreated)
	var made struct{ Token string }
	send(t, http.MethodPost, r.URL+"/v1/api-keys", settings{"description": "the first"}, as(name, password)).
		want(t, "making a key", http.StatusCreated).decode(t, &made)
	return made.Token
}

func (r readerOf) site(t *testing.T, own ownNames) *restSite {
	admin := r.register(t, string(own))
	return &restSite{
		own:        own,
		fields:     settings{"provider": "miniflux", "base_url": r.URL, "token": admin},
		grants:     settings{},
		credential: "token",
		works:      r.works,
		list: func(t *testing.T) map[string]string {
			var keys []struct {
				ID          int
				Description string
			}
			r.as(t, admin, http.MethodGet, "/api-keys", nil).want(t, "listing keys", http.StatusOK).decode(t, &keys)
			found := map[string]string{}
			for _, key := range keys {
				found[key.Description] = strconv.Itoa(key.ID)
			}
			return found
		},
		make: func(t *testing.T, name string) string {
			var made struct{ ID int }
			r.as(t, admin, http.MethodPost, "/api-keys", settings{"description": name}).want(t, "making a key", http.StatusCreated).decode(t, &made)
			return strconv.Itoa(made.ID)
		},
		end: func(t *testing.T, id string) {
			r.as(t, admin, http.MethodDelete, "/api-keys/"+id, nil).want(t, "deleting a key", http.StatusNoContent)
		},
	}
}

func (r readerOf) works(t *testing.T, token string) bool {
	t.Helper()
	return r.as(t, token, http.MethodGet, "/me", nil).want(t, "a key's user", http.StatusOK, http.StatusUnauthorized).status == http.StatusOK
}

func (r readerOf) as(t *testing.T, token, method, path string, body any) answer {
	t.Helper()
	return send(t, method, r.URL+"/v1"+path, body, func(req *http.Request) { req.Header.Set("X-Auth-Token", token) })
}
