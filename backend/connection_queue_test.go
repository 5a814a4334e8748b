package backend

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// TestCleanUpsDoNotHoldUpRevocations: a list that does not answer is no reason to
// take the connection for one out of reach.
func TestCleanUpsDoNotHoldUpRevocations(t *testing.T) {
	w := newWorld(t)
	w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
		if r.Method == http.MethodGet && r.URL.Path == "/v1/keys" {
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		pass()
	})
	lease := w.mustMint("app")
	bound, err := w.process.bound(context.Background(), w.storage, "box")
	w.must(err)
	entry := queue.Entry{ID: "lost", Kind: queue.CleanUp, KeyName: "lost", TrustAbsenceAfter: w.time().Add(time.Hour)}
	entry.SetOrigin(bound.origin())
	w.must(w.process.books.queue.Add(context.Background(), w.storage, entry, false))
	w.turn()
	if w.process.books.queue.Get("lost").LastError == "" {
		t.Fatal("the clean-up did not fail")
	}
	w.must(w.revoke(lease))
}

// TestVerifiedRevocation asks with the key itself, where the provider can be asked.
func TestVerifiedRevocation(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	r := &Role{Connection: "box", VerifyRevocation: ledger.ByProbe, TTL: testTTL, Fields: providers.Values{"scopes": []any{"read"}}}
	w.must(w.process.SaveRole(ctx, w.storage, "app", r))
	asked := 0
	w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
		if r.URL.Path == "/v1/whoami" && !strings.Contains(r.Header.Get("Authorization"), testAdminKey) {
			asked++
		}
		pass()
	})
	w.must(w.process.SaveRole(ctx, w.storage, "app", r))
	lease := w.mustMint("app")
	if stored := w.recordOf(lease); stored == nil || !stored.Handle.Sealed || len(w.stored(ledger.Prefix)) > 0 {
		t.Errorf("the record is not sealed: %v", stored)
	}
	w.must(w.revoke(lease))
	if asked == 0 {
		t.Error("nobody asked with the key")
	}
	if left := w.stored(ledger.SealedPrefix); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestProviderThatForbidsEverythingForAWhile, as one does whose list of addresses was
// changed: what was to be revoked meanwhile is gone within a minute of its end.
func TestProviderThatForbidsEverythingForAWhile(t *testing.T) {
	w := newWorld(t)
	var forbids atomic.Bool
	asked := atomic.Int64{}
	w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
		if forbids.Load() {
			asked.Add(1)
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		pass()
	})
	var leases []*heldLease
	for range 20 {
		leases = append(leases, w.mustMint("app"))
	}
	w.advance(2 * listLag)
	forbids.Store(true)
	for _, lease := range leases {
		if err := w.revoke(lease); err == nil {
			t.Fatal("a key was revoked by a provider that forbids it")
		}
	}
	before := asked.Load()
	w.run(270*time.Second, time.Second)
	if n := asked.Load() - before; n > 100 {
		t.Errorf("the provider was asked %d times while it forbade everything", n)
	}
	forbids.Store(false)
	w.run(time.Minute, time.Second)
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("%d keys are alive a minute after the provider allows it again", len(alive))
	}
}
