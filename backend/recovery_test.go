package backend

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestOneBlocksNoOther has a crash leave a key in one drawer, and something that
// cannot be served beside it. The key goes all the same, what is held stays, and
// what is wrong is told.
func TestOneBlocksNoOther(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		harm func(w *world, c *cabinet)
		// stays: the marks stay, because something is left to be done.
		stays bool
		// failed: a reconcile tells of a place that it could not list.
		failed bool
	}{
		"nothing": {harm: func(*world, *cabinet) {}},
		"a drawer that is gone": {
			harm:  func(_ *world, c *cabinet) { c.change(func(c *cabinet) { delete(c.drawers, "bad") }) },
			stays: true, failed: true,
		},
		"a drawer that may not be listed": {
			harm:  func(_ *world, c *cabinet) { c.change(func(c *cabinet) { c.broken["bad"] = 403 }) },
			stays: true, failed: true,
		},
		"a drawer whose list is out of order": {
			harm:  func(_ *world, c *cabinet) { c.change(func(c *cabinet) { c.broken["bad"] = 500 }) },
			stays: true, failed: true,
		},
		"a drawer whose list gets no answer": {
			harm:  func(_ *world, c *cabinet) { c.change(func(c *cabinet) { c.hangs["bad"] = true }) },
			stays: true, failed: true,
		},
		"a key that cannot be deleted": {
			harm: func(w *world, c *cabinet) {
				id := w.lose(c, "bad")
				c.change(func(c *cabinet) { c.stuck[id] = true })
			},
			stays: true,
		},
		"a mark that cannot be read": {
			harm: func(w *world, _ *cabinet) {
				w.must(w.storage.Put(ctx, &logical.StorageEntry{Key: marks.Prefix + "one/aaaaaaaaa", Value: []byte("{")}))
			},
			stays: true,
		},
		"an entry of the queue that cannot be read": {
			harm: func(w *world, _ *cabinet) {
				w.must(w.storage.Put(ctx, &logical.StorageEntry{Key: queue.Prefix + "vaaaaaaaaaaaaaaaaaaaaa", Value: []byte("{")}))
			},
		},
		"a connection that cannot be read": {
			harm: func(w *world, _ *cabinet) {
				w.another("two", "two-")
				w.forget(w.mustMint("two-main"))
				w.must(w.storage.Put(ctx, &logical.StorageEntry{Key: connectionPrefix + "two", Value: []byte("{")}))
			},
			stays: true,
		},
		"a connection that is gone": {
			harm: func(w *world, _ *cabinet) {
				w.another("two", "two-")
				w.forget(w.mustMint("two-main"))
				w.must(w.storage.Delete(ctx, connectionPrefix+"two"))
			},
		},
		"a record that cannot be read and shows its name": {
			harm: func(w *world, _ *cabinet) {
				lease := w.mustMint("main")
				w.damageRecordOf(lease, func(text string) string { return strings.TrimSuffix(text, "}\n") })
			},
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t, "bad")
			held := []*heldLease{w.mustMint("main"), w.mustMint("bad")}
			test.harm(w, c)
			before := c.ids()
			lost := w.lose(c, "main")
			for range 24 {
				time.Sleep(20 * time.Second) // the client's breaker goes by the bubble's time
				w.recoverOnly(20*time.Second, 20*time.Second)
			}

			left := c.ids()
			if slices.Contains(left, lost) {
				t.Errorf("%s, which nobody holds, is there still", lost)
			}
			for _, id := range before {
				if !slices.Contains(left, id) {
					t.Errorf("%s is gone; at the provider are %v", id, left)
				}
			}
			if stay := len(w.marks()) > 0; stay != test.stays {
				t.Errorf("marks: %v", w.marks())
			}
			info, err := w.process.Info(ctx, w.process.storage)
			w.must(err)
			if told := len(info.Unrecovered) > 0; told != test.stays {
				t.Errorf("unrecovered are %v", info.Unrecovered)
			}
			w.process.ResetConnection("one") // its breaker may be open
			report, err := w.process.Reconcile(ctx, w.process.storage, "one", ReconcileOptions{})
			w.must(err)
			if told := len(report.Failed) == 1; told != test.failed {
				t.Errorf("failed are %+v", report.Failed)
			}
			if slices.Contains(report.Missing, w.dataOf(held[1]).Handle.Name) {
				t.Error("a key of a place that could not be listed counts as missing")
			}
		}))
	}
}

