package backend

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// TestEngineSparesWhatIsHeld has every kind of the engine's own clearing up come
// upon keys that somebody holds, beside orphans. The orphans go, what is held stays.
func TestEngineSparesWhatIsHeld(t *testing.T) {
	ctx := context.Background()
	// A scene answers the ids that are held; all others are orphans.
	scenes := map[string]func(w *world, c *cabinet) []string{
		"another connection's leases": func(w *world, _ *cabinet) []string {
			w.another("two", "two-")
			return idsOf(w.mustMint("main"), w.mustMint("two-main"))
		},
		"another connection's static key": func(w *world, _ *cabinet) []string {
			w.another("two", "two-")
			w.must(w.process.SaveStaticRole(ctx, w.process.storage, "legacy", &StaticRole{
				Role: Role{Connection: "two", Fields: providers.Values{"drawer": "main"}},
			}))
			id, _, _ := strings.Cut(w.current("legacy").Secret["api_key"].(string), ".")
			return append(idsOf(w.mustMint("main")), id)
		},
		"a static key whose record is lost": func(w *world, _ *cabinet) []string {
			w.must(w.process.SaveStaticRole(ctx, w.process.storage, "legacy", &StaticRole{
				Role: Role{Connection: "one", Fields: providers.Values{"drawer": "main"}},
			}))
			key := w.current("legacy")
			r, err := ledger.Get(ctx, w.storage, key.RecordID)
			w.must(err)
			w.must(w.process.books.ledger.Delete(ctx, w.storage, r))
			id, _, _ := strings.Cut(key.Secret["api_key"].(string), ".")
			return []string{id}
		},
		"the credential of a rotation": func(w *world, _ *cabinet) []string {
			lease := w.mustMint("main")
			w.must(w.process.RotateRoot(ctx, w.process.storage, "one"))
			return append(idsOf(lease, w.mustMint("main")), w.adminOf("one"))
		},
		"another connection's credential": func(w *world, c *cabinet) []string {
			w.another("two", "two-")
			w.must(w.process.ChangeConnection(ctx, w.process.storage, "two", func(two *Connection) (SaveOptions, error) {
				two.Fields["admin_key"] = c.put("main", "made by hand") + ".secret"
				return SaveOptions{Verify: true}, nil
			}))
			w.must(w.process.RotateRoot(ctx, w.process.storage, "two"))
			return append(idsOf(w.mustMint("two-main")), w.adminOf("two"))
		},
		"a key in use as an admin credential": func(w *world, c *cabinet) []string {
			lease := w.mustMint("main")
			w.must(w.process.ChangeConnection(ctx, w.process.storage, "one", func(c *Connection) (SaveOptions, error) {
				c.Fields["admin_key"] = lease.key
				return SaveOptions{Verify: true}, nil
			}))
			w.dropRecordOf(lease)
			w.forget(lease)
			return idsOf(lease)
		},
	}
	for form, rename := range providerNames {
		scenes["names that the provider changes: "+form] = func(w *world, c *cabinet) []string {
			c.change(func(c *cabinet) { c.rename = rename })
			return idsOf(w.mustMint("main"), w.mustMint("main"))
		}
	}
	for name, scene := range scenes {
		for what, clear := range clearings {
			t.Run(name+", "+what, inBubble(func(t *testing.T) {
				w, c := cabinetWorld(t)
				held := scene(w, c)
				clear(w, c)
				slices.Sort(held)
				if left := c.ids(); !slices.Equal(left, held) {
					t.Errorf("at the provider are %v, want %v, which is held", left, held)
				}
			}))
		}
	}
}

// providerNames are what providers make of a key's name.
var providerNames = map[string]func(string) string{
	"a prefix":          func(name string) string { return "robot$" + name },
	"a suffix":          func(name string) string { return name + "@robots.example" },
	"capitals":          strings.ToUpper,
	"other separators":  func(name string) string { return strings.ReplaceAll(name, "-", "_") },
	"fewer separators":  func(name string) string { return strings.ReplaceAll(name, "-", "") },
	"the front cut":     func(name string) string { return name[len(name)-keyname.PartLength-2:] },
	"another beginning": func(name string) string { return "key of " + name[len(name)-keyname.PartLength:] },
}

// clearings make an orphan, or several, and have the engine clear it up.
var clearings = map[string]func(*world, *cabinet){
	"a failover": func(w *world, c *cabinet) {
		w.lose(c, "main")
		w.run(4*time.Minute, 20*time.Second)
	},
	"a reconcile": func(w *world, c *cabinet) {
		lost := w.mustMint("main")
		w.dropRecordOf(lost)
		w.forget(lost)
		_, err := w.process.Reconcile(context.Background(), w.process.storage, "one", ReconcileOptions{Delete: true})
		w.must(err)
	},
	"a mint of unknown outcome": func(w *world, c *cabinet) {
		w.process.gate.failAfter("POST ")
		if _, err := w.mint("main"); err == nil {
			w.t.Fatal("the mint did not fail")
		}
		w.run(4*time.Minute, 20*time.Second)
	},
}

