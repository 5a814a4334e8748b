package backend

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// manyRecords is a ledger that nobody reads while somebody waits.
const manyRecords = 10_000

// longLedger puts so many records into the ledger as a former process would have left
// them, and starts a process that has read them all.
func (w *world) longLedger() {
	w.t.Helper()
	ctx := context.Background()
	r := *w.recordOf(w.mustMint("main"))
	former := w.process.books.ledger
	for n := range manyRecords {
		other := r
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
				_ = w.process.removeOrphan(context.Background(), w.process.storage, h, found, "test")
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
			if reads := counted.reads(); reads > mostCandidates+50 {
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
