package backend

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/internal/sandbox"
)

func TestReconcileReportsAndDeletes(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	held := w.mustMint("app")
	w.makeOrphan()
	w.makeForeignKey("somebody-elses")
	gone := w.mustMint("app")
	w.advance(2 * listLag)
	w.deleteKeyOf(gone)

	report, err := w.process.Reconcile(ctx, w.storage, "box", ReconcileOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if report.Listed != 2 || len(report.Orphans) != 1 || report.Orphans[0].Revoked || len(report.Missing) != 1 {
		t.Errorf("the dry run reports %+v", report)
	}
	if len(w.alive()) != 3 {
		t.Errorf("a dry run deleted keys: %v", w.alive())
	}

	report, err = w.process.Reconcile(ctx, w.storage, "box", ReconcileOptions{Delete: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Orphans) != 1 || !report.Orphans[0].Revoked {
		t.Errorf("reports %+v", report)
	}
	alive := w.alive()
	if len(alive) != 2 || !alive["somebody-elses"] {
		t.Errorf("alive: %v, want the held key and somebody else's", alive)
	}
	if err := w.revoke(held); err != nil {
		t.Error(err)
	}
}

// TestReconcileSparesWhatIsBeingMinted lists while a mint is in flight.
func TestReconcileSparesWhatIsBeingMinted(t *testing.T) {
	inBubble(testReconcileSparesWhatIsBeingMinted)(t)
}

func testReconcileSparesWhatIsBeingMinted(t *testing.T) {
	w := newWorld(t)
	w.addFaults([]sandbox.Fault{{Kind: sandbox.SlowDrip, Interval: sandbox.Duration(2 * time.Millisecond), Match: sandbox.Match{Route: "POST /v1/keys"}}})
	done := make(chan error)
	go func() {
		_, err := w.mint("app")
		done <- err
	}()
	eventually(t, func() bool { return len(w.alive()) > 0 })
	report, err := w.process.Reconcile(context.Background(), w.storage, "box", ReconcileOptions{Delete: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if len(report.Orphans) > 0 {
		t.Errorf("a key in the making was taken for an orphan: %+v", report.Orphans)
	}
	w.heldKeysWork()
}

// TestCloneKillsNothing: a restored snapshot, taken in mid-mint, must not kill
// what the original hands out later.
func TestCloneKillsNothing(t *testing.T) {
	w := newWorld(t)
	w.mustMint("app")
	snapshot := w.snapshot()
	w.advance(2 * marks.WindowLength)
	w.mustMint("app") // by the original

	original := w.storage
	w.storage = snapshot
	w.start(fault{}) // the clone, which finds the connection dirty
	w.run(10*time.Minute, time.Minute)
	w.storage = original
	w.heldKeysWork()
	if len(w.alive()) != 2 {
		t.Errorf("alive: %v; the clone revoked what it does not hold", w.alive())
	}
}

// TestFormerLeadersCallInFlight: a mint of a dead leader that reaches the
// provider only after its successor has started is found all the same.
func TestFormerLeadersCallInFlight(t *testing.T) { inBubble(testFormerLeadersCallInFlight)(t) }

func testFormerLeadersCallInFlight(t *testing.T) {
	w := newWorld(t)
	w.addFaults([]sandbox.Fault{{Kind: sandbox.LateCommit, Delay: sandbox.Duration(time.Hour), Match: sandbox.Match{Route: "POST /v1/keys"}}})
	former := w.process
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.mint("app")
	}()
	eventually(t, func() bool { return w.sandbox.State().Waiting > 0 })
	former.gate.kill()
	w.start(fault{})
	w.turn() // finds nothing yet
	<-done   // the former leader's client has given up, the provider has not
	w.sandbox.ClearFaults()
	eventually(t, func() bool { return len(w.alive()) > 0 })
	w.run(10*time.Minute, 30*time.Second)
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive: %v", alive)
	}
	w.nothingIsLeft()
}

// makeForeignKey makes a key that this mount has nothing to do with.
func (w *world) makeForeignKey(name string) {
	w.t.Helper()
	w.atProvider(http.MethodPost, "/v1/keys", `{"name": "`+name+`"}`)
}

func (w *world) deleteKeyOf(lease *heldLease) {
	w.t.Helper()
	data, err := leaseDataOf(&logical.Request{Secret: lease.secret})
	if err != nil {
		w.t.Fatal(err)
	}
	w.atProvider(http.MethodDelete, "/v1/keys/"+data.Handle.ID, "")
}

func (w *world) snapshot() logical.Storage {
	w.t.Helper()
	ctx := context.Background()
	paths, err := logical.CollectKeys(ctx, w.storage)
	if err != nil {
		w.t.Fatal(err)
	}
	clone := &logical.InmemStorage{}
	for _, path := range paths {
		entry, err := w.storage.Get(ctx, path)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := clone.Put(ctx, entry); err != nil {
			w.t.Fatal(err)
		}
	}
	return clone
}