// adminOf is the id of a connection's admin credential.
func (w *world) adminOf(connection string) string {
	w.t.Helper()
	c, err := w.process.Connection(context.Background(), w.storage, connection)
	w.must(err)
	id, _, _ := strings.Cut(c.Fields["admin_key"].(string), ".")
	return id
}

// dropRecordOf takes a leased key out of the ledger, as a crash would have left it.
func (w *world) dropRecordOf(lease *heldLease) {
	w.t.Helper()
	ctx := context.Background()
	mount, err := w.process.mount(ctx, w.storage)
	w.must(err)
	r, err := ledger.Get(ctx, w.storage, mount.RecordID(lease.key))
	w.must(err)
	if r == nil {
		w.t.Fatal("the ledger has no record of the key")
	}
	w.must(w.process.books.ledger.Delete(ctx, w.storage, r))
}

// TestHolderAtAnAddress: one server is one place, however its address was written when
// something was made there.
func TestHolderAtAnAddress(t *testing.T) {
	w, _ := cabinetWorld(t)
	bound, err := w.process.bound(context.Background(), w.storage, "one")
	w.must(err)
	plain := bound.client.BaseURL()
	host := strings.TrimPrefix(plain, "http://")
	for baseURL, want := range map[string]bool{
		plain:                     true,
		plain + "/":               true,
		"https://" + host:         true,
		"HTTP://" + host:          true,
		plain + "/v2":             false,
		"http://other.example":    false,
		"https://other.example/":  false,
		"http://" + host + "/one": false,
	} {
		held := holder{provider: "cabinet", baseURL: baseURL}
		if o := (object{bound: bound}); held.isAt(o) != want || held.isCertainlyAt(o) != want {
			t.Errorf("%s is at %s: %t, certainly: %t; want %t", baseURL, plain, held.isAt(o), held.isCertainlyAt(o), want)
		}
	}
}

// TestTwins has a provider make two keys for one request. The one whose id is held
// stays, the other one goes once somebody looks.
func TestTwins(t *testing.T) {
	ctx := context.Background()
	twins := func(c *cabinet) { c.change(func(c *cabinet) { c.twice = true }) }
	for name, test := range map[string]struct {
		act  func(w *world, c *cabinet) (held []string)
		rest int // how many others are left
	}{
		"a reconcile reports it": {
			act: func(w *world, c *cabinet) []string {
				twins(c)
				lease := w.mustMint("main")
				report, err := w.process.Reconcile(ctx, w.process.storage, "one", ReconcileOptions{})
				w.must(err)
				if len(report.Orphans) != 1 || report.Listed != 2 {
					w.t.Errorf("the report is %+v", report)
				}
				return idsOf(lease)
			},
			rest: 1,
		},
		"a reconcile removes it": {
			act: func(w *world, c *cabinet) []string {
				twins(c)
				lease := w.mustMint("main")
				_, err := w.process.Reconcile(ctx, w.process.storage, "one", ReconcileOptions{Delete: true})
				w.must(err)
				return idsOf(lease)
			},
		},
		"of a static role's key": {
			act: func(w *world, c *cabinet) []string {
				twins(c)
				w.must(w.process.SaveStaticRole(ctx, w.process.storage, "site", &StaticRole{
					Role: Role{Connection: "one", Fields: providers.Values{"drawer": "main"}},
				}))
				_, err := w.process.Reconcile(ctx, w.process.storage, "one", ReconcileOptions{Delete: true})
				w.must(err)
				id, _, _ := strings.Cut(w.current("site").Secret["api_key"].(string), ".")
				return []string{id}
			},
		},
		"a failover removes it": {
			act: func(w *world, c *cabinet) []string {
				twins(c)
				lease := w.mustMint("main")
				w.startAlone()
				w.run(6*time.Minute, 20*time.Second)
				return idsOf(lease)
			},
		},
		"both of a mint of unknown outcome": {
			act: func(w *world, c *cabinet) []string {
				twins(c)
				w.process.gate.failAfter("POST ")
				if _, err := w.mint("main"); err == nil {
					w.t.Fatal("the mint did not fail")
				}
				w.turn()
				return nil
			},
		},
		"one with another id, where the list does not show the held id": {
			act: func(w *world, c *cabinet) []string {
				lease := w.mustMint("main")
				c.change(func(c *cabinet) { c.drawers["main"][1].ID = "renumbered" })
				_, err := w.process.Reconcile(ctx, w.process.storage, "one", ReconcileOptions{Delete: true})
				w.must(err)
				w.forget(lease)
				return []string{"renumbered"}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, c := cabinetWorld(t)
			held := test.act(w, c)
			left := c.ids()
			for _, id := range held {
				if !slices.Contains(left, id) {
					t.Errorf("%s is held and gone; at the provider are %v", id, left)
				}
			}
			if len(left) != len(held)+test.rest {
				t.Errorf("at the provider are %v; held are %v and %d more may be left", left, held, test.rest)
			}
		})
	}
}

