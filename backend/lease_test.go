package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
)

// TestDeadlineIsNotBeforeTheLeasesEnd, however long the provider takes: a lease
// counts from the answer.
func TestDeadlineIsNotBeforeTheLeasesEnd(t *testing.T) {
	for name, test := range map[string]struct {
		slow string // method of the request that the provider takes its time for
		act  func(w *world) *heldLease
	}{
		"a slow mint": {http.MethodPost, func(w *world) *heldLease { return w.mustMint("app") }},
		"a slow renewal": {http.MethodPatch, func(w *world) *heldLease {
			lease := w.mustMint("app")
			request := w.request(logical.RenewOperation, "")
			request.Secret = lease.secret
			request.Secret.Increment = 3 * time.Hour
			response, err := w.process.renewLease(context.Background(), request, nil)
			w.must(err)
			lease.end = w.time().Add(response.Secret.TTL)
			return lease
		}},
		"a renewal that shortens, and is lost": {"", func(w *world) *heldLease {
			lease := w.mustMint("app")
			w.must(w.renew(lease, 3*time.Hour))
			end := lease.end
			w.must(w.renew(lease, time.Minute))
			lease.end = end
			return lease
		}},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.behind(func(_ http.ResponseWriter, r *http.Request, pass func()) {
				if r.Method == test.slow {
					w.advance(4 * time.Minute)
				}
				pass()
			})
			lease := test.act(w)
			r := w.recordOf(lease)
			if !r.Deadline.After(lease.end) {
				t.Errorf("the engine ends the key %s before its lease ends", lease.end.Sub(r.Deadline))
			}
			if r.ExpiresAt.Before(lease.end) {
				t.Errorf("the provider ends the key %s before its lease ends", lease.end.Sub(r.ExpiresAt))
			}
		}))
	}
}

// TestEndingKeyIsNotRenewed, nor is its end at the provider moved.
func TestEndingKeyIsNotRenewed(t *testing.T) {
	for name, end := range map[string]func(w *world, lease *heldLease){
		"its revocation was asked for": func(w *world, lease *heldLease) {
			done, err := w.process.RevokeKey(context.Background(), w.request("update", "revoke-key"), w.recordOf(lease))
			if err != nil || done.Pending == nil {
				w.t.Fatalf("it is not queued: %v, %v", done.Pending, err)
			}
		},
		"its lease was revoked": func(w *world, lease *heldLease) {
			if err := w.revoke(lease); err == nil {
				w.t.Fatal("it is not queued")
			}
		},
		"before a restart": func(w *world, lease *heldLease) {
			w.revoke(lease)
			w.start(fault{})
		},
		"it is past its deadline": func(w *world, lease *heldLease) {
			w.advance(w.recordOf(lease).Deadline.Sub(w.time()))
			for range ledger.Shards {
				w.process.tick(context.Background())
			}
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			extended := 0
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch r.Method {
				case http.MethodDelete:
					rw.WriteHeader(http.StatusForbidden)
				case http.MethodPatch:
					extended++
					pass()
				default:
					pass()
				}
			})
			lease := w.mustMint("app")
			end(w, lease)
			if err := w.renew(lease, 10*time.Hour); err == nil || !strings.Contains(err.Error(), "being revoked") {
				t.Errorf("renewing it: %v", err)
			}
			if extended > 0 {
				t.Error("its end at the provider was moved")
			}
		}))
	}
}

// TestLostExtension: the provider moved the key's end and the ledger could not be
// told. The end of before proves nothing.
func TestLostExtension(t *testing.T) {
	w := newWorld(t)
	refuse := false
	w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
		if refuse && r.Method == http.MethodDelete {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		pass()
	})
	lease := w.mustMint("app")
	first := w.recordOf(lease).ExpiresAt
	w.process.gate.arm(fault{at: 3}) // the ledger, the provider, and the ledger again
	if err := w.renew(lease, 20*time.Hour); err == nil {
		t.Fatalf("the lease was renewed after %v", w.process.gate.disarm())
	}
	w.process.gate.disarm()
	refuse = true
	w.advance(first.Add(2 * listLag).Sub(w.time()))
	if w.revoke(lease); w.recordOf(lease) == nil {
		t.Error("the key is forgotten, and alive for hours")
	}
	w.run(20*time.Hour, 20*time.Minute)
	if w.recordOf(lease) != nil {
		t.Error("the key has ended at its provider, and is not forgotten")
	}
}

