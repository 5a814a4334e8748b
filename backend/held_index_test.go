package backend

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// manyRecords is a ledger that nobody reads while somebody waits.
const manyRecords = 10_000

// longLedger puts so many records into the ledger as a former process would have left
// them, and starts a process that has read them all.
func (w *world) longLedger() { w.t.Helper(); w.longLedgerOf("one") }

// longLedgerOf is longLedger with all of it another connection's.
func (w *world) longLedgerOf(connection string) {
	w.t.Helper()
	ctx := context.Background()
	r := *w.recordOf(w.mustMint("main"))
	former := w.process.books.ledger
	for n := range manyRecords {
		other := r
		other.Connection = connection
		other.ID = fmt.Sprintf("%02x%030x", n%ledger.Shards, n)
		other.Handle.Role = providers.Values{"drawer": "elsewhere"}
		other.Handle.ID = fmt.Sprintf("other-%06d", n)
		other.Handle.Name = fmt.Sprintf("main-%s%04d", r.Handle.Name[len(r.Handle.Name)-22:len(r.Handle.Name)-4], n)
		other.Deadline, other.ExpiresAt = w.time().Add(1000*time.Hour), time.Time{}
		w.must(former.Write(ctx, w.storage, &other))
	}
	w.startAlone()
	for !w.process.books.ledger.IsSettled() {
		w.advance(time.Minute)
		w.must(w.process.books.ledger.Read(ctx, w.storage, manyRecords))
	}
}

// TestWhatIsHeldIsAskedOfTheIndex: beside a long ledger, what clears up after one mint
// reads what that is about, and not the ledger.
func TestWhatIsHeldIsAskedOfTheIndex(t *testing.T) {
	for name, clearUp := range map[string]func(w *world, c *cabinet){
		"a mint of unknown outcome": func(w *world, _ *cabinet) {
			w.process.gate.failAfter("POST ")
			if _, err := w.mint("main"); err == nil {
				w.t.Fatal("a mint succeeded whose answer was lost")
			}
		},
		"a mint that the ledger does not take": func(w *world, _ *cabinet) {
			w.process.gate.hitAfter("PUT "+ledger.Prefix, fault{})
			if _, err := w.mint("main"); err == nil {
				w.t.Fatal("a mint succeeded without a record")
			}
		},
		"a mint that is answered with what somebody holds": func(w *world, c *cabinet) {
			c.change(func(c *cabinet) { c.existing = true })
			if _, err := w.mint("main"); err == nil {
				w.t.Fatal("another's key was handed out")
			}
			c.change(func(c *cabinet) { c.existing = false })
		},
		"a key that nobody holds": func(w *world, c *cabinet) {
			tag := w.process.books.identity.mount.Tag
			c.change(func(c *cabinet) { c.add("main", "main-"+w.process.guard.namer.KeyPart(tag, w.time())) })
			bound, err := w.process.bound(context.Background(), w.storage, "one")
			w.must(err)
			listed, err := w.process.listOurs(context.Background(), bound, providers.ListingScope{}, tag, "test")
			w.must(err)
			h, release, err := w.process.sharedHoldings(context.Background(), w.process.storage)
			w.must(err)
			defer release()
			for _, found := range listed.keys() {
				_, _ = w.process.removeOrphan(context.Background(), w.process.storage, h, found, "test")
			}
		},
		"a static key that is replaced": func(w *world, _ *cabinet) {
			w.must(w.process.RotateStatic(context.Background(), w.process.storage, "fixed"))
		},
		"a rotation": func(w *world, _ *cabinet) {
			w.must(w.process.RotateRoot(context.Background(), w.process.storage, "one"))
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t)
			w.must(w.process.SaveStaticRole(t.Context(), w.process.storage, "fixed", &StaticRole{Role: Role{Connection: "one", Fields: providers.Values{"drawer": "main"}}}))
			w.longLedger()
			held := w.mustMint("main")
			counted := &countedReads{Storage: w.process.storage, prefix: ledger.Prefix}
			w.process.storage = counted
			clearUp(w, c)
			w.run(5*time.Minute, 10*time.Second)
			if reads := counted.reads(); reads > 2*mostCandidates+50 { // a list is read twice before it is believed
				t.Errorf("%d records were read beside a ledger of %d", reads, manyRecords)
			}
			if !strings.Contains(fmt.Sprint(c.ids()), idOf(held)) {
				t.Error("the key that is held has died")
			}
			for _, entry := range w.process.Queue() {
				if entry.Kind != queue.Missing {
					t.Errorf("queued: %s %q: %s", entry.Kind, entry.KeyName, entry.LastError)
				}
			}
			if left := c.ids(); len(left) > 4 { // two leases, a static key, and an admin credential
				t.Errorf("at the provider are %v", left)
			}
		}))
	}
}

