package backend

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/providers"
)

// steppedCabinet makes a key in two steps, of which the second one is refused.
var steppedCabinet = strings.Replace(cabinetDefinition, `    post   = "/drawers/${role.drawer}"
    json   = { name = key.name }
    id     = body.id
`, `    step "account" {
      post = "/drawers/${role.drawer}"
      json = { name = key.name }
      save = { account = body.id }
      undo {
        delete = "/drawers/${role.drawer}/${saved.account}"
        gone   = [404]
      }
    }
    step "key" {
      post = "/drawers/${role.drawer}/${saved.account}"
      json = { name = key.name }
    }
    id     = saved.account
`, 1)

// TestAnswerOfAnothersKey has a provider answer a request for a new key with one that
// somebody holds. Whatever goes wrong after that, it lives; what was made beside it
// goes, and each key ends with its lease.
func TestAnswerOfAnothersKey(t *testing.T) {
	ctx := context.Background()
	answers := map[string]func(*cabinet){
		"the key itself": func(c *cabinet) { c.existing = true },
		"its id":         func(c *cabinet) { c.misnamed = true },
	}
	for answer, confuse := range answers {
		for name, test := range map[string]struct {
			act    func(w *world)
			atOnce bool // no turn of the clockwork comes before the lease's end
		}{
			"a mint": {act: func(w *world) {}},
			"a mint that cannot be stored": {act: func(w *world) {
				w.process.gate.hitAfter("PUT ledger/", fault{})
			}},
			"a mint whose record is written and answered with an error": {act: func(w *world) {
				w.process.gate.failAfter("PUT ledger/")
			}},
			"a mint in steps": {act: func(w *world) { w.uploadCabinet(steppedCabinet) }},
			"a mint before the ledger is read": {act: func(w *world) {
				w.start(fault{})
			}},
			"a mint that ends before the ledger is read": {act: func(w *world) {
				w.start(fault{})
			}, atOnce: true},
		} {
			t.Run(answer+", "+name, inBubble(func(t *testing.T) {
				w, c := cabinetWorld(t)
				w.turn()
				first := w.mustMint("main")
				c.change(confuse)
				test.act(w)
				if second, err := w.mint("main"); err == nil {
					// It may be noticed only later that the two are one.
					if !test.atOnce {
						w.turn()
					}
					w.must(w.revoke(second))
				}
				c.change(func(c *cabinet) { c.existing, c.misnamed = false, false })
				w.uploadCabinet(cabinetDefinition)
				w.run(6*time.Minute, 20*time.Second)
				if left := c.ids(); !slices.Equal(left, idsOf(first)) {
					t.Errorf("at the provider are %v, want %v, which is held", left, idsOf(first))
				}
				w.must(w.revoke(first))
				w.run(6*time.Minute, 20*time.Second)
				if left := c.ids(); len(left) > 0 {
					t.Errorf("at the provider are %v, which nobody holds", left)
				}
				w.nothingIsQueued()
			}))
		}
	}

	t.Run("a rotation", inBubble(func(t *testing.T) {
		w, c := cabinetWorld(t)
		lease := w.mustMint("main")
		c.change(func(c *cabinet) { c.existing = true })
		if err := w.process.RotateRoot(ctx, w.process.storage, "one"); err != nil {
			t.Logf("rotating: %s", err)
		}
		w.run(2*time.Minute, 20*time.Second)
		w.must(w.revoke(lease))
		w.must(w.process.CheckConnection(ctx, w.process.storage, "one"))
	}))

	t.Run("a static role", inBubble(func(t *testing.T) {
		w, c := cabinetWorld(t)
		w.must(w.process.SaveStaticRole(ctx, w.process.storage, "site", &StaticRole{
			Role: Role{Connection: "one", Fields: providers.Values{"drawer": "main"}},
		}))
		held, _, _ := strings.Cut(w.current("site").Secret["api_key"].(string), ".")
		c.change(func(c *cabinet) { c.existing = true })
		if _, err := w.mint("main"); err == nil {
			t.Error("a lease was given the key of the static role")
		}
		w.run(6*time.Minute, 20*time.Second)
		if left := c.ids(); !slices.Equal(left, []string{held}) {
			t.Errorf("at the provider are %v, want %s", left, held)
		}
	}))
}

