package backend

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/cmd/sandbox/server"
)

// scenario is one thing that an engine does, told as prepared state and the act
// whose every step is made to fail.
type scenario struct {
	provider string
	prepare  func(*world) *heldLease
	act      func(*world, *heldLease)
}

var scenarios = map[string]scenario{
	"mint": {
		act: func(w *world, _ *heldLease) { w.mint("app") },
	},
	"mint while busy": {
		prepare: func(w *world) *heldLease { w.mustMint("app"); return nil },
		act:     func(w *world, _ *heldLease) { w.mint("app") },
	},
	"mint of two steps": {
		provider: "sandbox-accounts",
		act:      func(w *world, _ *heldLease) { w.mint("app") },
	},
	"mint that fails at its second step": {
		provider: "sandbox-accounts",
		act: func(w *world, _ *heldLease) {
			w.failSecondStep()
			w.mint("app")
		},
	},
	"revoke": {
		prepare: func(w *world) *heldLease { return w.mustMint("app") },
		act:     func(w *world, lease *heldLease) { w.revoke(lease) },
	},
	"revoke of two steps": {
		provider: "sandbox-accounts",
		prepare:  func(w *world) *heldLease { return w.mustMint("app") },
		act:      func(w *world, lease *heldLease) { w.revoke(lease) },
	},
	"renew": {
		prepare: func(w *world) *heldLease { return w.mustMint("app") },
		act:     func(w *world, lease *heldLease) { w.renew(lease, 2*time.Hour) },
	},
	"reconcile": {
		prepare: func(w *world) *heldLease { w.mustMint("app"); w.makeOrphan(); return nil },
		act: func(w *world, _ *heldLease) {
			w.process.Reconcile(context.Background(), w.process.storage, "box", ReconcileOptions{Delete: true})
		},
	},
	"reaping a key whose lease was never stored": {
		prepare: func(w *world) *heldLease { w.forget(w.mustMint("app")); return nil },
		act: func(w *world, _ *heldLease) {
			w.run(testTTL+2*deadlineMargin, testTTL/2)
		},
	},
	"recovery from a crash": {
		prepare: func(w *world) *heldLease {
			w.mustMint("app")
			w.process.gate.arm(fault{at: 2, kill: true}) // between the provider's answer and the ledger
			w.mint("app")
			w.start(fault{})
			return nil
		},
		act: func(w *world, _ *heldLease) { w.run(4*time.Minute, time.Minute) },
	},
}

// TestCrashAtEveryStep fails and kills the engine before and after each of its
// effects on the provider and on storage. Whatever happens: nothing is alive
// that no lease holds, and nothing is dead that a lease holds.
func TestCrashAtEveryStep(t *testing.T) {
	for name, s := range scenarios {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			atEveryStep(t, s.steps(t), s.survives)
		})
	}
}

// steps are the scenario's effects when nothing fails.
func (s scenario) steps(t *testing.T) []string {
	w, lease := s.world(t)
	w.process.gate.arm(fault{})
	s.act(w, lease)
	return w.process.gate.disarm()
}

func (s scenario) world(t *testing.T) (*world, *heldLease) {
	w := newWorld(t)
	if s.provider != "" {
		w.configure(s.provider, "box", "app", nil)
	}
	if s.prepare == nil {
		return w, nil
	}
	return w, s.prepare(w)
}

func (s scenario) survives(t *testing.T, f fault) {
	w, lease := s.world(t)
	w.process.gate.arm(f)
	s.act(w, lease)
	w.process.gate.disarm()
	if err := w.everyKeyIsTraced(); err != nil {
		t.Error(err)
	}
	if f.kill {
		w.start(fault{})
	}
	w.sandbox.ClearFaults()
	w.mustSettle()
}

// mustSettle lets the world run until every lease and every deadline is over,
// and checks what must hold on the way and at the end.
func (w *world) mustSettle() {
	w.t.Helper()
	w.run(10*time.Minute, 30*time.Second)
	w.heldKeysWork()
	if err := w.noSecretIsStored(); err != nil {
		w.t.Error(err)
	}
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

// heldKeysWork checks that every key under a lease that runs is alive.
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

// nothingIsLeft checks that the engine's books are empty in the end.
func (w *world) nothingIsLeft() {
	w.t.Helper()
	for _, prefix := range []string{ledgerPrefix, sealedLedgerPrefix, queuePrefix, dirtyPrefix} {
		left, err := logical.CollectKeysWithPrefix(context.Background(), w.storage, prefix)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(left) > 0 {
			w.t.Errorf("left in storage: %v", left)
		}
	}
}

func (w *world) mustMint(role string) *heldLease {
	w.t.Helper()
	lease, err := w.mint(role)
	if err != nil {
		w.t.Fatalf("minting: %s", err)
	}
	return lease
}

// failSecondStep makes the provider refuse what follows the first request of a
// mint of several steps.
func (w *world) failSecondStep() {
	w.t.Helper()
	refusal := server.Fault{Kind: server.Status, Status: http.StatusForbidden, Match: server.Match{Method: http.MethodPut}}
	if err := w.sandbox.AddFault(refusal); err != nil {
		w.t.Fatal(err)
	}
}

// makeOrphan makes a key as a former process would have that died before it
// could write the ledger.
func (w *world) makeOrphan() {
	w.t.Helper()
	lease := w.mustMint("app")
	w.forget(lease)
	ctx := context.Background()
	data, err := leaseDataOf(&logical.Request{Secret: lease.secret})
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := record(ctx, w.storage, data.RecordID)
	if err != nil || r == nil {
		w.t.Fatalf("the ledger has no record of the key: %v", err)
	}
	if err := dropRecord(ctx, w.storage, r); err != nil {
		w.t.Fatal(err)
	}
}

// forget loses a lease, as when Vault dies before it could store it.
func (w *world) forget(lease *heldLease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, held := range w.leases {
		if held == lease {
			delete(w.leases, name)
		}
	}
}
