package backend

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/internal/sandbox"
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
func (s scenario) steps(t *testing.T) (steps []string) {
	synctest.Test(t, func(t *testing.T) {
		w, lease := s.world(t)
		w.process.gate.arm(fault{})
		s.act(w, lease)
		steps = w.process.gate.disarm()
	})
	return steps
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
	w.invariantsHold()
	if f.kill {
		w.succeed()
	}
	w.sandbox.ClearFaults()
	w.mustSettle()
}

// failSecondStep makes the provider refuse what follows the first request of a
// mint of several steps.
func (w *world) failSecondStep() {
	w.t.Helper()
	refusal := sandbox.Fault{Kind: sandbox.Status, Status: http.StatusForbidden, Match: sandbox.Match{Method: http.MethodPut}}
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
	r, err := ledger.Get(ctx, w.storage, data.RecordID)
	if err != nil || r == nil {
		w.t.Fatalf("the ledger has no record of the key: %v", err)
	}
	if err := w.process.books.ledger.Delete(ctx, w.storage, r); err != nil {
		w.t.Fatal(err)
	}
}
