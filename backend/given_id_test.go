package backend

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// usersDefinition makes users of the names that roles give, each of which may be there.
const usersDefinition = `provider "users" {
  title = "Users"
  connection "token" {
    type      = string
    required  = true
    sensitive = true
  }
  role "user" {
    type     = string
    required = true
  }
  auth "bearer" { token = connection.token }
  check { get = "/me" }
  issue {
    put    = "/users/${role.user}"
    json   = { note = key.name }
    id     = role.user
    secret = { password = body.password }
  }
  revoke {
    delete = "/users/${key.id}"
    gone   = [404]
  }
}
`

// TestIdThatARoleGives: what has the id that a role gives may have been there before, so
// that it is nobody's to delete when a mint comes to nothing.
func TestIdThatARoleGives(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		dies   bool
		user   string
	}{
		"a conflict":                  {http.StatusConflict, false, "reader"},
		"a conflict, the id long":     {http.StatusConflict, false, "reader-0f3c9a71b2d84e65a7"},
		"no answer":                   {http.StatusGatewayTimeout, false, "reader"},
		"no answer, the id long":      {http.StatusGatewayTimeout, false, "reader-0f3c9a71b2d84e65a7"},
		"the process dies":            {http.StatusConflict, true, "reader"},
		"it dies, and the id is long": {http.StatusConflict, true, "reader-0f3c9a71b2d84e65a7"},
		"it is not allowed":           {http.StatusForbidden, false, "reader"},
		"half an answer":              {http.StatusOK, false, "reader"},
		"the same, the id long":       {http.StatusOK, false, "reader-0f3c9a71b2d84e65a7"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			ctx := context.Background()
			w := newWorld(t)
			deleted := 0
			w.connect(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				switch r.Method {
				case http.MethodPut:
					rw.WriteHeader(test.status)
					fmt.Fprint(rw, "{}")
				case http.MethodDelete:
					deleted++
				}
			}), "users", usersDefinition, "token", "users")
			w.must(w.process.ChangeConnection(ctx, w.storage, "users", func(connection *Connection) (SaveOptions, error) {
				connection.AllowedRoles = []string{"*"}
				return SaveOptions{}, nil
			}))
			w.must(w.process.SaveRole(ctx, w.storage, "reader", &Role{Connection: "users", TTL: time.Hour, MaxTTL: time.Hour, Fields: map[string]any{"user": test.user}}))
			if test.dies {
				w.process.gate.killAfter("PUT ")
			}
			if _, err := w.mint("reader"); err == nil {
				t.Fatal("a key was made of a user that was there before")
			}
			if test.dies {
				w.start(fault{})
			}
			w.run(3*time.Hour, time.Minute)
			if deleted > 0 {
				t.Errorf("the user that was there before was deleted %d times", deleted)
			}
		}))
	}
}
