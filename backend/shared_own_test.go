package backend

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
)

// TestAnswerOfALostMintsKey: the answer to a mint is lost, and that to the next one
// tells the id of the key which the first one made. The holder's key lives as long as
// its lease, whichever of the two it is, and both end with it.
func TestAnswerOfALostMintsKey(t *testing.T) {
	for name, test := range map[string]struct {
		found bool // the first one's key is come upon while the second is held
		blind bool // nobody can be asked whose it is when the lease ends
		act   func(w *world)
	}{
		"it is looked for while the other is held": {found: true, act: func(*world) {}},
		"it is looked for after that":              {act: func(*world) {}},
		"it is looked for long after that":         {blind: true, act: func(*world) {}},
		"the note of it is answered with an error": {found: true, act: func(w *world) { w.process.gate.failAfter("PUT ledger/") }},
		"the note of it fails":                     {found: true, act: func(w *world) { w.process.gate.hitAfter("PUT ledger/", fault{}) }},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t)
			w.turn()
			list := func(status int) { c.change(func(c *cabinet) { c.broken["main"] = status }) }
			list(http.StatusServiceUnavailable)
			w.process.gate.failAfter("POST ")
			if _, err := w.mint("main"); err == nil {
				t.Fatal("a mint whose answer was lost succeeded")
			}
			lost := c.ids()
			c.change(func(c *cabinet) { c.misnamed = true })
			lease := w.mustMint("main")
			c.change(func(c *cabinet) { c.misnamed = false })
			test.act(w)
			if test.found {
				list(0)
				w.run(6*time.Minute, 20*time.Second)
				if left := c.ids(); len(left) != 2 || !slices.Contains(left, lost[0]) {
					t.Fatalf("at the provider are %v, want the key that is held and %s, the id of which its record tells", left, lost)
				}
			}
			w.startAlone() // what is known of it outlasts a process
			if err := w.revoke(lease); test.found && err != nil {
				t.Error(err)
			}
			w.startAlone()
			if list(0); test.blind {
				list(http.StatusForbidden)
				w.run(11*time.Minute, time.Minute)
				list(0)
			}
			w.run(6*time.Minute, 20*time.Second)
			if left := c.ids(); len(left) > 0 {
				t.Errorf("at the provider are %v, which nobody holds", left)
			}
			w.nothingIsQueued()
		}))
	}
}

// TestAnswersOfOneAnothersKeys: of a row of mints each answer tells the id of the key
// which the one before it made, and the first of those is lost. Whichever lease ends
// first, its end is nobody else's.
func TestAnswersOfOneAnothersKeys(t *testing.T) {
	for name, order := range map[string][]int{"the oldest first": {0, 1, 2}, "the newest first": {2, 1, 0}, "the middle first": {1, 2, 0}} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t)
			w.turn()
			w.process.gate.failAfter("POST ")
			c.change(func(c *cabinet) { c.broken["main"] = http.StatusServiceUnavailable })
			if _, err := w.mint("main"); err == nil {
				t.Fatal("a mint whose answer was lost succeeded")
			}
			c.change(func(c *cabinet) { c.misnamed = true })
			leases := []*heldLease{w.mustMint("main"), w.mustMint("main"), w.mustMint("main")}
			c.change(func(c *cabinet) { c.misnamed = false; delete(c.broken, "main") })
			w.run(6*time.Minute, 20*time.Second)
			held := slices.Clone(leases)
			for _, n := range order {
				w.must(w.revoke(leases[n]))
				held = slices.DeleteFunc(held, func(l *heldLease) bool { return l == leases[n] })
				w.run(6*time.Minute, 20*time.Second)
				for _, id := range idsOf(held...) {
					if !slices.Contains(c.ids(), id) {
						t.Errorf("%s is held, and at the provider are %v", id, c.ids())
					}
				}
			}
			if left := c.ids(); len(left) > 0 {
				t.Errorf("at the provider are %v, which nobody holds", left)
			}
			w.nothingIsQueued()
		}))
	}
}

