package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/queue"
)

// What the engine promises, in the order in which its package comment numbers
// the promises, one method each; the first goes without a number there: what is
// held lives. Each may be asked for at any moment, under faults too.

// invariantsHold checks them all.
func (w *world) invariantsHold() {
	w.t.Helper()
	w.heldKeysWork()
	w.staticKeysWork()
	for _, promise := range []func() error{w.everyKeyIsTraced, w.recordsOutliveKeys, w.everyRecordEnds, w.noSecretIsStored} {
		if err := promise(); err != nil {
			w.t.Error(err)
		}
	}
}

// heldKeysWork is what comes before all: a key under a lease that runs is alive,
// unless Vault itself asked for its end.
func (w *world) heldKeysWork() {
	w.t.Helper()
	alive := w.alive()
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, lease := range w.leases {
		if w.now.Before(lease.end) && !alive[name] && !lease.revoking {
			w.t.Errorf("key %q is dead and its lease is not", name)
		}
	}
}

// staticKeysWork is the same for static roles: every key that a reader of one may
// hold is honoured.
func (w *world) staticKeysWork() {
	w.t.Helper()
	for name, keys := range w.static() {
		if keys.Current == nil {
			w.t.Errorf("static role %q has no key", name)
			continue
		}
		for _, key := range keys.all() {
			if !key.Until.IsZero() && !w.time().Before(key.Until) {
				continue
			}
			if status := w.use(key.Secret["api_key"].(string)); status != http.StatusOK {
				w.t.Errorf("key %q of static role %q is refused with status %d", key.Name, name, status)
			}
		}
	}
}

// everyKeyIsTraced is the first invariant: each key at the provider is in the
// ledger, or a mark or an entry of the queue is on disk.
func (w *world) everyKeyIsTraced() error {
	ctx := context.Background()
	inLedger := map[string]bool{}
	for r, err := range ledger.All(ctx, w.storage) {
		if err != nil {
			return err
		}
		inLedger[r.Handle.Name] = true
	}
	marks, err := logical.CollectKeysWithPrefix(ctx, w.storage, marks.Prefix)
	if err != nil {
		return err
	}
	queued, err := w.storage.List(ctx, queue.Prefix)
	if err != nil {
		return err
	}
	for name := range w.alive() {
		if !inLedger[name] && len(marks) == 0 && len(queued) == 0 {
			return fmt.Errorf("key %q is alive and nothing on disk tells of it", name)
		}
	}
	return nil
}

// recordsOutliveKeys is the second invariant: a ledger record goes only after the
// provider said that the key is gone. Here the provider's word is as good as the
// key's death, so whatever the gate saw go before its key is a breach.
func (w *world) recordsOutliveKeys() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.untimely) > 0 {
		return fmt.Errorf("the ledger forgot keys that were alive: %v", w.untimely)
	}
	return nil
}

// everyRecordEnds is the third invariant: each ledger record has a deadline. That
// the engine keeps it shows in nothingIsLeft, once every deadline has passed.
func (w *world) everyRecordEnds() error {
	for r, err := range ledger.All(context.Background(), w.storage) {
		if err != nil {
			return err
		}
		if r.Deadline.IsZero() {
			return fmt.Errorf("the record of key %q has no deadline", r.Handle.Name)
		}
	}
	return nil
}

// noSecretIsStored is the fourth invariant, as far as storage and logs go: the
// value of a leased key is in neither, and the admin credential in no log.
func (w *world) noSecretIsStored() error {
	ctx := context.Background()
	paths, err := logical.CollectKeys(ctx, w.storage)
	if err != nil {
		return err
	}
	for _, path := range paths {
		entry, err := w.storage.Get(ctx, path)
		if err != nil {
			return err
		}
		for _, secret := range w.secrets {
			if strings.Contains(string(entry.Value), secret) {
				return fmt.Errorf("the key's value is stored at %s", path)
			}
		}
	}
	for _, secret := range append(w.secrets, testAdminKey) {
		if strings.Contains(w.logs.String(), secret) {
			return errors.New("a secret is in the log")
		}
	}
	return nil
}

// What must be so in the end, when all is over.

// mustSettle lets the world run until every lease and every deadline is over,
// and checks what must hold on the way and at the end.
func (w *world) mustSettle() {
	w.t.Helper()
	w.run(10*time.Minute, 30*time.Second)
	w.invariantsHold()
	for range 2 { // a lease may have been renewed
		w.run(2*testTTL, 30*time.Minute)
		w.expireLeases()
	}
	w.run(10*time.Minute, 30*time.Second)
	w.expireLeases()
	if orphans := w.orphans(); len(orphans) > 0 {
		w.t.Errorf("orphans: %v", orphans)
	}
	if held := w.held(); len(held) > 0 {
		w.t.Errorf("%d leases could not be revoked", len(held))
	}
	w.nothingIsLeft()
}

// nothingIsLeft checks that the engine's books are empty in the end.
func (w *world) nothingIsLeft() {
	w.t.Helper()
	for _, prefix := range []string{ledger.Prefix, ledger.SealedPrefix, queue.Prefix, marks.Prefix} {
		left, err := logical.CollectKeysWithPrefix(context.Background(), w.storage, prefix)
		if err != nil {
			w.t.Fatal(err)
		}
		left = slices.DeleteFunc(left, w.isOnlyLookedFor)
		if len(left) > 0 {
			w.t.Errorf("left in storage: %v", left)
		}
	}
}

// isOnlyLookedFor reports whether an entry in storage is of a key that is dead, and that
// its provider did not know when it was last asked to end it, as after a crash.
func (w *world) isOnlyLookedFor(path string) bool {
	entry := w.process.QueueEntry(strings.TrimPrefix(path, queue.Prefix))
	return entry != nil && entry.Kind == queue.Missing && !w.alive()[entry.KeyName]
}

// onlyStaticKeysLive checks that the provider has the current keys and no other.
func (w *world) onlyStaticKeysLive() {
	w.t.Helper()
	want := map[string]bool{}
	for _, keys := range w.static() {
		want[keys.Current.Name] = true
	}
	if alive := w.alive(); !maps.Equal(alive, want) {
		w.t.Errorf("alive: %v, want %v", alive, want)
	}
}

func (w *world) noRotationLeft() {
	w.t.Helper()
	for _, prefix := range []string{rotationPrefix, queue.Prefix} {
		left, err := w.storage.List(context.Background(), prefix)
		w.must(err)
		left = slices.DeleteFunc(left, w.isOnlyLookedFor)
		if len(left) > 0 {
			w.t.Errorf("left in storage: %s%v", prefix, left)
		}
	}
}

// static is every static role's keys, as storage has them.
func (w *world) static() map[string]*StaticKeys {
	w.t.Helper()
	ctx := context.Background()
	names, err := w.process.StaticRoles(ctx, w.storage)
	w.must(err)
	all := map[string]*StaticKeys{}
	for _, name := range names {
		all[name], err = w.process.staticKeys(ctx, w.storage, name)
		w.must(err)
	}
	return all
}
