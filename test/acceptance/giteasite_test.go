package acceptance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/gitea"
)

// giteaOnce is the one Gitea of this test binary.
var giteaOnce = sync.OnceValues(func() (*gitea.Server, error) {
	return started("gitea", build.Gitea, func(path, dir string) (*gitea.Server, error) {
		return gitea.Start(context.Background(), gitea.Options{Gitea: path, Dir: dir})
	})
})

// startGitea returns the one Gitea. In short mode, and where it cannot be built,
// the test is skipped.
func startGitea(t *testing.T) *gitea.Server {
	t.Helper()
	if testing.Short() {
		t.Skip("it needs a Gitea, which -short leaves out")
	}
	server, err := giteaOnce()
	if errors.Is(err, build.ErrNoCompiler) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatalf("starting Gitea: %v", err)
	}
	return server
}

// giteaUser is a user of Gitea's whose tokens belong to one test.
type giteaUser struct {
	*gitea.Server
	name string
}

var giteaUsers atomic.Int64

func newGiteaUser(t *testing.T, server *gitea.Server) *giteaUser {
	t.Helper()
	user := &giteaUser{server, fmt.Sprintf("bot%d", giteaUsers.Add(1))}
	user.asAdmin(t, http.MethodPost, "/admin/users", settings{
		"username": user.name, "email": user.name + "@example.test",
		"password": "Passw0rd-" + user.name, "must_change_password": false,
	}).want(t, "creating a user", http.StatusCreated)
	return user
}

func (u *giteaUser) connection() map[string]any {
	return settings{"provider": "gitea", "base_url": u.URL, "allow_http": true, "username": u.Username, "password": u.Password}
}

func (u *giteaUser) role() map[string]any {
	return settings{"username": u.name, "scopes": []string{"read:user"}}
}

func (u *giteaUser) alive(t *testing.T, token string) bool {
	t.Helper()
	return u.as(t, token, http.MethodGet, "/user", nil).
		want(t, "a key's own user", http.StatusOK, http.StatusUnauthorized).
		status == http.StatusOK
}

func (u *giteaUser) keys(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for page := 1; ; page++ {
		var tokens []struct {
			ID   int64
			Name string
		}
		u.asAdmin(t, http.MethodGet, fmt.Sprintf("%s?page=%d&limit=50", u.tokens(), page), nil).
			want(t, "listing tokens", http.StatusOK).
			decode(t, &tokens)
		for _, token := range tokens {
			found[token.Name] = strconv.FormatInt(token.ID, 10)
		}
		if len(tokens) == 0 {
			return found
		}
	}
}

func (u *giteaUser) create(t *testing.T, name string) (id string) {
	t.Helper()
	var made struct{ ID int64 }
	u.asAdmin(t, http.MethodPost, u.tokens(), settings{"name": name, "scopes": []string{"read:user"}}).
		want(t, "creating a token", http.StatusCreated).
		decode(t, &made)
	return strconv.FormatInt(made.ID, 10)
}

func (u *giteaUser) revoke(t *testing.T, id string) {
	t.Helper()
	u.asAdmin(t, http.MethodDelete, u.tokens()+"/"+id, nil).want(t, "deleting a token", http.StatusNoContent)
}

func (u *giteaUser) tokens() string { return "/users/" + u.name + "/tokens" }

func (u *giteaUser) asAdmin(t *testing.T, method, path string, body any) answer {
	t.Helper()
	return send(t, method, u.URL+"/api/v1"+path, body, func(r *http.Request) { r.SetBasicAuth(u.Username, u.Password) })
}

// as sends a request with a token.
func (u *giteaUser) as(t *testing.T, token, method, path string, body any) answer {
	t.Helper()
	return send(t, method, u.URL+"/api/v1"+path, body, func(r *http.Request) { r.Header.Set("Authorization", "token "+token) })
}
