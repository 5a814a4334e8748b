package backend

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// TestRolesAreNotStale: what mints know of a role follows whatever changes it.
func TestRolesAreNotStale(t *testing.T) {
	ctx := context.Background()
	shorter := &Role{Connection: "box", TTL: time.Minute, MaxTTL: time.Hour, Fields: map[string]any{"scopes": []any{"read"}}}
	store := func(w *world) { w.must(stored.Write(ctx, w.storage, rolePrefix+"app", shorter)) }
	for name, change := range map[string]func(w *world){
		"written here": func(w *world) { w.must(w.process.SaveRole(ctx, w.process.storage, "app", shorter)) },
		"written here, and the write is said to have failed": func(w *world) {
			w.process.gate.failAfter("PUT " + rolePrefix)
			if err := w.process.SaveRole(ctx, w.process.storage, "app", shorter); err == nil {
				w.t.Error("nobody is told that the write failed")
			}
		},
		"written by another node": func(w *world) { store(w); w.process.Invalidate(ctx, rolePrefix+"app") },
		"found by the next process": func(w *world) {
			store(w)
			w.start(fault{})
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.mustMint("app")
			change(w)
			if got := w.mustMint("app").secret.TTL; got != time.Minute {
				t.Errorf("a key's lease is of %s, as the role said before", got)
			}
		}))
	}
}

// TestDeletedRolesAreNotStale: a role that is gone mints and renews nothing.
func TestDeletedRolesAreNotStale(t *testing.T) {
	ctx := context.Background()
	for name, drop := range map[string]func(w *world){
		"deleted here": func(w *world) { w.must(w.process.DeleteRole(ctx, w.process.storage, "app")) },
		"deleted by another node": func(w *world) {
			w.must(w.storage.Delete(ctx, rolePrefix+"app"))
			w.process.Invalidate(ctx, rolePrefix+"app")
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			drop(w)
			if _, err := w.mint("app"); err == nil {
				t.Error("a role that is gone minted a key")
			}
			if err := w.renew(lease, time.Hour); err == nil {
				t.Error("a role that is gone renewed a lease")
			}
		}))
	}
}

// TestReadingOvertakenByChange: what was read of a role before it changed is not
// kept after that.
func TestReadingOvertakenByChange(t *testing.T) {
	var c roleCache
	_, changes := c.get("app")
	c.drop("app") // by whoever wrote it while it was being read
	c.put("app", &Role{TTL: time.Hour}, changes)
	if role, _ := c.get("app"); role != nil {
		t.Error("a role is kept as it was before the change")
	}
}

// TestConnectionsAreNotStale: a connection that another node wrote is in use at
// Vault's word.
func TestConnectionsAreNotStale(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		w.mustMint("app")
		c, err := w.process.Connection(ctx, w.storage, "box")
		w.must(err)
		c.AllowedRoles = []string{"other"}
		w.must(stored.Write(ctx, w.storage, connectionPrefix+"box", c))
		w.process.Invalidate(ctx, connectionPrefix+"box")
		if _, err := w.mint("app"); err == nil || !strings.Contains(err.Error(), "allowed_roles") {
			t.Errorf("a role that may not use the connection any more got %v", err)
		}
	})(t)
}

// tuned is a mount whose TTLs an operator tunes.
type tuned struct {
	logical.SystemView
	longest time.Duration
}

func (v *tuned) MaxLeaseTTL() time.Duration     { return v.longest }
func (v *tuned) DefaultLeaseTTL() time.Duration { return v.longest }

// TestTunedMount: a mount that was tuned a moment ago lets no lease outlive its
// key's deadline, and mints by what holds now a second later.
func TestTunedMount(t *testing.T) {
	for name, test := range map[string]struct{ before, after time.Duration }{
		"to less": {10 * time.Hour, time.Hour},
		"to more": {time.Hour, 10 * time.Hour},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			view := &tuned{longest: test.before}
			w.view = func(inner logical.SystemView) logical.SystemView { view.SystemView = inner; return view }
			w.start(fault{})
			w.configure("sandbox", "box", "app", func(_ *Connection, r *Role) { r.TTL, r.MaxTTL = 0, 0 })
			w.mustMint("app")
			view.longest = test.after
			young := w.mustMint("app")
			// As Vault itself computes the lease, which does know.
			ttl, _, err := framework.CalculateTTL(view, 0, young.secret.TTL, 0, young.secret.MaxTTL, 0, time.Time{})
			w.must(err)
			if ends := w.time().Add(ttl); ends.After(w.recordOf(young).Deadline) {
				t.Errorf("the lease ends at %s, after the key's deadline, %s", ends, w.recordOf(young).Deadline)
			}
			if err := w.renew(young, test.after); err != nil {
				t.Fatal(err)
			}
			if r := w.recordOf(young); young.end.After(r.Deadline) {
				t.Errorf("the renewed lease ends at %s, after the key's deadline, %s", young.end, r.Deadline)
			}
			w.advance(boundsAge)
			if got := w.mustMint("app").secret.TTL; got != test.after {
				t.Errorf("after a second a lease is of %s, want %s", got, test.after)
			}
		}))
	}
}

