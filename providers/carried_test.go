package providers

import (
	"strings"
	"testing"
)

// Which credential a request carries depends on nothing but what it is for:
// whatever errors about it are told under, a probe goes without the
// connection's.
func TestProbeNeverCarriesTheAdminCredential(t *testing.T) {
	for _, label := range []string{"probe", "auth", "issue", "check", ""} {
		f := newFake(t)
		f.on("GET /v1/me", 200, `{}`)
		c := f.client(t, wholeDefinition, nil)
		c.def.Probe.Block, c.def.Check.Block = label, label
		if alive, err := c.Probe(t.Context(), Values{"api_key": "the-key-itself"}); err != nil || alive != Alive {
			t.Fatalf("probed as %q: %v, %v", label, alive, err)
		}
		if _, header := f.last(); header.Get("Authorization") != "Bearer the-key-itself" {
			t.Errorf("probed as %q with %q", label, header.Get("Authorization"))
		}
		if err := c.Check(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, header := f.last(); header.Get("Authorization") != "Bearer "+adminKey {
			t.Errorf("checked as %q with %q", label, header.Get("Authorization"))
		}
	}
}

// A request for a token is what the credential is for; it carries none but what
// it says itself.
func TestTokenRequestsCarryNoOtherCredential(t *testing.T) {
	src := strings.Replace(wholeDefinition, `auth "bearer" { token = connection.admin_key }`, `
  auth "login" {
    request {
      post = "/login"
      json = { key = connection.admin_key }
    }
    token = body.token
  }
  auth "header" { headers = { X-Admin = connection.admin_key } }`, 1)
	f := newFake(t)
	f.on("POST /v1/login", 200, `{"token":"the-token"}`)
	f.on("GET /v1/me", 200, `{}`)
	if err := f.client(t, src, nil).Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if login := f.headers[0]; login.Get("X-Admin") != "" || login.Get("Authorization") != "" {
		t.Errorf("the login carries %v", login)
	}
	if check := f.headers[1]; check.Get("X-Admin") != adminKey || check.Get("Authorization") != "Bearer the-token" {
		t.Errorf("the check carries %v", check)
	}
}

// The key itself is the first field, or the one that identify names, wherever a
// formatter puts it.
func TestIdentify(t *testing.T) {
	for secret, want := range map[string]string{
		`{ api_key = body.key, user = body.user }`:                             "api_key",
		`{ user = body.user, api_key = body.key }`:                             "user",
		"{ user = body.user, api_key = body.key }\n    identify = \"api_key\"": "api_key",
		"{ api_key = body.key, user = body.user }\n    identify = \"api_key\"": "api_key",
	} {
		d := mustParse(t, strings.Replace(wholeDefinition, "{ api_key = body.key }", secret, 1))
		if got := d.SecretFields(); len(got) != 2 || got[0] != want {
			t.Errorf("%s: a key is known by the first of %q", secret, got)
		}
		f := newFake(t)
		f.on("POST /v1/projects/p1/keys", 200, object{"id": "i", "key": "the-key-value", "user": "the-user", "owner": "o"})
		c := f.client(t, d.Source(), nil)
		key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}})
		if err != nil || key.Value != key.Secret[want] {
			t.Errorf("%s: the key is known by %v (%v)", secret, key, err)
		}
	}
}
