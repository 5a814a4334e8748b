package backend

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
)

// TestKeyThatWorksUnderAnotherId: the answer to a mint told an id that is not its key's, and
// nothing bears that id by the end of the lease. The key itself says that it works, so it is
// found by its name, and ended unless somebody else holds what is there.
func TestKeyThatWorksUnderAnotherId(t *testing.T) {
	const stranger = "key_of_nobody_here"
	for name, test := range map[string]struct {
		// unknown is with what the provider answers to who deletes what it does not know.
		unknown int
		// another has a later mint's answer tell the id of the first one's key.
		another bool
	}{
		"nobody else knows of it":              {unknown: http.StatusNotFound},
		"and the provider calls that bad":      {unknown: http.StatusBadRequest},
		"and it says that it has ended it":     {unknown: http.StatusNoContent},
		"another mint's answer told of it":     {unknown: http.StatusNotFound, another: true},
		"another's did, and the answer is bad": {unknown: http.StatusBadRequest, another: true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			var tells []string // the ids that answers tell in the place of the key's own
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch {
				case r.Method == http.MethodPost && len(tells) > 0:
					said := httptest.NewRecorder()
					w.sandbox.ServeHTTP(said, r)
					var fields map[string]any
					w.must(json.Unmarshal(said.Body.Bytes(), &fields))
					fields["id"], tells = tells[0], tells[1:]
					text, err := json.Marshal(fields)
					w.must(err)
					rw.Header().Set("Content-Type", "application/json")
					rw.WriteHeader(said.Code)
					_, _ = rw.Write(text)
				case r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, stranger):
					rw.WriteHeader(test.unknown)
				default:
					pass()
				}
			})
			w.configure("sandbox", "box", "app", func(_ *Connection, r *Role) { r.VerifyRevocation = ledger.ByProbe })
			tells = []string{stranger}
			lease := w.mustMint("app")
			var other *heldLease
			if test.another {
				tells = []string{w.sandbox.LiveKeys()[0].ID}
				other = w.mustMint("app")
			}
			names := w.alive()
			w.advance(2 * listLag)
			if err := w.revoke(lease); err == nil {
				t.Error("Vault was told that a key is dead that works")
			}
			w.run(8*time.Minute, 10*time.Second)
			if other != nil {
				if alive := w.alive(); !maps.Equal(alive, names) {
					t.Fatalf("alive are %v, want %v: one is another holder's by its id", alive, names)
				}
				w.must(w.revoke(other))
				w.run(20*time.Minute, 10*time.Second)
			}
			if alive := w.alive(); len(alive) > 0 {
				t.Errorf("alive: %v", alive)
			}
			w.run(10*time.Minute, 10*time.Second)
			w.nothingIsQueued()
			w.untimely = nil
			w.mustSettle()
		}))
	}
}
