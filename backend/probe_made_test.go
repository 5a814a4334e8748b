package backend

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/providers"
)

// hubDefinition has tokens of one user, whose name each token is tried with.
const hubDefinition = `provider "hub" {
  title = "Hub"
  connection "user" {
    type     = string
    required = true
  }
  connection "token" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "basic" {
    username = connection.user
    password = connection.token
  }
  check { get = "/tokens" }
  issue {
    post   = "/tokens"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.token }
  }
  revoke {
    delete = "/tokens/${key.id}"
    gone   = [404]
  }
  probe {
    post  = "/login"
    json  = { user = connection.user, token = secret.api_key }
    alive = [200]
    dead  = [401]
  }
}
`

// hub is a provider where each user sees the tokens that are his, and no others.
type hub struct {
	ids    map[string]string // whose they are
	masked bool              // it answers to nobody who wants to delete
}

func (h *hub) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	user, _, _ := r.BasicAuth()
	id := strings.TrimPrefix(r.URL.Path, "/tokens/")
	switch {
	case r.URL.Path == "/login":
		var in struct{ User, Token string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		if owner := h.ids[strings.TrimPrefix(in.Token, "secret-of-")]; owner == "" || owner != in.User {
			rw.WriteHeader(http.StatusUnauthorized)
		}
	case r.Method == http.MethodPost:
		h.ids["token-1"] = user
		_, _ = rw.Write([]byte(`{"id": "token-1", "token": "secret-of-token-1"}`))
	case r.Method == http.MethodDelete && (h.masked || h.ids[id] != user):
		rw.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodDelete:
		delete(h.ids, id)
	default:
		_, _ = rw.Write([]byte(`{}`))
	}
}

// TestKeyIsTriedWhereItWasMade: what a probe says of the connection is that of when the key
// was made, and what another definition's probe says proves nothing.
func TestKeyIsTriedWhereItWasMade(t *testing.T) {
	asBob := func(c *Connection) { c.Fields = providers.Values{"user": "bob", "token": "of-bob"} }
	for name, test := range map[string]struct {
		before     func(*hub)
		change     func(*Connection)
		definition string // uploaded meanwhile; empty for none
		gone       bool
	}{
		"another user's credential, and it works":    {change: asBob},
		"another user's credential, and it is dead":  {change: asBob, before: func(h *hub) { clear(h.ids) }, gone: true},
		"another credential of the user, and dead":   {change: func(c *Connection) { c.Fields["token"] = "new" }, before: func(h *hub) { clear(h.ids) }, gone: true},
		"another credential, and nobody is asked so": {change: asBob, definition: strings.ReplaceAll(hubDefinition, `"/login"`, `"/tokens/login"`)},
		"a definition that asks otherwise":           {definition: strings.NewReplacer(`"/login"`, `"/log-in"`, `"/tokens/${key.id}"`, `"/token/${key.id}"`, "[200]", "[201]", "[401]", "[200]").Replace(hubDefinition), before: func(h *hub) { h.masked = true }},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			ctx := context.Background()
			w := newWorld(t)
			h := &hub{ids: map[string]string{}}
			front := w.serve(w.gated(h))
			_, err := w.process.SaveDefinition(ctx, w.storage, "hub", hubDefinition, false)
			w.must(err)
			w.configure("hub", "hub", "tokens", func(c *Connection, r *Role) {
				c.BaseURL, c.Fields = front.URL, providers.Values{"user": "ann", "token": "of-ann"}
				r.Fields, r.VerifyRevocation = providers.Values{}, ledger.ByProbe
			})
			lease := w.mustMint("tokens")
			w.advance(2 * listLag)
			if test.before != nil {
				test.before(h)
			}
			if test.change != nil {
				w.must(w.process.ChangeConnection(ctx, w.storage, "hub", func(c *Connection) (SaveOptions, error) {
					test.change(c)
					return SaveOptions{Force: true, Credential: true}, nil
				}))
			}
			if test.definition != "" {
				_, err := w.process.SaveDefinition(ctx, w.storage, "hub", test.definition, true)
				w.must(err)
			}
			err = w.revoke(lease)
			if gone := w.recordOf(lease) == nil; gone != test.gone || gone != (err == nil) {
				t.Errorf("Vault is told %v, and the record is %v", err, w.recordOf(lease))
			}
		}))
	}
}