// TestUnknownHolderBlocksDeletionOnly damages a record beyond recognition: while
// nobody knows whose key it is, recovery deletes nothing, tells so, and the rest
// goes on.
func TestUnknownHolderBlocksDeletionOnly(t *testing.T) {
	ctx := context.Background()
	w, c := cabinetWorld(t)
	w.another("two", "two-")
	lease := w.mustMint("two-main")
	other := w.mustMint("main")
	w.damageRecordOf(lease, func(string) string { return "" })
	lost := w.lose(c, "main")
	w.run(8*time.Minute, 20*time.Second)
	for _, id := range append(idsOf(lease), lost) {
		if !slices.Contains(c.ids(), id) {
			t.Errorf("%s is gone, and nobody can tell whether it is held", id)
		}
	}
	info, err := w.process.Info(ctx, w.process.storage)
	w.must(err)
	if len(info.Unrecovered) != 2 || !strings.Contains(info.Unrecovered[0], "cannot be told") || len(info.Damaged) != 1 {
		t.Errorf("the info is %+v", info)
	}
	report, err := w.process.Reconcile(ctx, w.process.storage, "one", ReconcileOptions{Delete: true})
	w.must(err)
	if len(report.Orphans) != 2 || report.Orphans[0].Revoked || !strings.Contains(report.Orphans[0].Error, "cannot be told") {
		t.Errorf("the report is %+v", report)
	}
	w.must(w.revoke(other))
	w.must(w.revoke(w.mustMint("main")))
	if _, err := w.process.Keys(ctx, w.process.storage, "", "", 0); err != nil {
		t.Errorf("listing the keys: %s", err)
	}
	// Once the record is mended, the crash is recovered from.
	w.must(w.mendRecordOf(lease))
	w.run(20*time.Minute, 20*time.Second)
	if left := c.ids(); !slices.Equal(left, idsOf(lease)) {
		t.Errorf("at the provider are %v, want %v", left, idsOf(lease))
	}
}

// mendRecordOf puts the record of a leased key back.
func (w *world) mendRecordOf(lease *heldLease) error {
	data := w.dataOf(lease)
	connection, err := w.process.bound(context.Background(), w.storage, data.Connection)
	if err != nil {
		return err
	}
	r := &ledger.Record{ID: data.RecordID, Role: data.Role, Handle: *data.Handle, IssuedAt: w.time(), Deadline: lease.end}
	r.SetOrigin(connection.origin())
	return w.process.books.ledger.Write(context.Background(), w.storage, r)
}

