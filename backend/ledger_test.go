package backend

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
)

// oneName is a cabinet whose readers get a user name first, the same for all.
func oneName(t *testing.T) (*world, *cabinet) {
	w, c := cabinetWorld(t)
	w.uploadCabinet(strings.Replace(cabinetDefinition, "secret = { api_key = body.key }", `secret = {
      username = "service"
      api_key  = body.key
    }`, 1))
	return w, c
}

// TestKeysWithOneValue: keys that have their first field in common are as many
// keys, each with a record of its own.
func TestKeysWithOneValue(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]func(w *world, leases []*heldLease) (left []*heldLease){
		"all live": func(_ *world, leases []*heldLease) []*heldLease { return leases },
		"the first is revoked": func(w *world, leases []*heldLease) []*heldLease {
			w.must(w.revoke(leases[0]))
			return leases[1:]
		},
		"the last is revoked": func(w *world, leases []*heldLease) []*heldLease {
			w.must(w.revoke(leases[2]))
			return leases[:2]
		},
		"the first is revoked, and another one is made": func(w *world, leases []*heldLease) []*heldLease {
			w.must(w.revoke(leases[0]))
			return append(leases[1:], w.mustMint("main"))
		},
		"the first is revoked twice, and another one made between": func(w *world, leases []*heldLease) []*heldLease {
			again := *leases[0]
			w.must(w.revoke(leases[0]))
			left := append(leases[1:], w.mustMint("main"))
			w.must(w.revoke(&again)) // Vault asks again when it did not hear the answer
			return left
		},
		"the first is renewed": func(w *world, leases []*heldLease) []*heldLease {
			w.must(w.renew(leases[0], 2*time.Hour))
			return leases
		},
		"all but the renewed one are past their deadline": func(w *world, leases []*heldLease) []*heldLease {
			w.must(w.renew(leases[1], 20*time.Hour))
			w.forget(leases[0])
			w.forget(leases[2])
			w.run(testTTL+10*time.Minute, 10*time.Minute)
			return leases[1:2]
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c := oneName(t)
			left := test(w, []*heldLease{w.mustMint("main"), w.mustMint("main"), w.mustMint("main")})
			if ids := c.ids(); !slices.Equal(ids, idsOf(left...)) {
				t.Errorf("at the provider are %v, want %v", ids, idsOf(left...))
			}
			found, err := w.process.KeysByValue(ctx, w.process.storage, "service")
			w.must(err)
			var ids []string
			for _, r := range found {
				ids = append(ids, r.Handle.ID)
			}
			slices.Sort(ids)
			if !slices.Equal(ids, idsOf(left...)) {
				t.Errorf("the value leads to %v, want %v", ids, idsOf(left...))
			}
			if _, err := w.process.KeyByValue(ctx, w.process.storage, "service"); len(left) > 1 && (err == nil || !strings.Contains(err.Error(), "write id=")) {
				t.Errorf("a value of several keys is taken for one's: %v", err)
			}
			for _, lease := range left {
				w.must(w.revoke(lease))
			}
			if ids := c.ids(); len(ids) > 0 {
				t.Errorf("at the provider are %v in the end", ids)
			}
			if notes, err := logical.CollectKeysWithPrefix(ctx, w.storage, ledger.SameValuePrefix); err != nil || len(notes) > 0 {
				t.Errorf("left in storage: %v, %v", notes, err)
			}
		})
	}
}