// TestMintMeanwhileIsHeld begins a mint through another connection while a
// reconcile stands between its listing and its deletions.
func TestMintMeanwhileIsHeld(t *testing.T) {
	w, c := cabinetWorld(t)
	w.another("two", "two-")
	lost := w.mustMint("main")
	w.dropRecordOf(lost)
	w.forget(lost)
	var lease *heldLease
	c.beforeList = func() {
		c.change(func(c *cabinet) { c.beforeList = nil })
		// The provider gives the new key the id of the orphan, which is gone.
		c.change(func(c *cabinet) { c.drawers["main"] = c.drawers["main"][:1]; c.made-- })
		lease = w.mustMint("two-main")
	}
	if _, err := w.process.Reconcile(context.Background(), w.process.storage, "one", ReconcileOptions{Delete: true}); err != nil {
		t.Fatal(err)
	}
	if idOf(lease) != idOf(lost) {
		t.Fatalf("the ids are %s and %s", idOf(lease), idOf(lost))
	}
	if left := c.ids(); !slices.Equal(left, idsOf(lease)) {
		t.Errorf("at the provider are %v, want %v", left, idsOf(lease))
	}
}

// TestGate asks the gate about one object at a time.
func TestGate(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		prepare func(w *world, lease *heldLease)
		claim   bool // as the mint of the key, known to have failed
		want    error
	}{
		"in the ledger":   {want: errHeld},
		"held by nothing": {prepare: func(w *world, lease *heldLease) { w.dropRecordOf(lease) }},
		"its record is damaged, the name shows": {
			prepare: func(w *world, lease *heldLease) {
				w.damageRecordOf(lease, func(text string) string { return text[:len(text)-20] })
			},
			want: errHeld,
		},
		"its record is damaged beyond recognition": {
			prepare: func(w *world, lease *heldLease) { w.damageRecordOf(lease, func(string) string { return "{" }) },
			want:    errUnclear,
		},
		"its record tells of nothing": {
			prepare: func(w *world, lease *heldLease) { w.damageRecordOf(lease, func(string) string { return "{}" }) },
			want:    errUnclear,
		},
		"its record is null": {
			prepare: func(w *world, lease *heldLease) { w.damageRecordOf(lease, func(string) string { return "null" }) },
			want:    errUnclear,
		},
		"of a failed mint, a record of it was written": {claim: true},
		"of a failed mint, another record is damaged": {
			prepare: func(w *world, lease *heldLease) {
				w.damageRecordOf(w.mustMint("main"), func(string) string { return "{" })
			},
			claim: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, _ := cabinetWorld(t)
			lease := w.mustMint("main")
			if test.prepare != nil {
				test.prepare(w, lease)
			}
			bound, err := w.process.bound(ctx, w.storage, "one")
			w.must(err)
			data := w.dataOf(lease)
			part, _, ok := keyname.FindKeyPart(w.process.books.identity.mount.Tag, data.Handle.Name)
			if !ok {
				t.Fatalf("no fixed part in %q", data.Handle.Name)
			}
			asked := removal{object: objectOf(bound, *data.Handle), work: "test", why: "a test asks"}
			if test.claim {
				asked.claim = claim{part: part, failed: true}
			}
			removed := false
			asked.remove = func(context.Context) error { removed = true; return nil }
			err = w.process.removeUnlessHeld(ctx, w.process.storage, asked)
			if !errors.Is(err, test.want) {
				t.Errorf("the error is %v, want %v", err, test.want)
			}
			if removed != (test.want == nil) {
				t.Errorf("removed: %v", removed)
			}
		})
	}
}

// damageRecordOf changes the text of a key's record in storage.
func (w *world) damageRecordOf(lease *heldLease, change func(string) string) {
	w.t.Helper()
	ctx := context.Background()
	r := &ledger.Record{ID: w.dataOf(lease).RecordID}
	entry, err := w.storage.Get(ctx, r.Path())
	w.must(err)
	entry.Value = []byte(change(string(entry.Value)))
	w.must(w.storage.Put(ctx, entry))
}