// TestRecoveryOfWhatIsGoneEnds: a place of which the provider says for long that
// it is not there is given up, and told of, whatever else it answers now and then. One
// that it merely refuses is not, and an operator can end that.
func TestRecoveryOfWhatIsGoneEnds(t *testing.T) {
	gone := func(_ *world, c *cabinet) { c.change(func(c *cabinet) { delete(c.drawers, "bad") }) }
	goneAndSays := func(status int) func(*world, *cabinet) {
		return func(w *world, c *cabinet) {
			gone(w, c)
			c.change(func(c *cabinet) { c.nowAndThen = status })
		}
	}
	for name, test := range map[string]struct {
		harm func(w *world, c *cabinet)
		ends bool
	}{
		"gone": {harm: gone, ends: true},
		"gone, and the credential fails now and then": {harm: goneAndSays(401), ends: true},
		"gone, and the provider fails now and then":   {harm: goneAndSays(500), ends: true},
		"not allowed":  {harm: func(_ *world, c *cabinet) { c.change(func(c *cabinet) { c.broken["bad"] = 403 }) }},
		"out of order": {harm: func(_ *world, c *cabinet) { c.change(func(c *cabinet) { c.broken["bad"] = 500 }) }},
		"gone for another credential than that of the crash": {harm: func(w *world, c *cabinet) {
			gone(w, c)
			w.must(w.process.ChangeConnection(context.Background(), w.process.storage, "one", func(one *Connection) (SaveOptions, error) {
				one.Fields["admin_key"] = c.put("main", "made by hand") + ".secret"
				return SaveOptions{Credential: true, Force: true}, nil
			}))
		}},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t, "bad")
			w.forget(w.mustMint("bad"))
			w.succeed()
			test.harm(w, c)
			w.recoverOnly(20*time.Minute, time.Minute)
			if len(w.marks()) == 0 {
				t.Error("it was given up within minutes")
			}
			for range 72 {
				time.Sleep(5 * time.Minute) // the client's breaker goes by the bubble's time
				w.recoverOnly(5*time.Minute, 5*time.Minute)
			}
			if ended := len(w.marks()) == 0; ended != test.ends {
				t.Errorf("marks: %v, unrecovered: %v", w.marks(), w.process.pending.recoveries.failures())
			}
			if told := strings.Contains(w.logs.String(), "there is no such place"); told != test.ends {
				t.Errorf("the log tells of it: %v", told)
			}
			if lists := c.listsOf("bad"); lists > 130 {
				t.Errorf("the place was asked for %d times in six hours", lists)
			}
			if test.ends {
				w.nothingIsQueued()
				return
			}
			w.giveUpCrash()
			if len(w.marks()) > 0 || len(w.process.pending.recoveries.failures()) > 0 {
				t.Errorf("after it was given up: marks %v, unrecovered %v", w.marks(), w.process.pending.recoveries.failures())
			}
		}))
	}
}

// giveUpCrash has an operator end what waits for him since a crash, as the one entry says.
func (w *world) giveUpCrash() {
	w.t.Helper()
	entries := w.process.Queue()
	if len(entries) != 1 || entries[0].Kind != queue.Crash || !strings.Contains(entries[0].Reason, "write queue/"+entries[0].ID+"/give-up") {
		w.t.Fatalf("queued: %+v", entries)
	}
	w.must(w.process.GiveUp(context.Background(), w.request(logical.UpdateOperation, "queue/"+entries[0].ID+"/give-up"), entries[0].ID))
	w.nothingIsQueued()
}

// TestDamagedMarkIsGivenUp: a mark that cannot be read stays across restarts, is told of,
// and an operator ends it. One of a later version is that one's.
func TestDamagedMarkIsGivenUp(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		mark  string
		newer bool
	}{
		"damaged":            {mark: "{"},
		"of a later version": {mark: `{"format":9,"windows":{}}`, newer: true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			path := marks.Prefix + "box/aaaaaaaaa"
			w.must(w.storage.Put(ctx, &logical.StorageEntry{Key: path, Value: []byte(test.mark)}))
			for range 2 {
				w.startAlone()
				w.run(time.Hour, 5*time.Minute)
				if failures := w.process.pending.recoveries.failures(); len(failures) != 1 || !slices.Contains(w.marks(), path) {
					t.Fatalf("unrecovered: %v, marks: %v", failures, w.marks())
				}
			}
			if test.newer {
				w.nothingIsQueued()
				return
			}
			w.giveUpCrash()
			if slices.Contains(w.marks(), path) || len(w.process.pending.recoveries.failures()) > 0 {
				t.Errorf("after it was given up: marks %v, unrecovered %v", w.marks(), w.process.pending.recoveries.failures())
			}
		}))
	}
}

func (c *cabinet) listsOf(drawer string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lists[drawer]
}

