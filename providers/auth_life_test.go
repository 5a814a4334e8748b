package providers

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// The life of a token is what its answer says, in whatever form; where it says
// nothing that can be used, a token is kept for a while.
func TestTokenLife(t *testing.T) {
	kinds := map[string]string{
		"oauth2": `auth "oauth2" {
    token_url     = "/token"
    client_id     = connection.id
    client_secret = connection.secret
  }`,
		"login": `auth "login" {
    request {
      post = "/token"
      json = { secret = connection.secret }
    }
    token      = body.access_token
    expires_in = body.expires_in
  }`,
		"jwt": `auth "jwt" {
    algorithm = "HS256"
    key       = connection.secret
    lifetime  = "5m"
    claims    = { iss = connection.id }
    token_url = "/token"
  }`,
	}
	const longest = 24 * time.Hour // for which a token is kept
	for expiresIn, kept := range map[string]time.Duration{
		`3600`: 59 * time.Minute, `"3600"`: 59 * time.Minute, `3600.5`: 59*time.Minute + 500*time.Millisecond, `"1h"`: 59 * time.Minute,
		`20`: 18 * time.Second, `"20"`: 18 * time.Second, `1e1`: 9 * time.Second,
		`null`: 9 * time.Minute, `""`: 9 * time.Minute, `0`: 9 * time.Minute, `-1`: 9 * time.Minute, `"soon"`: 9 * time.Minute, `[]`: 9 * time.Minute,
		`9223372036854775807`: longest - time.Minute, `1e300`: longest - time.Minute,
	} {
		for kind, auth := range kinds {
			t.Run(kind+" "+expiresIn, func(t *testing.T) {
				f := newFake(t)
				fetched := 0
				give := func(w http.ResponseWriter, _ *http.Request) {
					fetched++
					w.Header().Set("Content-Type", "text/plain")
					fmt.Fprintf(w, "\xef\xbb\xbf"+`{"access_token":"token-number-%d","token_type":"bearer","expires_in":%s}`, fetched, expiresIn)
				}
				f.do("POST /token", give)
				f.do("POST /v1/token", give)
				f.on("GET /v1/check", 200, `{}`)
				now := time.Unix(1_700_000_000, 0)
				c := authClient(t, auth, f.URL+"/v1", Values{"id": "me", "secret": "s3cret-of-32-characters-and-more"}, now)
				c.now = func() time.Time { return now }
				for _, step := range []struct {
					after time.Duration
					want  int
				}{{0, 1}, {kept - time.Millisecond, 1}, {2 * time.Millisecond, 2}} {
					now = now.Add(step.after)
					if err := c.Check(t.Context()); err != nil {
						t.Fatal(err)
					}
					if fetched != step.want {
						t.Errorf("%s on, %d tokens were fetched, want %d", step.after, fetched, step.want)
					}
				}
			})
		}
	}
}

// A 403 may mean that the token has ended: one other is tried, and then the
// answer is believed for a while.
func TestForbiddenTokenIsRenewedOnce(t *testing.T) {
	l := newLoginServer(t)
	good := 0 // the token that the provider takes; 0 for none
	l.do("GET /v1/check", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != fmt.Sprintf("Token token-number-%d", good) {
			w.WriteHeader(http.StatusForbidden)
		}
	})
	now := time.Unix(1_700_000_000, 0)
	c := l.client(t, &now)
	for i, step := range []struct {
		after  time.Duration
		good   int
		logins int
		ok     bool
	}{
		{0, 1, 1, true},
		{2 * time.Minute, 2, 2, true}, // the first has ended
		{time.Second, 0, 2, false},    // and now it means no
		{time.Second, 0, 2, false},
		{2 * time.Minute, 3, 3, true},
		{2 * time.Minute, 0, 4, false},
	} {
		now, good = now.Add(step.after), step.good
		if err := c.Check(t.Context()); (err == nil) != step.ok || l.logins != step.logins {
			t.Errorf("step %d: %d logins, %v; want %d", i, l.logins, err, step.logins)
		}
	}
}
