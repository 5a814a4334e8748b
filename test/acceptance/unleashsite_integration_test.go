//go:build integration

package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/postgres"
	"vault-plugin-secrets-apikeys/internal/testbed/unleash"
)

// unleashReload is how often Unleash reads its tokens anew, unless it keeps
// them secure: so long a deleted one goes on working.
const unleashReload = time.Minute

// postgresOnce is the one PostgreSQL of this test binary.
var postgresOnce = sync.OnceValues(func() (*postgres.Server, error) {
	programs, err := build.PostgreSQL("Unleash, as Miniflux and Zabbix do,")
	if err != nil {
		return nil, err
	}
	server, err := postgres.Start(context.Background(), postgres.Options{
		Programs: programs, Databases: []string{databaseOf(false), databaseOf(true), minifluxDatabase, zabbixDatabase},
	})
	if err == nil {
		doAtTheEnd(server.Close)
	}
	return server, err
})

func databaseOf(secure bool) string { return fmt.Sprintf("unleash_secure_%t", secure) }

// unleashOnce are the two Unleashes of this test binary, by whether their tokens
// are secure.
var unleashOnce = map[bool]func() (*unleash.Server, error){
	false: sync.OnceValues(func() (*unleash.Server, error) { return runUnleash(false) }),
	true:  sync.OnceValues(func() (*unleash.Server, error) { return runUnleash(true) }),
}

func runUnleash(secure bool) (*unleash.Server, error) {
	postgres, err := postgresOnce()
	if err != nil {
		return nil, err
	}
	return started("unleash", build.Unleash, func(path, dir string) (*unleash.Server, error) {
		return unleash.Start(context.Background(), unleash.Options{
			Unleash: path, Dir: dir, Database: postgres.URL(databaseOf(secure)), SecureTokens: secure,
		})
	})
}

// unleashTokens are the tokens of an Unleash that belong to one test.
type unleashTokens struct {
	*unleash.Server
	own    ownNames
	secure bool
}

var unleashSites atomic.Int64

func newUnleashTokens(t *testing.T, secure bool) *unleashTokens {
	t.Helper()
	server, err := unleashOnce[secure]()
	needs(t, "Unleash", err)
	return &unleashTokens{server, ownNames(fmt.Sprintf("flags%d", unleashSites.Add(1))), secure}
}

func (u *unleashTokens) traits() traits {
	traits := traits{sealed: true}
	if !u.secure {
		traits.lag = unleashReload
	}
	return traits
}

func (u *unleashTokens) connection() map[string]any {
	return settings{"provider": "unleash", "base_url": u.URL, "token": u.AdminToken}
}

func (u *unleashTokens) role() map[string]any {
	return settings{"type": "backend", "environment": "development", "projects": "default"}
}

func (u *unleashTokens) alive(t *testing.T, token string) bool {
	t.Helper()
	return u.as(t, token, http.MethodGet, "/api/client/features", nil).
		want(t, "the flags", http.StatusOK, http.StatusUnauthorized).
		status == http.StatusOK
}

// unleashToken is what Unleash lists of a token.
type unleashToken struct {
	TokenName string
	Secret    string // or what serves in its place
	ExpiresAt time.Time
}

func (u *unleashTokens) list(t *testing.T) map[string]unleashToken {
	t.Helper()
	var answer struct{ Tokens []unleashToken }
	u.as(t, u.AdminToken, http.MethodGet, "/api/admin/api-tokens", nil).want(t, "listing tokens", http.StatusOK).decode(t, &answer)
	found := map[string]unleashToken{}
	for _, token := range answer.Tokens {
		if name, own := u.own.of(token.TokenName); own {
			found[name] = token
		}
	}
	return found
}

// keys calls a token by its name, as the engine does: Unleash has no other id.
func (u *unleashTokens) keys(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for name, token := range u.list(t) {
		found[name] = token.TokenName
	}
	return found
}

func (u *unleashTokens) create(t *testing.T, name string) (id string) {
	t.Helper()
	u.as(t, u.AdminToken, http.MethodPost, "/api/admin/api-tokens", settings{
		"tokenName": u.own.at(name), "type": "backend", "environment": "development", "projects": []string{"default"},
	}).want(t, "creating a token", http.StatusCreated)
	return u.own.at(name)
}

func (u *unleashTokens) revoke(t *testing.T, id string) {
	t.Helper()
	name, _ := u.own.of(id)
	u.as(t, u.AdminToken, http.MethodDelete, "/api/admin/api-tokens/"+url.PathEscape(u.list(t)[name].Secret), nil).
		want(t, "deleting a token", http.StatusOK)
}

// as sends a request with a token.
func (u *unleashTokens) as(t *testing.T, token, method, path string, body any) answer {
	t.Helper()
	return send(t, method, u.URL+path, body, func(r *http.Request) { r.Header.Set("Authorization", token) })
}

// accessToken logs in as the administrator and makes a personal access token, as
// a person does in the browser.
func (u *unleashTokens) accessToken(t *testing.T, description string) (id, token string) {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	site, err := url.Parse(u.URL)
	if err != nil {
		t.Fatal(err)
	}
	login := send(t, http.MethodPost, u.URL+"/auth/simple/login", settings{"username": u.Username, "password": u.Password}, func(*http.Request) {})
	login.want(t, "logging in", http.StatusOK)
	jar.SetCookies(site, login.cookies)
	var made struct {
		ID     int
		Secret string
	}
	send(t, http.MethodPost, u.URL+"/api/admin/user/tokens", settings{
		"description": description, "expiresAt": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
	}, func(r *http.Request) {
		for _, cookie := range jar.Cookies(site) {
			r.AddCookie(cookie)
		}
	}).want(t, "making an access token", http.StatusCreated).decode(t, &made)
	return fmt.Sprint(made.ID), made.Secret
}

// accessTokens are the descriptions of the administrator's access tokens.
func (u *unleashTokens) accessTokens(t *testing.T, token string) []string {
	t.Helper()
	var answer struct {
		Pats []struct{ Description string }
	}
	u.as(t, token, http.MethodGet, "/api/admin/user/tokens", nil).want(t, "listing access tokens", http.StatusOK).decode(t, &answer)
	var found []string
	for _, pat := range answer.Pats {
		found = append(found, pat.Description)
	}
	return found
}