// TestLedgerIsAsked: beside a long ledger, what compares lists with the ledger, or counts in
// it, reads what is amiss and not what is there.
func TestLedgerIsAsked(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		ask   func(w *world, c *cabinet)
		reads int // at most
	}{
		"a reconcile": {reads: 8, ask: func(w *world, c *cabinet) {
			gone := w.mustMint("main")
			w.advance(2 * listLag)
			c.change(func(c *cabinet) {
				c.drawers["main"] = slices.DeleteFunc(c.drawers["main"], func(k *cabinetKey) bool { return k.ID == idOf(gone) })
				c.add("main", "main-"+w.process.guard.namer.KeyPart(w.process.books.identity.mount.Tag, w.time()))
			})
			report, err := w.process.Reconcile(ctx, w.process.storage, "one", ReconcileOptions{})
			w.must(err)
			if report.Listed != 3 || len(report.Orphans) != 1 || !slices.Equal(report.Missing, []string{w.nameOf(gone)}) || len(report.Failed) > 0 {
				w.t.Errorf("it reports %+v", report)
			}
		}},
		"the look before a rotation": {reads: 4, ask: func(w *world, c *cabinet) {
			w.process.keepLookout(&lookoutNote{Began: w.time(), Sign: w.time()}, nil)
			lists := c.lists["main"]
			for range 20 {
				w.must(w.process.mayReplace(ctx, "one"))
			}
			if c.lists["main"] == lists {
				w.t.Error("nobody was looked for")
			}
		}},
		"leases without records": {reads: 40, ask: func(w *world, c *cabinet) {
			var leases []*heldLease
			for range 20 {
				leases = append(leases, w.mustMint("main"))
			}
			w.advance(2 * listLag)
			for _, one := range leases {
				w.dropRecordOf(one)
				w.process.pending.ended = recentlyEnded{}
				w.must(w.revoke(one))
			}
		}},
		"revocations that are refused": {reads: mostCandidates + 100, ask: func(w *world, c *cabinet) {
			var leases []*heldLease
			for range 20 {
				leases = append(leases, w.mustMint("main"))
			}
			w.advance(2 * listLag)
			w.must(w.process.ChangeConnection(ctx, w.process.storage, "one", func(other *Connection) (SaveOptions, error) {
				c.change(func(c *cabinet) {
					c.drawers["main"] = append(c.drawers["main"], &cabinetKey{ID: "byhand01", Name: "made by hand"})
				})
				other.Fields = providers.Values{"admin_key": "byhand01.secret-of-byhand01"}
				return SaveOptions{Force: true, Credential: true}, nil
			}))
			c.change(func(c *cabinet) {
				for _, one := range leases {
					c.stuck[idOf(one)] = true
				}
			})
			for _, one := range leases {
				if err := w.revoke(one); err == nil {
					w.t.Error("a key that lives on counts as revoked")
				}
			}
		}},
		"a change of a connection and of a definition, and a page": {reads: 30, ask: func(w *world, c *cabinet) {
			if _, err := w.process.inUse(ctx, w.process.storage, "one", false); err != nil {
				w.t.Error(err)
			}
			w.uploadCabinet(strings.Replace(cabinetDefinition, `title = "Cabinet"`, `title = "Another cabinet"`, 1))
			page, err := w.process.Keys(ctx, w.process.storage, "", "", 5)
			w.must(err)
			if len(page) != 5 {
				w.t.Errorf("a page has %d keys", len(page))
			}
		}},
	} {
		for _, damaged := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, a record is damaged: %t", name, damaged), inBubble(func(t *testing.T) {
				w, c := cabinetWorld(t)
				w.longLedgerOf("elsewhere")
				if damaged {
					id := strings.Repeat("ab", ledger.IDLength/2)
					w.must(w.storage.Put(ctx, &logical.StorageEntry{Key: ledger.Prefix + "ab/" + id, Value: []byte(`{"role": 7`)}))
					for n := w.process.books.ledger.Rounds(); w.process.books.ledger.Rounds() < n+2; {
						_ = w.process.books.ledger.Read(ctx, w.storage, manyRecords)
					}
					if !slices.Equal(w.process.books.ledger.Unreadable(), []string{id}) {
						t.Fatalf("unreadable are %v", w.process.books.ledger.Unreadable())
					}
				}
				held := w.mustMint("main")
				w.advance(2 * listLag)
				counted := &countedReads{Storage: w.process.storage, prefix: ledger.Prefix}
				w.process.storage = counted
				test.ask(w, c)
				most := test.reads
				if damaged {
					most += 40 // that one, each time that it is asked what is held
				}
				reads := counted.reads()
				if reads > most {
					t.Errorf("%d records were read beside a ledger of %d", reads, manyRecords)
				}
				if !slices.Contains(c.ids(), idOf(held)) {
					t.Error("the key that is held has died")
				}
			}))
		}
	}
}

// TestLongLedgerIsWaitedFor: while a long ledger is being read after a start, nobody reads all
// of it beside that. What needs to is refused, or waits, and is done when it is over.
func TestLongLedgerIsWaitedFor(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := t.Context()
		w, _ := cabinetWorld(t)
		w.longLedgerOf("elsewhere")
		w.fillLedger(11_000) // so that one part of it tells
		lease := w.mustMint("main")
		w.startAlone()
		counted := &countedReads{Storage: w.process.storage, prefix: ledger.Prefix}
		w.process.storage = counted
		w.process.keepLookout(&lookoutNote{Began: w.time(), Sign: w.time()}, nil)
		refused := func(what string, err error) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), "still reading a long ledger") {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, err := w.process.Reconcile(ctx, w.process.storage, "one", ReconcileOptions{})
		refused("a reconcile", err)
		refused("the look before a rotation", w.process.mayReplace(ctx, "one"))
		refused("a connection's end", w.process.DeleteConnection(ctx, w.process.storage, "one", SaveOptions{}))
		w.uploadCabinet(strings.Replace(cabinetDefinition, `title = "Cabinet"`, `title = "Another cabinet"`, 1))
		if err := w.process.mayEnd(ctx, w.recordOf(lease)); err != nil {
			t.Errorf("a key that ends waits for the ledger: %v", err)
		}
		if reads := counted.reads(); reads > 10 {
			t.Errorf("%d records were read", reads)
		}
		w.process.storage = counted.Storage
		for !w.process.books.ledger.IsSettled() {
			w.advance(time.Minute)
			w.must(w.process.books.ledger.Read(ctx, w.storage, 4*manyRecords))
		}
		if _, err := w.process.Reconcile(ctx, w.process.storage, "one", ReconcileOptions{}); err != nil {
			t.Error(err)
		}
		w.must(w.process.mayReplace(ctx, "one"))
	})(t)
}
