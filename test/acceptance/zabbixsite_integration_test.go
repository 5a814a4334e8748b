//go:build integration

package acceptance

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/zabbix"
)

const zabbixDatabase = "zabbix"

// zabbixServer is about an API that answers 200 to everything, and makes a key by two
// requests. Each test is a user of its own.
var zabbixServer = realServer{
	alone: true, // each of its requests starts PHP anew
	start: sync.OnceValues(func() (catalogServer, error) {
		postgres, err := postgresOnce()
		if err != nil {
			return nil, err
		}
		return started("zabbix", build.Zabbix, func(path, dir string) (catalogServer, error) {
			server, err := zabbix.Start(context.Background(), zabbix.Options{Root: path, Dir: dir, Database: postgres.Address(), Name: zabbixDatabase})
			return watcherOf{server}, err
		})
	}),
	newSite: func(t *testing.T, server catalogServer, own ownNames) *restSite {
		return server.(watcherOf).site(t, own)
	},
	administrator: func(t *testing.T, server catalogServer, name string) (settings, func() bool) {
		watcher := server.(watcherOf)
		first := watcher.token(t, watcher.user(t, name, superAdmin), name)
		return settings{"token": first}, func() bool { return watcher.works(t, first) }
	},
}

// Zabbix's own roles.
const (
	userRole   = "1"
	superAdmin = "3"
)

type watcherOf struct{ *zabbix.Server }

func (w watcherOf) Secret() string { return w.Token }

// watchersUsers are made one after the other: Zabbix gives the first two of them one
// number.
var watchersUsers sync.Mutex

// user makes a user, and returns its id.
func (w watcherOf) user(t *testing.T, name, role string) string {
	t.Helper()
	watchersUsers.Lock()
	defer watchersUsers.Unlock()
	const administrators = "7"
	var made struct{ UserIDs []string }
	w.asAdmin(t, "user.create", settings{
		"username": name, "passwd": rand.Text() + "-a0", "roleid": role, "usrgrps": []settings{{"usrgrpid": administrators}},
	}, &made)
	return made.UserIDs[0]
}

// token makes a token of the user.
func (w watcherOf) token(t *testing.T, user, name string) string {
	t.Helper()
	var made []struct{ Token string }
	w.asAdmin(t, "token.generate", []string{w.unnamed(t, user, name)}, &made)
	return made[0].Token
}

// unnamed makes a token of which nobody knows the value, and returns its id.
func (w watcherOf) unnamed(t *testing.T, user, name string) string {
	t.Helper()
	var made struct{ TokenIDs []string }
	w.asAdmin(t, "token.create", settings{"userid": user, "name": name}, &made)
	return made.TokenIDs[0]
}

func (w watcherOf) site(t *testing.T, own ownNames) *restSite {
	user := w.user(t, string(own), userRole)
	return &restSite{
		own:        own,
		fields:     settings{"provider": "zabbix", "base_url": w.URL, "token": w.Token, "credential_in": "body"},
		grants:     settings{"user_id": user},
		credential: "token",
		peculiar:   traits{mints: func(_ *http.Request, body string) bool { return strings.Contains(body, "token.generate") }},
		works:      w.works,
		list: func(t *testing.T) map[string]string {
			var tokens []struct{ TokenID, Name string }
			w.asAdmin(t, "token.get", settings{"output": []string{"tokenid", "name"}, "userids": []string{user}}, &tokens)
			found := map[string]string{}
			for _, token := range tokens {
				found[token.Name] = token.TokenID
			}
			return found
		},
		make: func(t *testing.T, name string) string { return w.unnamed(t, user, name) },
		end: func(t *testing.T, id string) {
			w.asAdmin(t, "token.delete", []string{id}, &struct{}{})
		},
	}
}

func (w watcherOf) works(t *testing.T, token string) bool {
	t.Helper()
	complaint := w.call(t, token, "user.get", settings{"output": []string{"userid"}}, &[]struct{}{})
	if complaint != "" && complaint != "Not authorized." && complaint != "API token expired." {
		t.Fatalf("a token's user: %s", complaint)
	}
	return complaint == ""
}

func (w watcherOf) asAdmin(t *testing.T, method string, params, into any) {
	t.Helper()
	if complaint := w.call(t, w.Token, method, params, into); complaint != "" {
		t.Fatalf("%s: %s", method, complaint)
	}
}

// call calls a method; into gets its result. It returns what the server complains of.
func (w watcherOf) call(t *testing.T, token, method string, params, into any) (complaint string) {
	t.Helper()
	var said struct {
		Result json.RawMessage
		Error  struct{ Data string }
	}
	send(t, http.MethodPost, w.URL+"/api_jsonrpc.php", settings{"jsonrpc": "2.0", "id": 1, "auth": token, "method": method, "params": params}, func(*http.Request) {}).
		want(t, method, http.StatusOK).decode(t, &said)
	if said.Error.Data == "" {
		answer{body: said.Result}.decode(t, into)
	}
	return said.Error.Data
}
