//go:build integration

package acceptance

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/icinga2"
)

// icinga2Server is about keys that are objects of a configuration.
var icinga2Server = realServer{
	start: sync.OnceValues(func() (catalogServer, error) {
		return started("icinga2", build.Icinga2, func(path, dir string) (catalogServer, error) {
			server, err := icinga2.Start(context.Background(), icinga2.Options{Root: path, Dir: dir})
			return monitorOf{server}, err
		})
	}),
	newSite: func(t *testing.T, server catalogServer, own ownNames) *restSite {
		return server.(monitorOf).site(own)
	},
	administrator: func(t *testing.T, server catalogServer, name string) (settings, func() bool) {
		monitor, password := server.(monitorOf), "Passw0rd-"+name
		monitor.asAdmin(t, http.MethodPut, "/apiusers/"+name, settings{"attrs": settings{
			"password": password, "permissions": []string{"objects/create/ApiUser", "objects/query/ApiUser", "objects/delete/ApiUser"},
		}}).want(t, "making an administrator", http.StatusOK)
		return settings{"username": name, "password": password}, func() bool {
			return monitor.as(t, name+":"+password, http.MethodGet, "/apiusers?attrs=name", nil).
				want(t, "the first administrator's users", http.StatusOK, http.StatusUnauthorized).status == http.StatusOK
		}
	},
}

type monitorOf struct{ *icinga2.Server }

func (m monitorOf) Secret() string { return m.Password }

func (m monitorOf) site(own ownNames) *restSite {
	return &restSite{
		own:        own,
		fields:     settings{"provider": "icinga2", "base_url": m.URL, "username": m.Username, "password": m.Password},
		grants:     settings{"permissions": []string{"objects/query/Host"}},
		credential: "password",
		peculiar: traits{
			mints:   func(r *http.Request, _ string) bool { return r.Method == http.MethodPut },
			token:   userAndPassword,
			secrets: []string{"password"},
		},
		works: func(t *testing.T, token string) bool {
			return m.as(t, token, http.MethodGet, "/hosts", nil).want(t, "a user's hosts", http.StatusOK, http.StatusUnauthorized).status == http.StatusOK
		},
		list: func(t *testing.T) map[string]string {
			var said struct{ Results []struct{ Name string } }
			m.asAdmin(t, http.MethodGet, "/apiusers?attrs=name", nil).want(t, "listing users", http.StatusOK).decode(t, &said)
			found := map[string]string{}
			for _, user := range said.Results {
				found[user.Name] = user.Name
			}
			return found
		},
		make: func(t *testing.T, name string) string {
			m.asAdmin(t, http.MethodPut, "/apiusers/"+name, settings{"attrs": settings{"password": "not-a-secret", "permissions": []string{}}}).want(t, "making a user", http.StatusOK)
			return name
		},
		end: func(t *testing.T, id string) {
			m.asAdmin(t, http.MethodDelete, "/apiusers/"+id, nil).want(t, "deleting a user", http.StatusOK)
		},
	}
}

func (m monitorOf) asAdmin(t *testing.T, method, path string, body any) answer {
	t.Helper()
	return m.as(t, m.Username+":"+m.Password, method, path, body)
}

func (m monitorOf) as(t *testing.T, token, method, path string, body any) answer {
	t.Helper()
	name, password, _ := strings.Cut(token, ":")
	return send(t, method, m.URL+"/v1/objects"+path, body, func(r *http.Request) {
		r.SetBasicAuth(name, password)
		r.Header.Set("Accept", "application/json")
	})
}