// endedOtherwise are cabinets whose keys are ended by more, or by other words, than their id.
var endedOtherwise = map[string]string{
	"rights of its own that go first": strings.NewReplacer(
		"    id     = body.id\n", "    id     = body.id\n    save   = { rights = key.name }\n",
		`    delete = "/drawers/${role.drawer}/${key.id}"
    gone   = [404]
`, `    step "rights" {
      put = "/drawers/${role.drawer}/${key.id}/rights/${saved.rights}"
    }
    step "key" {
      delete = "/drawers/${role.drawer}/${key.id}"
      gone   = [404]
    }
`, "      name = item.name\n    }\n  }\n  rotate", "      name = item.name\n      rights = item.name\n    }\n  }\n  rotate").Replace(cabinetDefinition),
	"an account that goes with it": strings.NewReplacer(
		"    id     = body.id\n", "    id     = split(\".\", body.key)[1]\n    save   = { account = body.id }\n",
		`    delete = "/drawers/${role.drawer}/${key.id}"
    gone   = [404]
`, `    step "key" {
      put = "/drawers/${role.drawer}/keys/${key.id}"
    }
    step "account" {
      delete = "/drawers/${role.drawer}/${saved.account}"
      gone   = [404]
    }
`, "      id   = item.id\n      name = item.name\n    }\n  }\n  rotate", "      id      = \"secret-of-${item.id}\"\n      account = item.id\n      name    = item.name\n    }\n  }\n  rotate").Replace(cabinetDefinition),
	"a password that is made of its name": strings.Replace(cabinetDefinition,
		"    delete = \"/drawers/${role.drawer}/${key.id}\"\n", "    delete = \"/drawers/${role.drawer}/${key.id}\"\n    query  = { password = derived_password(key.name, 32) }\n", 1),
	"a number of the request that is made of its name": strings.Replace(cabinetDefinition,
		"    delete = \"/drawers/${role.drawer}/${key.id}\"\n", "    delete  = \"/drawers/${role.drawer}/${key.id}\"\n    headers = { X-Request-Id = \"revoke-${key.name}\" }\n", 1),
}

// TestAnswerOfWhatEndsAnothersKey has a provider answer a request for a new key with what
// belongs to one that a static role holds, where ending the new one would remove that: one
// of several requests would, whatever the others name.
func TestAnswerOfWhatEndsAnothersKey(t *testing.T) {
	ctx := context.Background()
	for ended, definition := range endedOtherwise {
		for name, before := range map[string]func(w *world){
			"known":                     func(*world) {},
			"before the ledger is read": func(w *world) { w.start(fault{}) },
		} {
			t.Run(ended+", "+name, inBubble(func(t *testing.T) {
				w, c := cabinetWorld(t)
				w.uploadCabinet(definition)
				w.must(w.process.SaveStaticRole(ctx, w.process.storage, "site", &StaticRole{
					Role: Role{Connection: "one", Fields: providers.Values{"drawer": "main"}},
				}))
				held, _, _ := strings.Cut(w.current("site").Secret["api_key"].(string), ".")
				w.turn()
				before(w)
				c.change(func(c *cabinet) { c.misnamed = true })
				if second, err := w.mint("main"); err == nil {
					w.must(w.revoke(second))
				}
				c.change(func(c *cabinet) { c.misnamed = false })
				w.run(6*time.Minute, 20*time.Second)
				if left := c.ids(); !slices.Equal(left, []string{held}) {
					t.Errorf("at the provider are %v, want %s, which is held", left, held)
				}
				w.must(w.process.DeleteStaticRole(ctx, w.process.storage, "site"))
				w.run(6*time.Minute, 20*time.Second)
				if left := c.ids(); len(left) > 0 {
					t.Errorf("at the provider are %v, which nobody holds", left)
				}
				w.nothingIsQueued()
			}))
		}
	}
}

// TestLeftOverOfAnothersAccount has a mint fail whose key came to be in the account of one that
// a static role holds. Removing what it left would remove that account.
func TestLeftOverOfAnothersAccount(t *testing.T) {
	ctx := context.Background()
	const account = "id-000001"
	for name, read := range map[string]bool{"known": true, "before the ledger is read": false} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t)
			definition := strings.ReplaceAll(endedOtherwise["an account that goes with it"], "account = body.id", `account = "`+account+`"`)
			w.uploadCabinet(strings.ReplaceAll(definition, "account = item.id", `account = "`+account+`"`))
			w.must(w.process.SaveStaticRole(ctx, w.process.storage, "site", &StaticRole{
				Role: Role{Connection: "one", Fields: providers.Values{"drawer": "main"}},
			}))
			w.turn()
			if !read {
				w.start(fault{})
			}
			c.change(func(c *cabinet) { c.repeated = true })
			if _, err := w.mint("main"); err == nil {
				t.Error("the provider refused, and a key was handed out")
			}
			w.run(6*time.Minute, 20*time.Second)
			if left := c.ids(); !slices.Contains(left, account) {
				t.Errorf("at the provider are %v, and the account is held", left)
			}
		}))
	}
}