func (w *world) dataOf(lease *heldLease) *leaseData {
	w.t.Helper()
	data, err := leaseDataOf(&logical.Request{Secret: lease.secret})
	w.must(err)
	return data
}

// TestStrayIsFoundByItsFixedPart loses the answer of a rotation at providers that
// change names: the credential that nobody knows goes, and that in use works on.
func TestStrayIsFoundByItsFixedPart(t *testing.T) {
	ctx := context.Background()
	for form, rename := range providerNames {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			w, c := cabinetWorld(t)
			c.change(func(c *cabinet) { c.rename = rename })
			w.process.gate.failAfter("POST ")
			if err := w.process.RotateRoot(ctx, w.process.storage, "one"); err == nil {
				t.Fatal("the rotation did not fail")
			}
			w.run(10*time.Minute, 20*time.Second)
			if left := c.ids(); len(left) > 0 {
				t.Errorf("at the provider are %v, which nobody knows", left)
			}
			w.must(w.process.CheckConnection(ctx, w.process.storage, "one"))
		})
	}
}

// TestFormerLeaderRemovesNothing: what a process read before another one took
// over says nothing of what that one has handed out since.
func TestFormerLeaderRemovesNothing(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	before, release, err := w.process.holdings(ctx, w.storage)
	w.must(err)
	defer release()
	w.mustMint("app") // in truth by the next leader, beyond this one's knowledge
	before.byPart, before.byID = map[string][]*holder{}, map[string][]*holder{}
	bound, err := w.process.bound(ctx, w.storage, "box")
	w.must(err)
	key := w.sandbox.LiveKeys()[0]
	w.must(stored.Write(ctx, w.storage, ownershipPath, &signature{Epoch: "the next leader", makerNote: makerNote{Seen: w.time()}}))

	err = w.process.removeUnlessHeld(ctx, w.storage, removal{
		object:   object{bound: bound, name: key.Name, ids: []string{key.ID}},
		work:     "test",
		why:      "nobody that this process knows of holds it",
		holdings: before,
		remove:   func(context.Context) error { t.Error("it is removed"); return nil },
	})
	if !errors.Is(err, errPassive) {
		t.Errorf("error %v, want that this process has nothing to say any more", err)
	}
}

// TestClearingUpSharesTheLedger clears up many keys while others are at it: the
// ledger is read for all of them together. A credential is compared with storage.
func TestClearingUpSharesTheLedger(t *testing.T) {
	ctx := context.Background()
	w, _ := cabinetWorld(t)
	held := []*heldLease{w.mustMint("main"), w.mustMint("main")}
	counted := &countedReads{Storage: w.process.storage, prefix: ledger.Prefix}
	bound, err := w.process.bound(ctx, w.storage, "one")
	w.must(err)
	_, release, err := w.process.sharedHoldings(ctx, counted)
	w.must(err)
	defer release()
	tag := w.process.books.identity.mount.Tag
	remove := func(name string) {
		t.Helper()
		w.must(w.process.removeUnlessHeld(ctx, counted, removal{
			object: object{bound: bound, name: name},
			work:   "test", why: "a test asks",
			remove: func(context.Context) error { return nil },
		}))
	}
	for range 20 {
		remove("main-" + w.process.guard.namer.KeyPart(tag, w.time()))
	}
	if counted.reads() != len(held) {
		t.Errorf("%d records were read for 20 keys, and there are %d", counted.reads(), len(held))
	}
	remove("vault-root-" + keyname.CredentialPart(tag, w.time()))
	if counted.reads() != 2*len(held) {
		t.Errorf("%d records were read after a credential came, want %d", counted.reads(), 2*len(held))
	}
}

// countedReads counts the entries under a prefix that are read.
type countedReads struct {
	logical.Storage
	prefix string
	mu     sync.Mutex
	count  int
}

func (s *countedReads) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if strings.HasPrefix(key, s.prefix) {
		s.mu.Lock()
		s.count++
		s.mu.Unlock()
	}
	return s.Storage.Get(ctx, key)
}

func (s *countedReads) reads() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// TestReusedID: the lease of a key that is long gone ends, and its id at the
// provider is another key's by now.
func TestReusedID(t *testing.T) {
	w := newWorld(t)
	former := w.mustMint("app")
	w.must(w.revoke(former))
	w.start(fault{}) // by another process, which does not remember
	later := w.mustMint("app")

	data := w.dataOf(former)
	data.Handle.ID = w.dataOf(later).Handle.ID
	former.secret.InternalData = data.internal()
	w.must(w.revoke(former))
	w.heldKeysWork()
}