// TestKeysWithOneValueCrashAtEveryStep fails and kills the engine around each step
// of a mint whose value another key has: that key lives on, and nothing is lost.
func TestKeysWithOneValueCrashAtEveryStep(t *testing.T) {
	for what, act := range map[string]func(w *world, second *heldLease){
		"mint":   func(w *world, _ *heldLease) { w.mint("main") },
		"revoke": func(w *world, second *heldLease) { w.revoke(second) },
	} {
		t.Run(what, func(t *testing.T) {
			run := func(t *testing.T, f fault) (*world, *cabinet, *heldLease, []string) {
				w, c := oneName(t)
				first, second := w.mustMint("main"), w.mustMint("main")
				w.process.gate.arm(f)
				act(w, second)
				return w, c, first, w.process.gate.disarm()
			}
			_, _, _, steps := run(t, fault{})
			atEveryStep(t, steps, func(t *testing.T, f fault) {
				w, c, first, _ := run(t, f)
				if f.kill {
					w.succeed()
				}
				w.run(10*time.Minute, 20*time.Second)
				if !slices.Contains(c.ids(), idOf(first)) {
					t.Errorf("%s is held and gone", idOf(first))
				}
				for _, lease := range w.held() {
					if !lease.revoking && !slices.Contains(c.ids(), idOf(lease)) {
						t.Errorf("%s is held and gone", idOf(lease))
					}
				}
				w.run(3*testTTL, 10*time.Minute)
				w.expireLeases()
				w.run(10*time.Minute, 20*time.Second)
				if ids := c.ids(); len(ids) > 0 {
					t.Errorf("at the provider are %v in the end", ids)
				}
				notes, err := logical.CollectKeysWithPrefix(context.Background(), w.storage, ledger.SameValuePrefix)
				w.must(err)
				if len(notes) > 0 {
					t.Errorf("left in storage: %v", notes)
				}
			})
		})
	}
}

// TestRecordOfAnotherIsNeverOverwritten: neither is one that cannot be read.
func TestRecordOfAnotherIsNeverOverwritten(t *testing.T) {
	ctx := context.Background()
	w, _ := oneName(t)
	w.damageRecordOf(w.mustMint("main"), func(text string) string { return text[:len(text)-9] })
	w.mustMint("main")
	found, err := w.process.KeysByValue(ctx, w.process.storage, "service")
	w.must(err)
	if len(found) != 1 {
		t.Errorf("the value leads to %d keys that can be read, want 1", len(found))
	}
	paths, err := logical.CollectKeysWithPrefix(ctx, w.storage, ledger.Prefix)
	w.must(err)
	if len(paths) != 2 {
		t.Errorf("the ledger has %v", paths)
	}
}

// TestRecordOfAFailedEntry: the write of a new key's record is carried out and
// answered with an error. The key goes on the spot, and so does its record, which
// nobody could have it confirmed for once the connection has another credential.
func TestRecordOfAFailedEntry(t *testing.T) {
	w := newWorld(t)
	w.process.gate.failAfter("PUT " + ledger.Prefix)
	if _, err := w.mint("app"); err == nil {
		t.Fatal("the mint did not fail")
	}
	if alive, left := w.alive(), w.stored(ledger.Prefix); len(alive) > 0 || len(left) > 0 {
		t.Errorf("alive: %v, in the ledger: %v", alive, left)
	}
}

// TestRecordOfAFailedEntryOfAYoungKey: the provider does not know the key yet when it is to go
// on the spot. Its record goes with it once it does, since another key may get its id.
func TestRecordOfAFailedEntryOfAYoungKey(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		young := true
		w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
			if r.Method == http.MethodDelete && young {
				rw.WriteHeader(http.StatusNotFound)
				return
			}
			pass()
		})
		w.process.gate.failAfter("PUT " + ledger.Prefix)
		if _, err := w.mint("app"); err == nil {
			t.Fatal("the mint did not fail")
		}
		if alive, left := w.alive(), w.stored(ledger.Prefix); len(alive) != 1 || len(left) != 1 {
			t.Fatalf("alive: %v, in the ledger: %v, want one of each", alive, left)
		}
		young = false
		w.run(4*time.Minute, 10*time.Second)
		if alive, left := w.alive(), w.stored(ledger.Prefix); len(alive) > 0 || len(left) > 0 {
			t.Errorf("alive: %v, in the ledger: %v", alive, left)
		}
		w.nothingIsQueued()
	})(t)
}