// TestRecoveryOutlivesStorage fails and kills the engine before and after each
// step of a recovery of several places: in the end the orphans are gone, what is
// held is alive, and no mark is left.
func TestRecoveryOutlivesStorage(t *testing.T) {
	run := func(t *testing.T, f fault) (*world, *cabinet, []*heldLease, []string) {
		w, c := cabinetWorld(t, "second")
		w.another("two", "two-")
		held := []*heldLease{w.mustMint("main"), w.mustMint("second"), w.mustMint("two-main")}
		w.lose(c, "second")
		w.lose(c, "two-main")
		w.process.gate.arm(f)
		w.recoverOnly(4*time.Minute, 20*time.Second)
		return w, c, held, w.process.gate.disarm()
	}
	var steps []string
	synctest.Test(t, func(t *testing.T) { _, _, _, steps = run(t, fault{}) })
	atEveryStep(t, steps, func(t *testing.T, f fault) {
		w, c, held, _ := run(t, f)
		if f.kill {
			w.succeed()
		}
		w.recoverOnly(10*time.Minute, 20*time.Second)
		if left := c.ids(); !slices.Equal(left, idsOf(held...)) {
			t.Errorf("at the provider are %v, want %v", left, idsOf(held...))
		}
		if marks := w.marks(); len(marks) > 0 {
			t.Errorf("the marks stay: %v", marks)
		}
	})
}

func TestGuarded(t *testing.T) {
	plain := errors.New("plain")
	for name, test := range map[string]struct {
		do   func() error
		want string
	}{
		"no error": {do: func() error { return nil }},
		"an error": {do: func() error { return plain }, want: "plain"},
		"a panic":  {do: func() error { panic("out of bounds") }, want: "a fault in the engine (string)"},
		"a fault of the runtime": {do: func() error {
			var none []error
			return none[len(none)]
		}, want: "index out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			err := guarded(test.do)
			if got := ""; err != nil {
				if got = err.Error(); test.want == "" || !strings.Contains(got, test.want) {
					t.Errorf("the error is %q, want %q", got, test.want)
				}
			} else if test.want != "" {
				t.Errorf("no error, want %q", test.want)
			}
		})
	}
}

// TestCrashIsRememberedElsewhere: after a crash in mid-mint an operator has the
// connection lead elsewhere. What is seen there proves nothing of the key, so the
// mark stays and an operator is told, until the connection leads back or he gives
// it up.
func TestCrashIsRememberedElsewhere(t *testing.T) {
	ctx := context.Background()
	for name, elsewhere := range map[string]func(w *world, c *Connection){
		"another address":    func(w *world, c *Connection) { _, c.BaseURL = w.otherHost() },
		"another credential": func(w *world, c *Connection) { c.Fields["admin_key"] = w.anotherAdmin() },
	} {
		for how, end := range map[string]func(w *world, entry queue.Entry, before Connection){
			"leads back": func(w *world, _ queue.Entry, before Connection) {
				w.changeBox(func(c *Connection) { *c = before })
			},
			"given up": func(w *world, entry queue.Entry, _ Connection) {
				w.must(w.process.GiveUp(ctx, w.request(logical.UpdateOperation, "queue/"+entry.ID+"/give-up"), entry.ID))
				w.deleteAll() // as he was told to
			},
		} {
			t.Run(name+", "+how, inBubble(func(t *testing.T) {
				w := newWorld(t)
				before := *w.connection("box")
				before.Fields = maps.Clone(before.Fields)
				w.crashAfterPOST("app")
				w.changeBox(func(c *Connection) { elsewhere(w, c) })
				w.run(time.Hour, time.Minute)
				if len(w.marks()) == 0 {
					t.Fatal("no mark is left of the crash")
				}
				entries := w.process.Queue()
				if len(entries) != 1 || entries[0].Kind != queue.Crash || !strings.Contains(entries[0].LastError, "give-up") {
					t.Fatalf("queued: %+v", entries)
				}
				end(w, entries[0], before)
				w.run(time.Hour, time.Minute)
				w.startAlone()
				w.run(time.Hour, time.Minute)
				if alive, marks := w.alive(), w.marks(); len(alive) > 0 || len(marks) > 0 {
					t.Errorf("alive: %v, marks: %v", alive, marks)
				}
				w.nothingIsQueued()
			}))
		}
	}
}