// TestIdsOfEachPlace: at a provider that counts in each project anew, keys of the same
// id are not one another's.
func TestIdsOfEachPlace(t *testing.T) {
	w, c := cabinetWorld(t, "side")
	w.turn()
	first := w.mustMint("main")
	c.change(func(c *cabinet) { c.made-- })
	second := w.mustMint("side")
	if idOf(first) != idOf(second) {
		t.Fatalf("the ids are %s and %s", idOf(first), idOf(second))
	}
	w.must(w.revoke(first))
	if left := c.ids(); !slices.Equal(left, idsOf(second)) {
		t.Errorf("at the provider are %v, want %v", left, idsOf(second))
	}
	w.must(w.revoke(second))
	if left := c.ids(); len(left) > 0 {
		t.Errorf("at the provider are %v, which nobody holds", left)
	}
}

// TestTargetOfTwoCredentials: two credentials may be of one account, or of two that
// count alike; an id long enough to be nobody else's tells.
func TestTargetOfTwoCredentials(t *testing.T) {
	w, _ := cabinetWorld(t)
	target := func(id, account string) []uint64 {
		r := ledger.Record{Connection: "one", Provider: "cabinet", Account: account, Handle: providers.Handle{ID: id, Name: "any", Role: providers.Values{"drawer": "main"}}}
		return w.process.targets(&r)
	}
	for name, test := range map[string]struct {
		one, other []uint64
		same       bool
	}{
		"a long id, two credentials":  {target("id-000001", "a"), target("id-000001", "b"), true},
		"a short id, two credentials": {target("17", "a"), target("17", "b"), false},
		"a short id, one credential":  {target("17", "a"), target("17", "a"), true},
		"two ids":                     {target("id-000001", "a"), target("id-000002", "a"), false},
	} {
		if len(test.one) != 1 || slices.Equal(test.one, test.other) != test.same {
			t.Errorf("%s: %d and %d, want the same: %t", name, test.one, test.other, test.same)
		}
	}
}

// slowDeletes takes a second for each deletion.
type slowDeletes struct{ logical.Storage }

func (s slowDeletes) Delete(ctx context.Context, key string) error {
	time.Sleep(time.Second)
	return s.Storage.Delete(ctx, key)
}

// TestSharedKeyEndsWithTheLast: of two leases of one key that end at the same moment,
// neither leaves the key to the other.
func TestSharedKeyEndsWithTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := cabinetWorld(t)
		leases := []*heldLease{w.mustMint("main")}
		w.start(fault{}) // which has not read the ledger yet
		c.change(func(c *cabinet) { c.existing = true })
		leases = append(leases, w.mustMint("main"))
		w.run(6*time.Minute, 20*time.Second) // until nothing is left to recover
		storage := w.process.storage.(*gatedStorage)
		storage.Storage = slowDeletes{storage.Storage}
		var ending sync.WaitGroup
		for _, lease := range leases {
			ending.Go(func() { w.must(w.revoke(lease)) })
		}
		ending.Wait()
		w.run(6*time.Minute, 20*time.Second)
		if left := c.ids(); len(left) > 0 {
			t.Errorf("at the provider are %v, which nobody holds", left)
		}
	})
}

// TestRevocationsWhileALongLedgerIsRead: a key made since the start waits for its end
// until the ledger is known, for little, and ends then; one that an earlier lease holds
// too lives on.
func TestRevocationsWhileALongLedgerIsRead(t *testing.T) {
	for name, shared := range map[string]bool{"its own": false, "another lease's, too": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w, c := cabinetWorld(t)
				w.mustMint("main")
				w.fillLedger(20_000) // so many that one part of it tells, whichever it is
				seen := w.count()    // by a process which has not read the ledger yet
				c.change(func(c *cabinet) { c.existing = shared })
				lease := w.mustMint("main")
				before := len(c.ids())
				for range 2 {
					seen.since()
					if err := w.revoke(lease); err == nil || !strings.Contains(err.Error(), "still reading the ledger") {
						t.Fatalf("the revocation says %v", err)
					}
					if asked := seen.since(); len(asked) > 5 {
						t.Errorf("it asked Vault %d times: %q", len(asked), asked[:5])
					}
				}
				w.turn()
				w.run(6*time.Minute, 20*time.Second)
				if queued := w.process.Queue(); len(queued) > 0 {
					t.Errorf("it still waits: %v", queued)
				}
				want := before - 1
				if shared {
					want = before
				}
				if left := len(c.ids()); left != want {
					t.Errorf("%d keys are left, want %d", left, want)
				}
			})
		})
	}
}