// TestLeaseWithoutRecord: the ledger knows nothing of a lease's key.
func TestLeaseWithoutRecord(t *testing.T) {
	for name, test := range map[string]struct {
		// before is done with the key, whose record is lost after that unless kept.
		before func(w *world, lease *heldLease)
		kept   bool
		// answer is what a deletion is answered with while down; 0 for the
		// provider's own.
		answer int
		// queued says that Vault is told that it is queued, and asked how many
		// deletions the provider gets from Vault's request.
		queued bool
		asked  int
	}{
		"a lost record":                       {asked: 1},
		"a lost record, no provider":          {answer: 503, queued: true, asked: 2},
		"a lost record, refused":              {answer: 403, queued: true, asked: 1},
		"a lost record, not known yet":        {answer: 404, queued: true, asked: 1},
		"deleted by somebody":                 {before: func(w *world, l *heldLease) { w.advance(2 * listLag); w.deleteKeyOf(l) }, asked: 1},
		"deleted by somebody, and refused":    {before: func(w *world, l *heldLease) { w.advance(2 * listLag); w.deleteKeyOf(l) }, answer: 403, asked: 1},
		"revoked before":                      {before: func(w *world, l *heldLease) { w.must(w.revoke(l)) }, kept: true},
		"revoked before, by an older process": {before: func(w *world, l *heldLease) { w.must(w.revoke(l)); w.start(fault{}); w.advance(2 * listLag) }, kept: true, asked: 1},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			asked, down := 0, false
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				if r.Method == http.MethodDelete {
					asked++
					if down && test.answer != 0 {
						rw.WriteHeader(test.answer)
						return
					}
				}
				pass()
			})
			lease := w.mustMint("app")
			if test.before != nil {
				test.before(w, lease)
			}
			if !test.kept {
				w.must(w.process.books.ledger.Delete(context.Background(), w.storage, w.recordOf(lease)))
			}
			asked, down = 0, true
			err := w.revoke(lease)
			if (err != nil) != test.queued || (len(w.process.Queue()) > 0) != test.queued {
				t.Errorf("Vault is told %v, and %d entries are queued", err, len(w.process.Queue()))
			}
			if test.asked > 0 != (asked > 0) || asked < test.asked {
				t.Errorf("the provider was asked %d times, not %d", asked, test.asked)
			}
			down = false
			w.start(fault{}) // an entry of the queue must tell all that is needed
			w.run(10*time.Minute, 20*time.Second)
			if len(w.alive()) > 0 {
				t.Errorf("alive: %v", w.alive())
			}
			w.nothingIsQueued()
		}))
	}
}

// TestRefusedLeaseWithoutRecord: a refusal says little of a key that the ledger does not have
// and that may be alive, since a write was lost. The list tells, or a note of it stays.
func TestRefusedLeaseWithoutRecord(t *testing.T) {
	for name, test := range map[string]struct {
		lists, masked bool
		queued        queue.Kind
	}{
		"it is listed":                {lists: true, queued: queue.Revoke},
		"nothing may be listed":       {lists: true, masked: true, queued: queue.Missing},
		"its provider offers no list": {queued: queue.Missing},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			refused := false
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				if refused && (r.Method == http.MethodDelete || test.masked && strings.HasPrefix(r.URL.Path, "/v1/keys")) {
					rw.WriteHeader(http.StatusForbidden)
					return
				}
				pass()
			})
			w.configureEndless(test.lists)
			lease := w.mustMint("app")
			w.advance(2 * listLag)
			w.must(w.process.books.ledger.Delete(t.Context(), w.storage, w.recordOf(lease)))
			refused = true
			_ = w.revoke(lease) // Vault asks again where it is told that it is queued
			w.run(time.Hour, time.Minute)
			if entries := w.process.Queue(); len(entries) != 1 || entries[0].Kind != test.queued {
				t.Errorf("the queue has %v", entries)
			}
			refused = false
			w.start(fault{})
			w.run(2*time.Hour, time.Minute)
			if alive := w.alive(); len(alive) > 0 {
				t.Errorf("alive: %v", alive)
			}
			w.nothingIsQueued()
		}))
	}
}