// TestLedgerIndexIsNotStale: what others wrote into the ledger, and what was written
// or deleted without anybody knowing, is found, counted and reaped.
func TestLedgerIndexIsNotStale(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		happens func(w *world, r *ledger.Record)
		alive   int
	}{
		"found at the start": {func(w *world, r *ledger.Record) {
			w.must(stored.Write(ctx, w.storage, r.Path(), r))
			w.start(fault{})
		}, 2},
		"written late by a former leader": {func(w *world, r *ledger.Record) {
			w.turn()
			w.must(stored.Write(ctx, w.storage, r.Path(), r))
		}, 2},
		"written, and the write is said to have failed": {func(w *world, r *ledger.Record) {
			w.turn()
			w.process.gate.failAfter("PUT " + ledger.Prefix)
			_ = w.process.books.ledger.Write(ctx, w.process.storage, r)
		}, 2},
		"not written": {func(w *world, r *ledger.Record) {
			w.turn()
			w.process.gate.failWrites()
			_ = w.process.books.ledger.Write(ctx, w.process.storage, r)
			w.process.gate.allowWrites()
		}, 1},
		"deleted, and that is said to have failed": {func(w *world, r *ledger.Record) {
			w.turn()
			w.must(w.process.books.ledger.Write(ctx, w.process.storage, r))
			w.process.gate.failAfter("DELETE " + ledger.Prefix)
			_ = w.process.books.ledger.Delete(ctx, w.process.storage, r)
		}, 1},
		"not deleted": {func(w *world, r *ledger.Record) {
			w.turn()
			w.must(w.process.books.ledger.Write(ctx, w.process.storage, r))
			w.process.gate.failWrites()
			_ = w.process.books.ledger.Delete(ctx, w.process.storage, r)
			w.process.gate.allowWrites()
		}, 2},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			r := w.recordOf(w.mustMint("app"))
			r.ID = anotherShard(r.ID) + r.ID[2:]
			test.happens(w, r)
			w.turn()
			alive, _, err := w.process.books.ledger.LiveKeys(ctx, w.process.storage, "box")
			w.must(err)
			if alive != test.alive {
				t.Errorf("%d keys are counted, want %d", alive, test.alive)
			}
			w.advance(testTTL + w.longestMint("box") + deadlineMargin)
			due := w.process.books.ledger.Due(w.process.now(), 10)
			if found := slices.Contains(due, r.ID); found != (test.alive == 2) {
				t.Errorf("past its deadline the record is looked at: %t", found)
			}
		}))
	}
}

