package backend

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// TestKeyThatMayDoMoreIsRevoked: a key that may do more than its role says reaches
// nobody, and of one that may do less its reader is told.
func TestKeyThatMayDoMoreIsRevoked(t *testing.T) {
	for name, test := range map[string]struct {
		granted string // in place of ["read"]
		refused string
		warned  string
	}{
		"as asked":   {`["read"]`, "", ""},
		"more":       {`["read","admin"]`, "may do more than was asked for (scopes admin)", ""},
		"less":       {`[]`, "", "it lacks scopes read"},
		"not told":   {`null`, "", ""},
		"other kind": {`{"odd":[]}`, "", "it lacks scopes read"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.grants(&test.granted)
			response, err := w.process.Mint(context.Background(), w.request(logical.ReadOperation, "creds/app"), "app", Narrowing{})
			if test.refused != "" {
				if err == nil || !strings.Contains(err.Error(), test.refused) {
					t.Errorf("the mint is answered %v, want it refused for %s", err, test.refused)
				}
				w.mustSettle()
				w.nothingIsLeft()
				return
			}
			w.must(err)
			warned := strings.Join(response.Warnings, " ")
			if test.warned == "" && warned != "" || !strings.Contains(warned, test.warned) {
				t.Errorf("the reader is warned %q, want %q", warned, test.warned)
			}
			record := w.recordOf(&heldLease{key: response.Data["api_key"].(string)})
			if told := record.Granted != nil; told != (test.granted != "null") {
				t.Errorf("the record says %v of what the key may do", record.Granted)
			}
		}))
	}
}

// TestStaticKeyThatMayDoMoreIsNotStored: the role keeps the key that it has.
func TestStaticKeyThatMayDoMoreIsNotStored(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		granted := `["read"]`
		w.grants(&granted)
		w.makeStatic("guest", time.Hour)
		before := w.current("guest")
		granted = `["read","admin"]`
		if err := w.process.RotateStatic(context.Background(), w.storage, "guest"); err == nil || !strings.Contains(err.Error(), "may do more") {
			t.Errorf("the rotation is answered %v", err)
		}
		if w.current("guest").RecordID != before.RecordID {
			t.Error("the role has another key")
		}
		w.run(10*time.Minute, time.Minute)
		w.onlyStaticKeysLive()
	})(t)
}

// grants has the provider say of each new key that it may do something else than was
// asked for.
func (w *world) grants(scopes *string) {
	w.rewrites(http.MethodPost, func(answer []byte) []byte {
		return bytes.Replace(answer, []byte(`"scopes":["read"]`), []byte(`"scopes":`+*scopes), 1)
	})
}

// rewrites has the provider answer requests of a method in another way.
func (w *world) rewrites(method string, rewrite func(answer []byte) []byte) {
	w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
		if r.Method != method {
			pass()
			return
		}
		said := httptest.NewRecorder()
		w.gated(w.sandbox).ServeHTTP(said, r)
		for name, values := range said.Header() {
			if name != "Content-Length" {
				rw.Header()[name] = slices.Clone(values)
			}
		}
		rw.WriteHeader(said.Code)
		_, _ = rw.Write(rewrite(said.Body.Bytes()))
	})
}

// TestLastUsed asks the provider, and says where that is not to be had.
func TestLastUsed(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		used, unused := w.mustMint("app"), w.mustMint("app")
		w.use(used.key)
		at, told, err := w.process.LastUsed(ctx, w.storage, w.recordOf(used))
		if err != nil || !told || at.IsZero() {
			t.Errorf("of a key that was used: %s, %t, %v", at, told, err)
		}
		at, told, err = w.process.LastUsed(ctx, w.storage, w.recordOf(unused))
		if err != nil || !told || !at.IsZero() {
			t.Errorf("of a key that never was: %s, %t, %v", at, told, err)
		}
		w.dropRecordOf(unused)
		report, err := w.process.Reconcile(ctx, w.storage, "box", ReconcileOptions{})
		w.must(err)
		if len(report.LastUsed) != 1 || report.LastUsed[w.nameOf(used)].IsZero() {
			t.Errorf("the report says of held keys %v", report.LastUsed)
		}
		if len(report.Orphans) != 1 || !report.Orphans[0].LastUsed.IsZero() || !report.Orphans[0].NeverUsed {
			t.Errorf("the report says of orphans %+v", report.Orphans)
		}
		w.deleteKeyOf(used)
		if at, told, err = w.process.LastUsed(ctx, w.storage, w.recordOf(used)); err != nil || told {
			t.Errorf("of a key that is gone: %s, %t, %v", at, told, err)
		}
	})(t)
}

// TestUseThatIsNotTold: an answer that leaves out when a key was used does not say that it
// never was, for which somebody might end a key that is in use.
func TestUseThatIsNotTold(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		w.rewrites(http.MethodGet, func(answer []byte) []byte {
			return bytes.ReplaceAll(answer, []byte(`"last_used_at"`), []byte(`"renamed"`))
		})
		held, orphan := w.mustMint("app"), w.mustMint("app")
		w.use(held.key)
		if at, told, err := w.process.LastUsed(ctx, w.storage, w.recordOf(held)); err != nil || told || !at.IsZero() {
			t.Errorf("of a key of which it is not told: %s, %t, %v", at, told, err)
		}
		w.dropRecordOf(orphan)
		report, err := w.process.Reconcile(ctx, w.storage, "box", ReconcileOptions{})
		w.must(err)
		if len(report.LastUsed) > 0 || len(report.Orphans) != 1 || report.Orphans[0].NeverUsed {
			t.Errorf("the report says %v, %+v", report.LastUsed, report.Orphans)
		}
	})(t)
}
