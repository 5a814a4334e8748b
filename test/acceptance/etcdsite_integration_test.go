//go:build integration

package acceptance

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/etcd"
)

func runEtcd() (*etcd.Server, error) {
	return started("etcd", build.Etcd, func(path, dir string) (*etcd.Server, error) {
		return etcd.Start(context.Background(), etcd.Options{Etcd: path, Dir: dir})
	})
}

// etcdOnce is the one etcd of this test binary.
var etcdOnce = sync.OnceValues(runEtcd)

// etcdUsers are the users of an etcd that belong to one test, and may read what
// is below /read/ and write what is below /write/.
type etcdUsers struct {
	*etcd.Server
	own ownNames
}

var etcdSites atomic.Int64

const etcdRole = "reader"

func newEtcdUsers(t *testing.T) *etcdUsers {
	t.Helper()
	server, err := etcdOnce()
	needs(t, "etcd", err)
	return newEtcdUsersAt(t, server)
}

func newEtcdUsersAt(t *testing.T, server *etcd.Server) *etcdUsers {
	t.Helper()
	e := &etcdUsers{server, ownNames(fmt.Sprintf("store%d", etcdSites.Add(1)))}
	e.asAdmin(t, "/v3/auth/role/add", settings{"name": e.role()["role"]}).want(t, "making a role", http.StatusOK)
	for kind, folder := range map[string]string{"READ": "/read/", "WRITE": "/write/"} {
		e.asAdmin(t, "/v3/auth/role/grant", settings{"name": e.role()["role"], "perm": settings{
			"permType": kind, "key": bytesOf(folder), "range_end": bytesOf(folder[:len(folder)-1] + "0"),
		}}).want(t, "granting", http.StatusOK)
	}
	return e
}

// bytesOf is how etcd's JSON writes bytes.
func bytesOf(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func (e *etcdUsers) traits() traits {
	return traits{
		mintPath: "/user/add",
		token:    func(fields map[string]any) string { return fmt.Sprint(fields["username"], ":", fields["password"]) },
		secrets:  []string{"password"},
	}
}

func (e *etcdUsers) connection() map[string]any {
	return settings{"provider": "etcd", "base_url": e.URL, "username": e.Username, "password": e.Password}
}

func (e *etcdUsers) role() map[string]any { return settings{"role": string(e.own) + "-" + etcdRole} }

// alive logs in, which is what etcd wants the password for.
func (e *etcdUsers) alive(t *testing.T, token string) bool {
	t.Helper()
	return e.login(t, token) != ""
}

// login returns what the other requests are sent with, or "" when the user is
// not known.
func (e *etcdUsers) login(t *testing.T, token string) string {
	t.Helper()
	name, password, _ := strings.Cut(token, ":")
	got := e.as(t, "", "/v3/auth/authenticate", settings{"name": name, "password": password})
	if got.status == http.StatusBadRequest && strings.Contains(string(got.body), "authentication failed") {
		return ""
	}
	var made struct{ Token string }
	got.want(t, "logging in", http.StatusOK).decode(t, &made)
	return made.Token
}

func (e *etcdUsers) keys(t *testing.T) map[string]string {
	t.Helper()
	var answer struct{ Users []string }
	e.asAdmin(t, "/v3/auth/user/list", settings{}).want(t, "listing users", http.StatusOK).decode(t, &answer)
	found := map[string]string{}
	for _, user := range answer.Users {
		if name, own := e.own.of(user); own {
			found[name] = user
		}
	}
	return found
}

func (e *etcdUsers) create(t *testing.T, name string) (id string) {
	t.Helper()
	e.asAdmin(t, "/v3/auth/user/add", settings{"name": e.own.at(name), "password": "not-a-secret"}).want(t, "adding a user", http.StatusOK)
	return e.own.at(name)
}

func (e *etcdUsers) revoke(t *testing.T, id string) {
	t.Helper()
	e.asAdmin(t, "/v3/auth/user/delete", settings{"name": id}).want(t, "deleting a user", http.StatusOK)
}

func (e *etcdUsers) asAdmin(t *testing.T, path string, body any) answer {
	t.Helper()
	return e.as(t, e.login(t, e.Username+":"+e.Password), path, body)
}

// as sends a request with what a login gave.
func (e *etcdUsers) as(t *testing.T, login, path string, body any) answer {
	t.Helper()
	return send(t, http.MethodPost, e.URL+path, body, func(r *http.Request) {
		if login != "" {
			r.Header.Set("Authorization", login)
		}
	})
}