// TestWrittenRecordsAreNotStale: a revocation goes by a record as storage has it,
// whoever changed that, but for what another process changes within a second of a write
// that storage took from this one.
func TestWrittenRecordsAreNotStale(t *testing.T) {
	ctx := context.Background()
	changed := func(r *ledger.Record) *ledger.Record {
		r.Deadline = r.Deadline.Add(time.Hour)
		return r
	}
	elsewhere := func(w *world, r *ledger.Record) { w.must(stored.Write(ctx, w.storage, r.Path(), changed(r))) }
	for name, change := range map[string]func(w *world, r *ledger.Record){
		"changed by nobody": func(*world, *ledger.Record) {},
		"written here": func(w *world, r *ledger.Record) {
			w.must(w.process.books.ledger.Write(ctx, w.process.storage, changed(r)))
		},
		"written here, and the write is said to have failed": func(w *world, r *ledger.Record) {
			w.process.gate.failAfter("PUT " + ledger.Prefix)
			_ = w.process.books.ledger.Write(ctx, w.process.storage, changed(r))
		},
		"not written here": func(w *world, r *ledger.Record) {
			w.process.gate.failWrites()
			_ = w.process.books.ledger.Write(ctx, w.process.storage, changed(r))
			w.process.gate.allowWrites()
		},
		"deleted here": func(w *world, r *ledger.Record) { w.must(w.process.books.ledger.Delete(ctx, w.process.storage, r)) },
		"deleted here, and that is said to have failed": func(w *world, r *ledger.Record) {
			w.process.gate.failAfter("DELETE " + ledger.Prefix)
			_ = w.process.books.ledger.Delete(ctx, w.process.storage, r)
		},
		"not deleted here": func(w *world, r *ledger.Record) {
			w.process.gate.failWrites()
			_ = w.process.books.ledger.Delete(ctx, w.process.storage, r)
			w.process.gate.allowWrites()
		},
		"written by another node": func(w *world, r *ledger.Record) {
			elsewhere(w, r)
			w.process.Invalidate(ctx, r.Path())
		},
		"written by another process, a while after the last write of this one": func(w *world, r *ledger.Record) {
			w.advance(2 * time.Second)
			elsewhere(w, r)
		},
		"deleted by another process, a while after the last write of this one": func(w *world, r *ledger.Record) {
			w.advance(2 * time.Second)
			w.must(w.storage.Delete(ctx, r.Path()))
		},
		"found by the next process": func(w *world, r *ledger.Record) {
			elsewhere(w, r)
			w.start(fault{})
		},
		"changed by whoever was given it": func(w *world, r *ledger.Record) {
			given, err := w.process.books.ledger.Named(ctx, w.process.storage, r.ID, r.Handle.Name)
			w.must(err)
			changed(given)
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			r := w.recordOf(w.mustMint("app"))
			change(w, r)
			want, err := ledger.GetNamed(ctx, w.storage, r.ID, r.Handle.Name)
			w.must(err)
			got, err := w.process.books.ledger.Named(ctx, w.process.storage, r.ID, r.Handle.Name)
			w.must(err)
			if string(asJSON(t, got)) != string(asJSON(t, want)) {
				t.Errorf("a revocation goes by\n%s\nand storage has\n%s", asJSON(t, got), asJSON(t, want))
			}
		}))
	}
}

func asJSON(t *testing.T, value any) []byte {
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestSecondKeyOfOneValue: a key whose value another one has gets an id of its own,
// be the other known from the start, of this process, or not read yet.
func TestSecondKeyOfOneValue(t *testing.T) {
	ctx := context.Background()
	for name, prepare := range map[string]func(w *world){
		"of this process":   func(w *world) { w.turn() },
		"known after start": func(w *world) { w.start(fault{}); w.turn() },
		"not read yet":      func(w *world) { w.start(fault{}) },
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			first := w.recordOf(lease)
			prepare(w)
			mount, err := w.process.mount(ctx, w.storage)
			w.must(err)
			second := *first
			second.Handle.Name = "another"
			w.must(w.process.books.ledger.Add(ctx, w.process.storage, mount, &second, lease.key))
			if second.ID == first.ID || second.ValueID != first.ID {
				t.Errorf("the second key has the id %q, for the value %q; the first one is %q", second.ID, second.ValueID, first.ID)
			}
		}))
	}
}

// TestPutBackBesideOneOfItsValue: a key that lives on after all takes nothing from another one
// that has its value by now, and is found by that as well.
func TestPutBackBesideOneOfItsValue(t *testing.T) {
	for name, taken := range map[string]bool{"its id is free": false, "its id is another's": true} {
		t.Run(name, inBubble(func(t *testing.T) {
			ctx := context.Background()
			w := newWorld(t)
			lease := w.mustMint("app")
			first := w.recordOf(lease)
			books := w.process.books.ledger
			mount, err := w.process.mount(ctx, w.storage)
			w.must(err)
			w.must(books.Delete(ctx, w.storage, first))
			want := []string{first.Handle.Name}
			if taken {
				second := *first
				second.Handle.Name, second.IssuedAt = "another", first.IssuedAt.Add(time.Second)
				w.must(books.Add(ctx, w.process.storage, mount, &second, lease.key))
				want = append(want, second.Handle.Name)
			}
			w.must(books.PutBack(ctx, w.storage, mount, first))
			found, err := ledger.OfValue(ctx, w.storage, mount, lease.key)
			w.must(err)
			var names []string
			for _, r := range found {
				names = append(names, r.Handle.Name)
			}
			if !slices.Equal(names, want) {
				t.Errorf("of the value are %v, want %v", names, want)
			}
		}))
	}
}

