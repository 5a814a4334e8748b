//go:build integration

package acceptance

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/rabbitmq"
)

// rabbitmqServer is about keys that are users: an id known before the call, a
// password of ours, and a second request that says what the user may do.
var rabbitmqServer = realServer{
	start: sync.OnceValues(func() (catalogServer, error) {
		return started("rabbitmq", build.RabbitMQ, func(path, dir string) (catalogServer, error) {
			server, err := rabbitmq.Start(context.Background(), rabbitmq.Options{Root: path, Dir: dir})
			return brokerOf{server}, err
		})
	}),
	newSite: func(t *testing.T, server catalogServer, own ownNames) *restSite {
		return server.(brokerOf).site(own)
	},
	administrator: func(t *testing.T, server catalogServer, name string) (settings, func() bool) {
		broker, first := server.(brokerOf), "Passw0rd-"+name
		broker.asAdmin(t, http.MethodPut, "/users/"+name, settings{"password": first, "tags": "administrator"}).want(t, "making an administrator", http.StatusCreated)
		return settings{"username": name, "password": first}, func() bool { return broker.works(t, name+":"+first) }
	},
}

type brokerOf struct{ *rabbitmq.Server }

func (b brokerOf) Secret() string { return b.Password }

func (b brokerOf) site(own ownNames) *restSite {
	return &restSite{
		own:        own,
		fields:     settings{"provider": "rabbitmq", "base_url": b.URL, "username": b.Username, "password": b.Password},
		grants:     settings{"read": "^orders", "topics": `[{"exchange":"amq.topic","write":"^$","read":"^orders"},{"exchange":"events","write":"^audit","read":"^$"}]`},
		credential: "password",
		peculiar: traits{
			mints: func(r *http.Request, _ string) bool {
				return r.Method == http.MethodPut && strings.HasPrefix(r.URL.Path, "/api/users/")
			},
			token:   userAndPassword,
			secrets: []string{"password"},
		},
		works: b.works,
		list: func(t *testing.T) map[string]string {
			var users []struct{ Name string }
			// While a user is deleted the list may be a 500.
			eventually(t, "users are listed", func() (bool, any) {
				got := b.asAdmin(t, http.MethodGet, "/users", nil).want(t, "listing users", http.StatusOK, http.StatusInternalServerError)
				if got.status != http.StatusOK {
					return false, got
				}
				got.decode(t, &users)
				return true, nil
			})
			found := map[string]string{}
			for _, user := range users {
				found[user.Name] = user.Name
			}
			return found
		},
		make: func(t *testing.T, name string) string {
			b.asAdmin(t, http.MethodPut, "/users/"+name, settings{"password": "not-a-secret", "tags": ""}).want(t, "making a user", http.StatusCreated)
			return name
		},
		end: func(t *testing.T, id string) {
			b.asAdmin(t, http.MethodDelete, "/users/"+url.PathEscape(id), nil).want(t, "deleting a user", http.StatusNoContent)
		},
	}
}

// works says whether RabbitMQ knows the user, whatever it lets it do.
func (b brokerOf) works(t *testing.T, token string) bool {
	t.Helper()
	name, password, _ := strings.Cut(token, ":")
	got := send(t, http.MethodGet, b.URL+"/api/whoami", nil, func(r *http.Request) { r.SetBasicAuth(name, password) }).
		want(t, "a user's own name", http.StatusOK, http.StatusUnauthorized)
	return got.status == http.StatusOK || strings.Contains(string(got.body), "Not management user")
}

func (b brokerOf) asAdmin(t *testing.T, method, path string, body any) answer {
	t.Helper()
	return send(t, method, b.URL+"/api"+path, body, func(r *http.Request) { r.SetBasicAuth(b.Username, b.Password) })
}
