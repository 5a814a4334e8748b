package backend

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// lie has the provider confirm deletions that it does not carry out, for ever. Its word
// is taken until the keys are looked for, so that the ledger forgets some that live.
func (w *world) lie() {
	count := 0
	w.addFaults([]sandbox.Fault{{Kind: sandbox.Status, Status: http.StatusNoContent, Match: sandbox.Match{Method: http.MethodDelete}, Count: &count}})
}

// TestRevokedKeyIsLookedFor: by default a key that goes on being listed after the
// provider said that it was revoked is not forgotten, and Vault need not wait.
func TestRevokedKeyIsLookedFor(t *testing.T) {
	for name, how := range map[string]ledger.Verification{"left out": "", "list": ledger.ByList, "off": ledger.ByWord} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.configure("sandbox", "box", "app", func(_ *Connection, r *Role) { r.VerifyRevocation = how })
			lease := w.mustMint("app")
			w.lie()
			w.must(w.revoke(lease))
			w.run(3*time.Hour, time.Minute)
			if how == ledger.ByWord {
				if queued := w.process.Queue(); len(queued) != 0 {
					t.Errorf("the provider's word was not taken: %v", queued)
				}
				return
			}
			queued := w.process.Queue()
			if len(queued) != 1 || !strings.Contains(queued[0].LastError, "still shows it") {
				t.Fatalf("queue: %v", queued)
			}
			if r := w.recordOf(lease); r == nil || !r.SeenAfter {
				t.Fatalf("the record is %v", r)
			}
			w.sandbox.ClearFaults()
			w.run(3*time.Hour, time.Minute)
			if alive, queued := w.alive(), w.process.Queue(); len(alive)+len(queued) > 0 {
				t.Errorf("alive %v, queued %v", alive, queued)
			}
			w.untimely = nil
			w.mustSettle()
		}))
	}
}

// TestLookSurvivesARestart: what was found alive once is looked for until it is gone,
// also by a later process.
func TestLookSurvivesARestart(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		lease := w.mustMint("app")
		w.lie()
		w.must(w.revoke(lease))
		w.run(5*time.Minute, time.Minute)
		w.succeed()
		w.run(time.Hour, time.Minute)
		if queued := w.process.Queue(); len(queued) != 1 || len(w.alive()) != 1 {
			t.Fatalf("queue %v, alive %v", queued, w.alive())
		}
		w.sandbox.ClearFaults()
		w.run(3*time.Hour, time.Minute)
		if alive, queued := w.alive(), w.process.Queue(); len(alive)+len(queued) > 0 {
			t.Errorf("alive %v, queued %v", alive, queued)
		}
		w.untimely = nil
		w.mustSettle()
	})(t)
}

// TestListThatShiftsForgetsNothing: a key that was seen after the provider's word is not
// forgotten because one reading of several pages did not meet it.
func TestListThatShiftsForgetsNothing(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		shifts, readings, key := false, 0, ""
		w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
			if !shifts || r.Method != http.MethodGet || r.URL.Path != "/v1/keys" {
				pass()
				return
			}
			rw.Header().Set("Content-Type", "application/json")
			first := r.URL.Query().Get("cursor") == ""
			switch {
			case first:
				readings++
				fmt.Fprint(rw, `{"data":[{"id":"another","name":"somebody-elses"}],"next_cursor":"second"}`)
			case readings%2 == 1:
				fmt.Fprint(rw, `{"data":[]}`)
			default:
				fmt.Fprint(rw, key)
			}
		})
		lease := w.mustMint("app")
		handle := w.recordOf(lease).Handle
		key = fmt.Sprintf(`{"data":[{"id":%q,"name":%q}]}`, handle.ID, handle.Name)
		w.lie()
		w.must(w.revoke(lease))
		w.run(5*time.Minute, time.Minute)
		if r := w.recordOf(lease); r == nil || !r.SeenAfter {
			t.Fatalf("the record is %v", r)
		}
		shifts = true
		w.run(3*time.Hour, time.Minute)
		if readings == 0 {
			t.Fatal("the list was not read")
		}
		if r := w.recordOf(lease); r == nil || len(w.process.Queue()) != 1 {
			t.Errorf("after %d readings the record is %v, and queued %v", readings, r, w.process.Queue())
		}
		shifts = false
		w.sandbox.ClearFaults()
		w.run(3*time.Hour, time.Minute)
		if alive, queued := w.alive(), w.process.Queue(); len(alive)+len(queued) > 0 {
			t.Errorf("alive %v, queued %v", alive, queued)
		}
		w.untimely = nil
		w.mustSettle()
	})(t)
}

// TestStormOfRevocationsIsLookedForTogether: one reading of the list shows of all of
// them whether they are gone.
func TestStormOfRevocationsIsLookedForTogether(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		const storm = 300
		lists, deletions := 0, 0
		w.behind(func(_ http.ResponseWriter, r *http.Request, pass func()) {
			switch {
			case r.Method == http.MethodDelete:
				deletions++
			case r.Method == http.MethodGet && r.URL.Path == "/v1/keys":
				lists++
			}
			pass()
		})
		var leases []*heldLease
		for range storm {
			leases = append(leases, w.mustMint("app"))
		}
		for _, lease := range leases {
			w.must(w.revoke(lease))
		}
		if lists != 0 {
			t.Errorf("revoking asked %d times for the list", lists)
		}
		w.run(10*time.Minute, time.Second)
		if deletions != storm || lists == 0 || lists > 3 {
			t.Errorf("%d deletions and %d requests for the list", deletions, lists)
		}
		if left := w.process.pending.watched.count; left != 0 {
			t.Errorf("%d are still looked for", left)
		}
		w.mustSettle()
	})(t)
}

// TestListThatLags: a provider that hides what it deleted only after a while makes no
// failures of its revocations.
func TestListThatLags(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		var stale string
		w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
			if r.Method == http.MethodGet && r.URL.Path == "/v1/keys" && stale != "" {
				rw.Header().Set("Content-Type", "application/json")
				fmt.Fprint(rw, stale)
				return
			}
			pass()
		})
		lease := w.mustMint("app")
		stale = fmt.Sprintf(`{"data":[{"id":%q,"name":%q}]}`, w.recordOf(lease).Handle.ID, w.recordOf(lease).Handle.Name)
		w.must(w.revoke(lease))
		bound, err := w.process.bound(context.Background(), w.storage, "box")
		w.must(err)
		lag := bound.definition.Lag
		w.run(lag-time.Second, time.Second)
		if queued := w.process.Queue(); len(queued) > 0 {
			t.Errorf("before the lag is over: %v", queued)
		}
		stale = ""
		w.run(time.Minute, time.Second)
		if queued, left := w.process.Queue(), w.process.pending.watched.count; len(queued) > 0 || left > 0 {
			t.Errorf("queue %v, %d looked for", queued, left)
		}
		w.mustSettle()
	})(t)
}