// TestIdOfAKeyWhosePasswordIsMadeOfItsName: before the ledger is read, an answer tells the id of
// a key that is held, whose deletion needs a password that is made of its own name. Whichever
// lease ends first, and when the provider ends a key by itself, both keys end.
func TestIdOfAKeyWhosePasswordIsMadeOfItsName(t *testing.T) {
	definition := strings.Replace(endedOtherwise["a password that is made of its name"],
		"    json   = { name = key.name }\n", "    json   = { name = key.name, password = derived_password(key.name, 32) }\n", 1)
	for name, test := range map[string]struct {
		laterFirst bool // the lease of the one whose answer told another's id ends first
		ended      bool // its own end is past when its lease ends
		definition string
		refused    bool // the provider refuses to end anything for a while
	}{
		"the one with its own id first":                         {definition: definition},
		"the one with another's id first":                       {definition: definition, laterFirst: true},
		"whose end by the provider is past":                     {definition: definition, ended: true},
		"whose end by the provider is past, and nobody may":     {definition: definition, ended: true, refused: true},
		"whose end is past, without a password, and nobody may": {definition: cabinetDefinition, ended: true, refused: true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t)
			w.uploadCabinet(test.definition)
			first := w.mustMint("main")
			w.start(fault{})
			c.change(func(c *cabinet) { c.misnamed = true })
			second := w.mustMint("main")
			c.change(func(c *cabinet) { c.misnamed = false })
			w.turn()
			if test.laterFirst {
				first, second = second, first
			}
			w.must(w.revoke(first))
			w.run(6*time.Minute, 20*time.Second)
			if left := c.ids(); !slices.Contains(left, idOf(second)) {
				t.Fatalf("at the provider are %v, want %s, which is held", left, idOf(second))
			}
			if test.ended {
				r := w.recordOf(second)
				r.ExpiresAt = w.time()
				w.must(w.process.books.ledger.Write(t.Context(), w.storage, r))
				w.advance(time.Minute)
			}
			if test.refused {
				c.change(func(c *cabinet) { c.refuses = true })
				if err := w.revoke(second); err == nil {
					t.Error("the provider refused, and a revocation succeeded")
				}
				w.run(6*time.Minute, 20*time.Second)
				c.change(func(c *cabinet) { c.refuses = false })
			} else {
				w.must(w.revoke(second))
			}
			w.run(30*time.Minute, 20*time.Second)
			if left := c.ids(); len(left) > 0 {
				t.Errorf("at the provider are %v, which nobody holds", left)
			}
			w.nothingIsQueued()
		}))
	}
}

// TestDeletionBeforeACleanUpCounts: what a revocation leaves is entered a moment after the
// provider deleted the key, and that shows that whoever asks has the right to.
func TestDeletionBeforeACleanUpCounts(t *testing.T) {
	deleted := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		entry  queue.Entry
		counts bool
	}{
		"left by that revocation":       {queue.Entry{Since: deleted.Add(time.Second), MadeAt: deleted.Add(-time.Hour)}, true},
		"left by one long after":        {queue.Entry{Since: deleted.Add(time.Minute), MadeAt: deleted.Add(-time.Hour)}, false},
		"left by a mint after that":     {queue.Entry{Since: deleted.Add(time.Second)}, false},
		"left by a mint right before":   {queue.Entry{Since: deleted.Add(-time.Second)}, true},
		"left by a mint at that moment": {queue.Entry{Since: deleted}, true},
	} {
		t.Run(name, func(t *testing.T) {
			var deletions recently
			deletions.note(deleted, "there")
			if got := deletions.isSince("there", doubtedSince(&test.entry)); got != test.counts {
				t.Errorf("the deletion counts: %v, want %v", got, test.counts)
			}
		})
	}
}

// TestHalfAnAnswerOfALostMintsKey: an answer that cannot be used tells the id of another
// key, so that what was made is looked for by its name, too.
func TestHalfAnAnswerOfALostMintsKey(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, c := cabinetWorld(t)
		w.turn()
		c.change(func(c *cabinet) { c.broken["main"] = http.StatusServiceUnavailable })
		w.process.gate.failAfter("POST ")
		if _, err := w.mint("main"); err == nil {
			t.Fatal("a mint whose answer was lost succeeded")
		}
		c.change(func(c *cabinet) { c.misnamed, c.keyless = true, true })
		if _, err := w.mint("main"); err == nil {
			t.Fatal("a mint without a key succeeded")
		}
		c.change(func(c *cabinet) { c.misnamed = false; delete(c.broken, "main") })
		w.run(6*time.Minute, 20*time.Second)
		if left := c.ids(); len(left) > 0 {
			t.Errorf("at the provider are %v, which nobody holds", left)
		}
		w.nothingIsQueued()
	})(t)
}

