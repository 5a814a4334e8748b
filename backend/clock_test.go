package backend

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/internal/sandbox"
)

func TestClockThatIsSet(t *testing.T) {
	began := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	const year = 365 * 24 * time.Hour
	tests := []struct {
		name           string
		passed, set    time.Duration // since the start, and how the wall clock differs from that
		steady, latest time.Duration
	}{
		{"at the start", 0, 0, 0, 0},
		{"an hour later", time.Hour, 0, time.Hour, time.Hour},
		{"set ahead by an hour", time.Minute, time.Hour, time.Minute, time.Minute + time.Hour},
		{"set ahead by a year", time.Minute, year, time.Minute, time.Minute + year},
		{"set back by an hour", time.Minute, -time.Hour, time.Minute, time.Minute},
		{"set back by a year", time.Minute, -year, time.Minute, time.Minute},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			passed, wall := time.Duration(0), began
			c := newClock(func() time.Time { return wall }, func() time.Duration { return passed + 5*time.Hour })
			c.startedAt = 5 * time.Hour
			passed, wall = test.passed, began.Add(test.passed+test.set)
			if got := c.steady().Sub(began); got != test.steady {
				t.Errorf("steady is %s after the start, want %s", got, test.steady)
			}
			if got := c.latest().Sub(began); got != test.latest {
				t.Errorf("latest is %s after the start, want %s", got, test.latest)
			}
		})
	}
}

// TestClockThatIsSetEndsNothingEarly and forgets nothing: the wall clock jumps
// and stays there, or jumps back, and the process is restarted, or not.
func TestClockThatIsSetEndsNothingEarly(t *testing.T) {
	const year = 365 * 24 * time.Hour
	ctx := context.Background()
	for _, jump := range []time.Duration{time.Hour, -time.Hour, year, -year} {
		for _, corrected := range []bool{false, true} {
			for _, restarted := range []bool{false, true} {
				if restarted && !corrected {
					continue // Vault itself then goes by the clock as it is
				}
				name := jump.String()
				if corrected {
					name += ", put right"
				}
				if restarted {
					name += ", restarted"
				}
				t.Run(name, inBubble(func(t *testing.T) {
					w := newWorld(t)
					w.makeStatic("legacy", time.Hour)
					w.mustMint("app")
					w.must(w.process.RotateStatic(ctx, w.storage, "legacy"))
					w.run(5*time.Minute, time.Minute)
					w.set(jump)
					w.run(10*time.Minute, time.Minute)
					w.mustMint("app")
					for _, lease := range w.held() {
						w.must(w.renew(lease, testTTL))
					}
					if corrected {
						w.set(-jump)
					}
					if restarted {
						w.stopAndStart()
					}
					w.run(testTTL-2*time.Minute, time.Minute)
					if held := len(w.held()); len(w.alive()) < held+1 {
						t.Errorf("%d keys alive for %d leases and a static role", len(w.alive()), held)
					}
					w.staticKeysWork()
					for _, lease := range w.held() {
						w.forget(lease) // Vault never comes to end it
					}
					w.run(testTTL+10*time.Minute, time.Minute)
					if alive := w.alive(); len(alive) != 1 {
						t.Errorf("an hour after the last end these are alive, want the static role's key alone: %v", alive)
					}
				}))
			}
		}
	}
}

// TestQueueGoesOnUnderAClockThatIsSet: a pause that began under a clock which was
// ahead ends in time.
func TestQueueGoesOnUnderAClockThatIsSet(t *testing.T) {
	for _, jump := range []time.Duration{-365 * 24 * time.Hour, 365 * 24 * time.Hour} {
		t.Run(jump.String(), inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.set(-jump)
			lease := w.mustMint("app")
			w.addFaults([]sandbox.Fault{{Kind: sandbox.Status, Status: http.StatusServiceUnavailable, Count: new(int)}})
			if err := w.revoke(lease); err == nil {
				t.Fatal("a provider that does not answer has revoked a key")
			}
			w.turn()
			w.sandbox.ClearFaults()
			w.process.ResetConnection("box") // its breaker goes by real time
			w.set(jump)
			w.run(2*retry.LongestUnreachable, retry.LongestUnreachable/2)
			if alive := w.alive(); len(alive) > 0 {
				t.Errorf("still alive: %v", alive)
			}
		}))
	}
}

// TestDeadlineCountsFromTheAnswer, as the lease does: a mint that takes long
// shortens neither, save where the provider ends the key itself.
func TestDeadlineCountsFromTheAnswer(t *testing.T) {
	const took = 3 * time.Minute
	w := newWorld(t)
	w.slow = took
	lease := w.mustMint("app") // Vault's lease begins with the answer
	w.slow = 0
	for r, err := range ledger.All(context.Background(), w.storage) {
		w.must(err)
		if r.Deadline.Before(lease.end.Add(deadlineMargin)) {
			t.Errorf("the deadline is at %s, and the lease ends at %s", r.Deadline, lease.end)
		}
		if lease.end.After(r.ExpiresAt) {
			t.Errorf("the lease ends at %s, after its key at %s", lease.end, r.ExpiresAt)
		}
	}
	w.run(lease.end.Sub(w.time())-time.Second, 30*time.Second)
	w.heldKeysWork()
}

// TestClockThatIsAheadAtTheStart: a machine comes up a year ahead of its time. It
// ends nothing, and cannot be claimed before it has taken the time anew.
func TestClockThatIsAheadAtTheStart(t *testing.T) {
	const year = 365 * 24 * time.Hour
	claim := func(w *world) error {
		return w.process.ClaimOwnership(context.Background(), w.request(logical.UpdateOperation, "ownership/claim"))
	}
	for name, end := range map[string]func(*world){
		"killed":  func(w *world) { w.process.gate.kill() },
		"stopped": func(w *world) { w.process.Cleanup(context.Background()) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			w.run(time.Minute, 30*time.Second)
			end(w)
			w.set(year)
			w.start(fault{})
			w.run(10*time.Minute, time.Minute)
			w.set(-year)
			if err := claim(w); err == nil || !strings.Contains(err.Error(), "plugin reload") {
				t.Errorf("claimed under a clock that was wrong: %v", err)
			}
			end(w)
			w.start(fault{})
			w.must(claim(w))
			w.run(10*time.Minute, time.Minute)
			w.heldKeysWork()
			w.must(w.revoke(lease))
			if alive := w.alive(); len(alive) != 0 {
				t.Errorf("alive: %v", alive)
			}
		})
	}
}