// TestCrashIsRememberedWhereNothingIsListed: after a crash in mid-mint the connection is
// deleted, or its provider has no list. An entry on disk tells an operator, once for
// each place, and outlasts restarts until he gives it up.
func TestCrashIsRememberedWhereNothingIsListed(t *testing.T) {
	ctx := context.Background()
	list := cabinetDefinition[strings.Index(cabinetDefinition, "  list {"):strings.Index(cabinetDefinition, "  rotate {")]
	for name, hide := range map[string]func(w *world){
		"a connection that is deleted": func(w *world) {
			w.must(w.process.DeleteConnection(ctx, w.process.storage, "one", SaveOptions{Force: true}))
		},
		"a provider without a list": func(w *world) {
			w.uploadCabinet(strings.Replace(cabinetDefinition, list, "", 1))
			w.crashAfterPOST("main")
			w.crashAfterPOST("main")
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t)
			if strings.Contains(name, "deleted") {
				w.lose(c, "main")
			}
			hide(w)
			w.run(time.Hour, time.Minute)
			w.startAlone()
			w.run(time.Hour, time.Minute)
			entries := w.process.Queue()
			if len(entries) != 1 || entries[0].Kind != queue.Crash || !strings.Contains(entries[0].Reason, "give-up") {
				t.Fatalf("queued: %+v", entries)
			}
			if len(w.stored(queue.Prefix)) != 1 || len(w.marks()) > 0 {
				t.Errorf("stored: %v, marks: %v", w.stored(queue.Prefix), w.marks())
			}
			w.must(w.process.GiveUp(ctx, w.request(logical.UpdateOperation, "queue/"+entries[0].ID+"/give-up"), entries[0].ID))
			w.nothingIsQueued()
			if left := w.stored(queue.Prefix); len(left) > 0 {
				t.Errorf("stored: %v", left)
			}
		}))
	}
}

// TestWhatLeadsElsewhereIsTriedSeldom: no request is sent for it, and no time mends it.
func TestWhatLeadsElsewhereIsTriedSeldom(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		lease := w.mustMint("app")
		w.addFaults(mintFault(sandbox.Reset))
		if _, err := w.mint("app"); err == nil {
			t.Fatal("the mint did not fail")
		}
		w.changeBox(func(c *Connection) { _, c.BaseURL = w.otherHost() })
		if err := w.revoke(lease); err == nil {
			t.Error("it could be revoked all the same")
		}
		w.run(4*time.Hour, time.Minute)
		if len(w.process.Queue()) != 2 {
			t.Errorf("queued: %+v", w.process.Queue())
		}
		for _, entry := range w.process.Queue() {
			if entry.Attempts > 40 {
				t.Errorf("%s was tried %d times in four hours: %s", entry.Kind, entry.Attempts, entry.LastError)
			}
		}
	})(t)
}

// changeBox has an operator change the connection, whatever it leaves behind.
func (w *world) changeBox(change func(*Connection)) {
	w.t.Helper()
	w.must(w.process.ChangeConnection(context.Background(), w.storage, "box", func(c *Connection) (SaveOptions, error) {
		change(c)
		return SaveOptions{Force: true, Credential: true}, nil
	}))
}

// TestCallOfAFormerProcessIsWaitedFor: a process that was stopped in mid-mint may still
// have its answer and enter the key. Nothing of it is removed before its longest call
// is over, and a key that was entered meanwhile lives.
func TestCallOfAFormerProcessIsWaitedFor(t *testing.T) {
	for name, entered := range map[string]bool{"it enters its key": true, "it does not": false} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t)
			lease := w.mustMint("main")
			r := w.recordOf(lease)
			w.dropRecordOf(lease) // it is not entered yet
			w.forget(lease)
			w.startAlone()
			w.turn()
			if left := c.ids(); !slices.Equal(left, idsOf(lease)) {
				t.Fatalf("at the provider are %v while the former process may enter %s", left, idsOf(lease))
			}
			if len(w.marks()) == 0 {
				t.Fatalf("nothing tells of the former process' mint: %v", w.marks())
			}
			if entered {
				w.must(w.process.books.ledger.Write(context.Background(), w.storage, r))
			}
			w.run(6*time.Minute, 20*time.Second)
			if left := c.ids(); (len(left) == 1) != entered {
				t.Errorf("at the provider are %v", left)
			}
		}))
	}
}
