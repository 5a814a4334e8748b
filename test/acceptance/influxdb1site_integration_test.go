//go:build integration

package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/influxdb1"
)

// influxdb1Server is about a provider whose whole API is one address that takes
// statements, and answers what went wrong under 200.
var influxdb1Server = realServer{
	start: sync.OnceValues(func() (catalogServer, error) {
		return started("influxdb1", build.InfluxDB1, func(path, dir string) (catalogServer, error) {
			server, err := influxdb1.Start(context.Background(), influxdb1.Options{Root: path, Dir: dir})
			return seriesOf{server}, err
		})
	}),
	newSite: func(t *testing.T, server catalogServer, own ownNames) *restSite {
		return server.(seriesOf).site(own)
	},
	administrator: func(t *testing.T, server catalogServer, name string) (settings, func() bool) {
		series, first := server.(seriesOf), "Passw0rd-"+name
		series.must(t, fmt.Sprintf(`CREATE USER "%s" WITH PASSWORD '%s' WITH ALL PRIVILEGES`, name, first))
		return settings{"username": name, "password": first}, func() bool { return series.works(t, name+":"+first) }
	},
}

type seriesOf struct{ *influxdb1.Server }

func (s seriesOf) Secret() string { return s.Password }

func (s seriesOf) site(own ownNames) *restSite {
	return &restSite{
		own:        own,
		fields:     settings{"provider": "influxdb1", "base_url": s.URL, "username": s.Username, "password": s.Password},
		grants:     settings{"database": influxdb1.Database},
		credential: "password",
		peculiar: traits{
			mints:   func(_ *http.Request, body string) bool { return strings.Contains(body, "CREATE+USER") },
			token:   userAndPassword,
			secrets: []string{"password"},
		},
		works: s.works,
		list: func(t *testing.T) map[string]string {
			var said struct {
				Results []struct{ Series []struct{ Values [][]any } }
			}
			s.as(t, s.Username+":"+s.Password, "SHOW USERS").want(t, "listing users", http.StatusOK).decode(t, &said)
			found := map[string]string{}
			for _, user := range said.Results[0].Series[0].Values {
				found[user[0].(string)] = user[0].(string)
			}
			return found
		},
		make: func(t *testing.T, name string) string {
			s.must(t, fmt.Sprintf(`CREATE USER "%s" WITH PASSWORD 'not-a-secret'`, name))
			return name
		},
		end: func(t *testing.T, id string) { s.must(t, fmt.Sprintf(`DROP USER "%s"`, id)) },
	}
}

func (s seriesOf) works(t *testing.T, token string) bool {
	t.Helper()
	return s.as(t, token, "SHOW DATABASES").want(t, "a user's databases", http.StatusOK, http.StatusUnauthorized).status == http.StatusOK
}

func (s seriesOf) must(t *testing.T, statement string) {
	t.Helper()
	if err := s.Query(context.Background(), statement); err != nil {
		t.Fatal(err)
	}
}

func (s seriesOf) as(t *testing.T, token, statement string) answer {
	t.Helper()
	name, password, _ := strings.Cut(token, ":")
	return send(t, http.MethodGet, s.URL+"/query?"+url.Values{"q": {statement}}.Encode(), nil, func(r *http.Request) { r.SetBasicAuth(name, password) })
}
