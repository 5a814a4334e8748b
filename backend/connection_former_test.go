package backend

import (
	"context"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// TestOriginIsNoted wherever something stands for a key or a credential that the
// provider may have.
func TestOriginIsNoted(t *testing.T) {
	builtIn, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	for name, noted := range map[string]func(w *world) origin.Origin{
		"in a ledger record": func(w *world) origin.Origin { return w.recordOf(w.mustMint("app")).Origin() },
		"in a mark": func(w *world) origin.Origin {
			w.mustMint("app")
			return w.process.books.marks.Of("box").Mark.Locations[0].Origin("box")
		},
		"in an entry of the queue": func(w *world) origin.Origin {
			w.addFaults(mintFault(sandbox.Reset))
			w.mint("app")
			queued := w.process.Queue()
			if len(queued) != 1 {
				w.t.Fatalf("%d entries are queued", len(queued))
			}
			return queued[0].Origin()
		},
		"in a note of a rotation": func(w *world) origin.Origin {
			bound, err := w.process.bound(context.Background(), w.storage, "box")
			w.must(err)
			note, err := w.process.beginRotation(context.Background(), w.storage, bound)
			w.must(err)
			return note.Origin
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			want := origin.Origin{Connection: "box", Provider: "sandbox", Definition: builtIn.Hash(), BaseURL: w.front.URL, Account: w.connection("box").Account}
			if want.Account == "" {
				t.Error("the connection has no account")
			}
			if got := noted(w); got != want {
				t.Errorf("the origin is %+v, want %+v", got, want)
			}
		}))
	}
}

// TestAccount stays the same for as long as an operator writes no other admin
// credential, and is again what it was when he writes the first one back.
func TestAccount(t *testing.T) {
	ctx := context.Background()
	change := func(change func(*Connection)) func(w *world) {
		return func(w *world) {
			w.must(w.process.ChangeConnection(ctx, w.storage, "box", func(c *Connection) (SaveOptions, error) {
				change(c)
				return SaveOptions{}, nil
			}))
		}
	}
	credential := func(key string) func(w *world) {
		return change(func(c *Connection) { c.Fields = providers.Values{"admin_key": key} })
	}
	for name, test := range map[string]struct {
		acts []func(w *world)
		same bool
	}{
		"another setting":            {[]func(w *world){change(func(c *Connection) { c.RequestsPerSecond = 5 })}, true},
		"rotated by the engine":      {[]func(w *world){func(w *world) { w.must(w.process.RotateRoot(ctx, w.storage, "box")) }}, true},
		"replaced by hand":           {[]func(w *world){credential("another-admin-key")}, false},
		"replaced by hand, and back": {[]func(w *world){credential("another-admin-key"), credential(testAdminKey)}, true},
		"stored by an earlier engine": {[]func(w *world){func(w *world) {
			c := w.connection("box")
			c.Account = ""
			w.must(stored.Write(ctx, w.storage, connectionPrefix+"box", c))
		}, change(func(*Connection) {})}, true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			before := w.connection("box").Account
			for _, act := range test.acts {
				act(w)
			}
			after := w.connection("box")
			if after.Account == "" || test.same != (after.Account == before) {
				t.Errorf("the account was %q and is %q", before, after.Account)
			}
			if strings.Contains(after.Account, testAdminKey) {
				t.Error("the account tells the credential")
			}
		}))
	}
}

// TestBuiltInRevokesItsKeys although an upload stands before it by now, whose own
// requests go nowhere.
func TestBuiltInRevokesItsKeys(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	lease := w.mustMint("app")
	builtIn, err := providers.Load("sandbox")
	w.must(err)
	_, err = w.process.SaveDefinition(ctx, w.storage, "sandbox", strings.ReplaceAll(builtIn.Source(), "/v1/keys/", "/v2/keys/"), true)
	w.must(err)
	w.must(w.revoke(lease))
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive: %v", alive)
	}
	w.nothingIsQueued()
}

// otherHost serves another sandbox with the same admin key.
func (w *world) otherHost() (*sandbox.Server, string) {
	w.t.Helper()
	other := sandbox.New(sandbox.Options{AdminKey: testAdminKey})
	w.t.Cleanup(other.Close)
	return other, w.serve(other).URL
}

func (w *world) connection(name string) *Connection {
	w.t.Helper()
	c, err := w.process.Connection(context.Background(), w.storage, name)
	w.must(err)
	if c == nil {
		w.t.Fatalf("there is no connection %q", name)
	}
	return c
}

func (w *world) longestMint(connection string) time.Duration {
	w.t.Helper()
	return w.connection(connection).longestMint()
}

// recordOf is the ledger's record of a lease's key; nil when there is none.
func (w *world) recordOf(lease *heldLease) *ledger.Record {
	w.t.Helper()
	mount, err := w.process.mount(context.Background(), w.storage)
	w.must(err)
	r, err := ledger.Get(context.Background(), w.storage, mount.RecordID(lease.key))
	w.must(err)
	return r
}

func (w *world) nothingIsQueued() {
	w.t.Helper()
	for _, entry := range w.process.Queue() {
		w.t.Errorf("queued: %s %q: %s", entry.Kind, entry.KeyName, entry.LastError)
	}
}