// TestPagesOfKeys: pages are the same from storage and from the index, whole and in
// order, of all connections and of one.
func TestPagesOfKeys(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		want := map[string][]string{"none": nil}
		for n := range 24 {
			r := w.recordOf(w.mustMint("app"))
			if n%2 == 0 {
				r.Connection = "other"
				w.must(w.process.books.ledger.Write(ctx, w.process.storage, r))
			}
			want[r.Connection], want[""] = append(want[r.Connection], r.ID), append(want[""], r.ID)
		}
		for _, ids := range want {
			slices.Sort(ids)
		}
		w.start(fault{})
		pages := func(connection string) (ids []string) {
			for after := ""; ; {
				page, err := w.process.Keys(ctx, w.process.storage, after, connection, 5)
				w.must(err)
				for _, r := range page {
					ids, after = append(ids, r.ID), r.ID
				}
				if len(page) < 5 {
					return ids
				}
			}
		}
		for connection, want := range want {
			if got := pages(connection); !slices.Equal(got, want) {
				t.Errorf("of connection %q from storage: %v, want %v", connection, got, want)
			}
		}
		w.turn()
		for connection, want := range want {
			if got := pages(connection); !slices.Equal(got, want) {
				t.Errorf("of connection %q from the index: %v, want %v", connection, got, want)
			}
		}
		gone := want[""][3]
		w.must(w.process.books.ledger.Delete(ctx, w.process.storage, &ledger.Record{ID: gone}))
		if got := pages(""); slices.Contains(got, gone) {
			t.Error("a key is listed whose record is gone")
		}
	})(t)
}

// TestLateWriteIsCounted: a former leader enters a key after the new one has read the
// ledger. Neither the connection goes that could revoke it, nor the definition's
// version that made it, and once nothing can come late any more, neither costs a walk.
func TestLateWriteIsCounted(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		long time.Duration // a mint that the former leader's mark tells of
		wait time.Duration // until nothing can come late
	}{
		"a call of the usual length":            {wait: 2*defaultRequestTimeout + reaperGrace},
		"a call that the mark says may be long": {long: time.Hour, wait: time.Hour + reaperGrace},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := cabinetWorld(t)
			if test.long > 0 {
				of := marks.New(w.time)
				w.must(of.Begin(ctx, w.storage, "one", "a-key", marks.Mint{Where: marks.Location{}, Issued: w.time(), Longest: test.long}))
			}
			w.mustMint("main")
			late := w.recordOf(w.held()[0])
			w.start(fault{})
			w.must(w.process.books.ledger.Read(ctx, w.storage, readAtOnce))

			w.must(w.revoke(w.held()[0]))
			entry, err := logical.StorageEntryJSON(late.Path(), late)
			w.must(err)
			w.must(w.storage.Put(ctx, entry)) // by the former leader
			if live, _, err := w.process.books.ledger.LiveKeys(ctx, w.process.storage, "one"); err != nil || live != 1 {
				t.Errorf("%d keys (%v), want the one that came late", live, err)
			}
			if made, err := w.process.books.ledger.DefinitionsOf(ctx, w.process.storage, "cabinet"); err != nil || !slices.Equal(made, []string{late.Definition}) {
				t.Errorf("made with %v (%v), want %s", made, err, late.Definition)
			}
			if err := w.process.DeleteConnection(ctx, w.process.storage, "one", SaveOptions{}); err == nil {
				t.Error("the connection of a key that came late is deleted")
			}

			counted := &countedReads{Storage: w.process.storage, prefix: ledger.Prefix}
			live := func() int {
				live, _, err := w.process.books.ledger.LiveKeys(ctx, counted, "one")
				w.must(err)
				return live
			}
			for passed := time.Duration(0); passed < test.wait-time.Minute; passed += test.wait / 10 {
				w.advance(test.wait / 10)
				w.must(w.process.readLedger(ctx))
			}
			for range ledger.Shards {
				w.advance(time.Second)
				w.must(w.process.readLedger(ctx))
			}
			if n := live(); n != 1 || counted.reads() > 0 {
				t.Errorf("%d keys are counted in %d reads, want 1 in none", n, counted.reads())
			}
		})
	}
}

// anotherShard is the beginning of an id that is not this one's.
func anotherShard(id string) string {
	if strings.HasPrefix(id, "00") {
		return "ff"
	}
	return "00"
}