// TestGivenUpKey is not taken up again when its lease ends.
func TestGivenUpKey(t *testing.T) {
	w := newWorld(t)
	w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
		if r.Method == http.MethodDelete {
			rw.WriteHeader(http.StatusForbidden)
			return
		}
		pass()
	})
	lease := w.mustMint("app")
	if err := w.revoke(lease); err == nil {
		t.Fatal("it was revoked")
	}
	w.must(w.process.GiveUp(context.Background(), w.request("update", "queue"), w.process.Queue()[0].ID))
	if err := w.revoke(lease); err != nil {
		t.Errorf("Vault's retry is told %s", err)
	}
	w.nothingIsQueued()
}

// TestRevocationAtEveryStep: any write or deletion may have happened that failed;
// at the end the key is dead and nothing is left.
func TestRevocationAtEveryStep(t *testing.T) {
	act := func(w *world, lease *heldLease) { w.revoke(lease); w.turn(); w.revoke(lease) }
	prepare := func(t *testing.T) (*world, *heldLease) {
		w := newWorld(t)
		first := true
		w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
			if r.Method == http.MethodDelete && first {
				first = false
				rw.WriteHeader(http.StatusForbidden)
				return
			}
			pass()
		})
		return w, w.mustMint("app")
	}
	w, lease := prepare(t)
	w.process.gate.arm(fault{})
	act(w, lease)
	atEveryStep(t, w.process.gate.disarm(), func(t *testing.T, f fault) {
		w, lease := prepare(t)
		w.process.gate.arm(f)
		act(w, lease)
		w.process.gate.disarm()
		if f.kill {
			w.start(fault{})
		}
		w.mustSettle()
		if left := fmt.Sprint(w.stored(queue.Prefix)); left != "[]" {
			t.Errorf("on the queue: %s", left)
		}
	})
}

// TestRenewalCappedByVaultsClock: Vault computes a renewal once more by its own clock,
// and a key that ends soon does so whatever the engine's clocks say.
func TestRenewalCappedByVaultsClock(t *testing.T) {
	const left = 10 * time.Minute
	for _, jump := range []time.Duration{0, time.Hour, 365 * 24 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			w.set(jump)
			r := w.recordOf(lease)
			r.ExpiresAt = w.time().Add(left)
			r.BaseURL = "https://elsewhere.example" // where nobody can move its end
			w.must(w.process.books.ledger.Write(context.Background(), w.storage, r))
			w.must(w.renew(lease, time.Hour))
			if granted := lease.end.Sub(w.time()); granted > left+time.Minute {
				t.Errorf("Vault has the lease live for %s, and the key for %s", granted, left)
			}
		})
	}
}

// TestLeaseOfAnEarlierVersion, in which all data is one text, is ended as those of today.
func TestLeaseOfAnEarlierVersion(t *testing.T) {
	for name, test := range map[string]struct {
		recorded bool
		form     func(d leaseData) (map[string]any, error)
	}{
		"today's":                         {true, func(d leaseData) (map[string]any, error) { return d.internal(), nil }},
		"today's, without a record":       {false, func(d leaseData) (map[string]any, error) { return d.internal(), nil }},
		"an earlier one":                  {true, inOneText},
		"an earlier one without a record": {false, inOneText},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			data, err := leaseDataOf(&logical.Request{Secret: lease.secret})
			w.must(err)
			lease.secret.InternalData, err = test.form(*data)
			w.must(err)
			w.must(w.renew(lease, time.Hour))
			if !test.recorded {
				w.must(w.process.books.ledger.Delete(context.Background(), w.storage, w.recordOf(lease)))
			}
			w.must(w.revoke(lease))
			if left := w.alive(); len(left) > 0 {
				t.Errorf("the key lives on: %v", left)
			}
		}))
	}
}

func inOneText(d leaseData) (map[string]any, error) {
	text, err := json.Marshal(d)
	return map[string]any{"lease": string(text)}, err
}
