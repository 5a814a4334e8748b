package backend

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// TestMintsDoNotWaitForALongQueue: a start with a queue that is long reads a part of
// it. Mints and revocations go on, and what the whole queue has a say in waits.
func TestMintsDoNotWaitForALongQueue(t *testing.T) {
	ctx := context.Background()
	w, c := cabinetWorld(t)
	lease := w.mustMint("main")
	unread := map[string]bool{}
	for n := range 2500 {
		id := fmt.Sprintf("entry-%04d", n)
		unread[id] = true
		w.must(stored.Write(ctx, w.storage, queue.Prefix+id, &queue.Entry{Kind: queue.CleanUp, Connection: "elsewhere", KeyName: "nobody's"}))
	}
	w.start(fault{})
	if w.process.books.queue.Whole() == nil {
		t.Fatal("the start read the whole queue")
	}
	w.must(w.revoke(w.mustMint("main")))

	name := "main-" + w.process.guard.namer.KeyPart(w.process.books.identity.mount.Tag, w.time())
	orphan := c.put("main", name)
	bound, err := w.process.bound(ctx, w.storage, "one")
	w.must(err)
	remove := func() error {
		return w.process.removeUnlessHeld(ctx, w.storage, removal{
			object: object{bound: bound, name: name, ids: []string{orphan}},
			work:   "reconcile", remove: func(context.Context) error { return nil },
		})
	}
	if err := remove(); err == nil {
		t.Error("something was removed that the queue may be about")
	}
	if err := w.process.mayEnd(ctx, w.recordOf(lease)); !errors.Is(err, queue.ErrUnread) {
		t.Errorf("whether another one made a key is told without the whole queue: %v", err)
	}
	if _, err := w.process.inUse(ctx, w.storage, "one", false); err == nil {
		t.Error("it is told what a connection is needed for without the whole queue")
	}
	for _, entry := range w.process.Queue() {
		delete(unread, entry.ID)
	}
	for id := range unread {
		if err := w.process.RetryNow(id); err == nil || err.Error() != queue.ErrUnread.Error() {
			t.Fatalf("of one that is not read yet it is said %v", err)
		}
	}

	for range 3 {
		w.turn()
	}
	w.must(w.process.books.queue.Whole())
	if got := len(w.process.Queue()); got != 2500 {
		t.Errorf("%d entries wait, want 2500", got)
	}
	w.must(remove())
	w.must(w.revoke(lease))
	if left, err := logical.CollectKeysWithPrefix(ctx, w.storage, queue.Prefix); err != nil || len(left) != 2500 {
		t.Errorf("on disk are %d entries, %v", len(left), err)
	}
}

// TestEntryOfAFormerProcessComesLate: a process that goes on for a while after its
// successor has begun leaves an entry that the successor comes upon.
func TestEntryOfAFormerProcessComesLate(t *testing.T) {
	w := newWorld(t)
	w.startAlone()
	w.turn()
	bound, err := w.process.bound(context.Background(), w.storage, "box")
	w.must(err)
	entry := queue.Entry{ID: "lost", Kind: queue.CleanUp, KeyName: "lost", TrustAbsenceAfter: w.time()}
	entry.SetOrigin(bound.origin())
	w.must(queue.New(w.time).Add(context.Background(), w.storage, entry, false))
	w.run(2*longestBlind, 20*time.Second)
	if left := w.stored(queue.Prefix); len(left) > 0 {
		t.Errorf("on the queue there is still %v", left)
	}
}