// TestIdOfAnotherMountsKey: a lease ends whose key has ended before, or is in the ledger no
// more, and its id has come to another mount's key, of which only the provider knows.
func TestIdOfAnotherMountsKey(t *testing.T) {
	const endedByProvider = "its provider ended it"
	for before, end := range map[string]func(w *world, lease *heldLease){
		"the ledger does not have it": func(w *world, lease *heldLease) {
			w.must(w.process.books.ledger.Delete(w.t.Context(), w.storage, w.recordOf(lease)))
		},
		endedByProvider: func(w *world, lease *heldLease) {
			r := w.recordOf(lease)
			r.ExpiresAt = w.time().Add(listLag)
			w.must(w.process.books.ledger.Write(w.t.Context(), w.storage, r))
		},
		"it ended with the admin credential": func(w *world, lease *heldLease) {
			r := w.recordOf(lease)
			r.Credential = "one that was replaced"
			w.must(w.process.books.ledger.Write(w.t.Context(), w.storage, r))
		},
	} {
		for name, test := range map[string]struct {
			listedAs string // in place of the name; empty for as it is
			ended    bool
		}{
			"it is the lease's own":                                 {ended: true},
			"the provider says whose it is by another mount's name": {listedAs: "app-token-vzzzzz0fnmqo0aaaaaaaaa"},
			"somebody made it by hand":                              {listedAs: "Anna's key"},
		} {
			if before == endedByProvider && test.listedAs == "" {
				continue // it would be dead
			}
			t.Run(before+", "+name, inBubble(func(t *testing.T) {
				w := newWorld(t)
				var lease *heldLease
				w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
					if lease == nil || test.listedAs == "" || r.Method != http.MethodGet {
						pass()
						return
					}
					w.answerRenamed(rw, r, w.dataOf(lease).KeyName, test.listedAs)
				})
				lease = w.mustMint("app")
				end(w, lease)
				w.start(fault{}) // no process remembers its end
				w.advance(2 * listLag)
				w.must(w.revoke(lease))
				if ended := len(w.alive()) == 0; ended != test.ended {
					t.Errorf("the key was ended: %t, want %t", ended, test.ended)
				}
				if r, err := ledger.GetNamed(t.Context(), w.storage, w.dataOf(lease).RecordID, w.dataOf(lease).KeyName); err != nil || r != nil {
					t.Errorf("its record is left: %v, %v", r, err)
				}
				w.run(6*time.Minute, 20*time.Second)
				w.nothingIsQueued()
			}))
		}
	}
}

// answerRenamed answers as the sandbox does, with another name in the place of one.
func (w *world) answerRenamed(rw http.ResponseWriter, r *http.Request, name, other string) {
	said := httptest.NewRecorder()
	w.sandbox.ServeHTTP(said, r)
	rw.WriteHeader(said.Code)
	rw.Write([]byte(strings.ReplaceAll(said.Body.String(), name, other)))
}

// TestIdOfAKeyWhoseEndWasBegun: the end of a key was begun, and its record is left, as when the
// process was demoted before it could remove that. Its id has come to another mount's key.
func TestIdOfAKeyWhoseEndWasBegun(t *testing.T) {
	for name, begun := range map[string]struct {
		// answer is what the deletion was answered with; 0 where nothing here tells of one.
		answer int
		// restarted has another process follow.
		restarted bool
	}{
		"its time is over":                      {restarted: true},
		"a process before was asked for it":     {answer: http.StatusServiceUnavailable, restarted: true},
		"this process was told of its deletion": {answer: http.StatusNoContent},
	} {
		for whose, listedAs := range map[string]string{
			"its own":         "",
			"another mount's": "app-token-vzzzzz0fnmqo0aaaaaaaaa",
			"a person's":      "Anna's key",
		} {
			t.Run(name+", "+whose, inBubble(func(t *testing.T) {
				w := newWorld(t)
				var lease *heldLease
				reused, answer := false, 0
				w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
					switch {
					case r.Method == http.MethodDelete && answer != 0:
						rw.WriteHeader(answer)
					case r.Method == http.MethodGet && reused && listedAs != "":
						w.answerRenamed(rw, r, w.dataOf(lease).KeyName, listedAs)
					default:
						pass()
					}
				})
				w.configure("sandbox", "box", "app", func(_ *Connection, r *Role) { r.VerifyRevocation = ledger.ByProbe })
				lease = w.mustMint("app")
				w.advance(2 * listLag)
				if answer = begun.answer; answer != 0 && w.revoke(lease) == nil {
					t.Fatal("Vault was told that the key is dead")
				}
				answer, reused = 0, true
				if begun.restarted {
					w.advance(time.Second)
					w.start(fault{})
				}
				if begun.answer == 0 {
					w.advance(w.recordOf(lease).Deadline.Sub(w.time()))
				}
				w.run(10*time.Minute, 20*time.Second)
				// What nothing says has ended is the key all the same where nothing else can have
				// its id, and no mount makes such a name: a person has changed it.
				renamed := listedAs == "Anna's key" && begun.answer == http.StatusServiceUnavailable
				if ended := len(w.alive()) == 0; ended != (listedAs == "" || renamed) {
					t.Errorf("the key was ended: %t, want %t", ended, !ended)
				}
				if w.recordOf(lease) != nil {
					t.Error("its record is left")
				}
				w.nothingIsQueued()
			}))
		}
	}
}
