package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// TestGone is what becomes of a key's record when its provider does not delete
// the key, and why.
func TestGone(t *testing.T) {
	const aged = 2 * listLag
	for name, test := range map[string]struct {
		// siblings is how many other keys of the same origin there are.
		siblings int
		// age is that of the key when it is to be revoked.
		age time.Duration
		// behind says that somebody deleted the key at the provider.
		behind bool
		// answer is what a deletion is answered with, 0 for the provider's own word;
		// blind empties its list.
		answer int
		blind  bool
		// gone says that the record goes; else why is a part of what its entry says.
		gone bool
		why  string
	}{
		"deleted":                             {age: aged, gone: true},
		"deleted behind our back":             {age: aged, behind: true, gone: true},
		"deleted behind our back, young":      {behind: true, why: "proves nothing yet"},
		"forbidden":                           {age: aged, answer: 403, why: "status 403"},
		"forbidden, and nothing is listed":    {age: aged, answer: 403, blind: true, why: "status 403"},
		"forbidden, and others are listed":    {age: aged, answer: 403, behind: true, siblings: 2, why: "status 403"},
		"a bad request":                       {age: aged, answer: 400, why: "status 400"},
		"a bad request, and blind":            {age: aged, answer: 400, blind: true, siblings: 2, why: "status 400"},
		"a bad request, alone and not listed": {age: aged, answer: 400, behind: true, why: "status 400"},
		"a bad request, others are listed":    {age: aged, answer: 400, behind: true, siblings: 2, gone: true},
		"a bad request, past its own end":     {age: 30 * time.Hour, answer: 400, gone: true},
		"forbidden, past its own end":         {age: 30 * time.Hour, answer: 403, blind: true, gone: true},
		"no answer, past its own end":         {age: 30 * time.Hour, answer: 503, why: "status 503"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			masked := false
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch {
				case masked && r.Method == http.MethodDelete && test.answer != 0:
					rw.WriteHeader(test.answer)
				case masked && r.Method == http.MethodGet && test.blind:
					rw.Write([]byte(`{"data": []}`))
				default:
					pass()
				}
			})
			lease := w.mustMint("app")
			for range test.siblings {
				w.mustMint("app")
			}
			w.advance(test.age)
			if test.behind {
				w.deleteKeyOf(lease)
			}
			masked = true
			err := w.revoke(lease)
			masked = false
			if test.gone {
				if err != nil || w.recordOf(lease) != nil {
					t.Errorf("it was revoked with %v, and the record is %v", err, w.recordOf(lease))
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.why) || w.recordOf(lease) == nil || len(w.process.Queue()) != 1 {
				t.Errorf("Vault is told %v, the record is %v and %d entries are queued", err, w.recordOf(lease), len(w.process.Queue()))
			}
			w.run(20*time.Minute, 30*time.Second)
			if w.recordOf(lease) != nil {
				t.Errorf("it is not revoked once the provider says so: %v", w.process.Queue())
			}
		}))
	}
}

// TestListReadWhileBlind: a list that was read while nothing was shown to whoever asked is no
// proof that a key was not made, whenever that ends.
func TestListReadWhileBlind(t *testing.T) {
	for name, crashes := range map[string]bool{"a mint of unknown outcome": false, "a crash": true} {
		for seconds := range time.Duration(12) {
			t.Run(fmt.Sprintf("%s, for %d seconds", name, seconds), inBubble(func(t *testing.T) {
				w := newWorld(t)
				lost := false
				var blindUntil time.Time
				w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
					switch {
					case r.Method == http.MethodPost && lost:
						w.sandbox.ServeHTTP(&unheard{}, r)
						rw.WriteHeader(http.StatusGatewayTimeout)
					case r.Method == http.MethodGet && r.URL.Path == "/v1/keys":
						time.Sleep(time.Second)
						if time.Now().Before(blindUntil) {
							rw.Write([]byte(`{"data": []}`))
							return
						}
						pass()
					default:
						pass()
					}
				})
				held := w.mustMint("app")
				w.advance(5 * time.Minute)
				w.turn()
				lost, blindUntil = true, time.Now().Add(24*time.Hour)
				if _, err := w.mint("app"); err == nil {
					t.Fatal("a mint succeeded whose answer was lost")
				}
				lost = false
				if crashes {
					w.start(fault{})
				}
				w.run(2*time.Minute, 20*time.Second)
				blindUntil = time.Now().Add(seconds * time.Second)
				w.run(50*time.Minute, 20*time.Second)
				if alive := w.alive(); len(alive) != 1 || !alive[w.dataOf(held).KeyName] {
					t.Errorf("%d keys are alive, want the one that is held; %d entries are queued", len(alive), len(w.process.Queue()))
				}
				if left := w.process.Queue(); len(left) > 0 {
					t.Errorf("%d entries are left on the queue, the first for %q", len(left), left[0].LastError)
				}
			}))
		}
	}
}

// TestWitnessOfAClockThatWasAhead: a list that shows nothing of what the ledger has is no proof
// where that was made by a clock which was ahead, either.
func TestWitnessOfAClockThatWasAhead(t *testing.T) {
	const day = 24 * time.Hour
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		lost, blind := false, false
		w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
			switch {
			case r.Method == http.MethodPost && lost:
				w.sandbox.ServeHTTP(&unheard{}, r)
				rw.WriteHeader(http.StatusGatewayTimeout)
			case r.Method == http.MethodGet && r.URL.Path == "/v1/keys" && blind:
				rw.Write([]byte(`{"data": []}`))
			default:
				pass()
			}
		})
		w.set(day)
		held := w.mustMint("app")
		w.set(-day)
		ends := w.mustMint("app")
		w.advance(2 * listLag)
		w.turn()
		lost, blind = true, true
		if _, err := w.mint("app"); err == nil {
			t.Fatal("a mint succeeded whose answer was lost")
		}
		lost = false
		w.must(w.revoke(ends)) // by its id, so that the provider deletes something there
		w.run(2*listLag, 20*time.Second)
		blind = false
		w.run(20*time.Minute, 20*time.Second)
		if alive := w.alive(); len(alive) != 1 || !alive[w.dataOf(held).KeyName] {
			t.Errorf("alive are %v, want the one that is held; on the queue are %v", alive, w.process.Queue())
		}
		w.nothingIsQueued()
	})(t)
}

// TestLieAboutWhatIsLeft: a provider says that it deleted what a mint had left, and did not.
// Its list tells. One that shows for ever what it did delete is believed in the end.
func TestLieAboutWhatIsLeft(t *testing.T) {
	for name, test := range map[string]struct {
		crashes bool
		// unwritten is a mint that was answered, and whose record could not be written.
		unwritten bool
		// busy deletions are not carried out, and said to be not, before the lies.
		busy, lies int
	}{
		"a mint of unknown outcome":                     {lies: 1},
		"the same, and three lies":                      {lies: 3},
		"the same, of which the list is full":           {lies: 1000},
		"a crash":                                       {crashes: true, lies: 1},
		"a crash, and three lies":                       {crashes: true, lies: 3},
		"a crash, of which the list is full":            {crashes: true, lies: 1000},
		"a mint without a record":                       {unwritten: true, lies: 1},
		"the same, of three lies":                       {unwritten: true, lies: 3},
		"the same, and it cannot be deleted at once":    {unwritten: true, busy: 4, lies: 1},
		"the same, cannot be deleted, and three lies":   {unwritten: true, busy: 4, lies: 3},
		"the same, cannot be deleted, the list is full": {unwritten: true, busy: 4, lies: 1000},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			lost, busy, lies := false, 0, 0
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch {
				case r.Method == http.MethodDelete && busy > 0:
					busy--
					rw.WriteHeader(http.StatusServiceUnavailable)
				case r.Method == http.MethodPost && lost:
					w.sandbox.ServeHTTP(&unheard{}, r)
					rw.WriteHeader(http.StatusGatewayTimeout)
				case r.Method == http.MethodGet && lost:
					rw.WriteHeader(http.StatusForbidden)
				case r.Method == http.MethodDelete && lies > 0:
					lies--
					rw.WriteHeader(http.StatusNoContent)
				default:
					pass()
				}
			})
			held := w.mustMint("app")
			w.advance(time.Minute)
			w.turn()
			lost, busy, lies = !test.unwritten, test.busy, test.lies
			if test.unwritten {
				w.process.gate.hitAfter("PUT "+ledger.Prefix, fault{})
			}
			if test.crashes {
				w.process.gate.killAfter("POST ")
			}
			if _, err := w.mint("app"); err == nil {
				t.Fatal("a mint succeeded whose answer was lost")
			}
			if test.crashes {
				w.start(fault{})
			}
			w.run(3*time.Minute, 20*time.Second)
			lost = false
			w.run(50*time.Minute, 20*time.Second)
			alive := w.alive()
			if forever := lies > 0; !alive[w.dataOf(held).KeyName] || len(alive) > 1 && !forever {
				t.Errorf("%d keys are alive, want the one that is held; %d lies were not told", len(alive), lies)
			}
			if left := w.process.Queue(); len(left) > 0 {
				t.Errorf("%d entries are left on the queue, the first for %q", len(left), left[0].LastError)
			}
			if left := w.process.pending.recoveries.names(); len(left) > 0 {
				t.Errorf("the crash is not cleared up: %v", left)
			}
		}))
	}
}

// TestWhatWasRemovedIsNotRemovedByItsIDAgain: a key that could not be entered into the ledger
// is removed, and the process ends before it was looked for once more. Its id may be that of
// another mount's key by then.
func TestWhatWasRemovedIsNotRemovedByItsIDAgain(t *testing.T) {
	for name, test := range map[string]struct {
		busy int
		// half has the answer without the key, so that it is removed within the call.
		half bool
	}{"removed at once": {}, "removed by the queue": {busy: 4}, "removed within the call": {half: true}} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			busy, removed, half := test.busy, 0, false
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch {
				case r.Method == http.MethodPost && half:
					said := httptest.NewRecorder()
					w.sandbox.ServeHTTP(said, r)
					rw.WriteHeader(said.Code)
					rw.Write([]byte(strings.Replace(said.Body.String(), `"key":`, `"left_out":`, 1)))
					return
				case r.Method == http.MethodDelete && busy > 0:
					busy--
					rw.WriteHeader(http.StatusServiceUnavailable)
					return
				case r.Method == http.MethodDelete:
					removed++
				}
				pass()
			})
			held := w.mustMint("app")
			w.advance(time.Minute)
			w.turn()
			if half = test.half; !half {
				w.process.gate.hitAfter("PUT "+ledger.Prefix, fault{})
			}
			if _, err := w.mint("app"); err == nil {
				t.Fatal("a mint succeeded whose key is in no ledger")
			}
			for removed == 0 {
				w.pass(5*time.Second, 5*time.Second)
			}
			w.start(fault{})
			w.run(30*time.Minute, 20*time.Second)
			if removed > 1 {
				t.Errorf("it is removed %d times by its id", removed)
			}
			if alive := w.alive(); len(alive) != 1 || !alive[w.dataOf(held).KeyName] {
				t.Errorf("alive are %v, want the one that is held", alive)
			}
			w.nothingIsQueued()
		}))
	}
}

// TestMissingIsOnDisk: the provider does not know a key, and storage does not take the note by
// which it is looked for. Vault's lease ends once it has.
func TestMissingIsOnDisk(t *testing.T) {
	for name, fail := range map[string]fault{"the write fails": {}, "the write is carried out": {after: true}} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				if r.Method == http.MethodDelete || r.Method == http.MethodGet && strings.HasPrefix(r.URL.Path, "/v1/keys") {
					rw.WriteHeader(http.StatusNotFound)
					return
				}
				pass()
			})
			lease := w.mustMint("app")
			w.advance(10 * time.Minute)
			w.process.gate.hitAfter("PUT "+queue.Prefix, fail)
			for range 5 {
				err := w.revoke(lease)
				if err == nil && len(w.stored(queue.Prefix)) == 0 {
					t.Fatal("the lease is over, and nothing on disk tells of the key")
				}
				if err == nil {
					return
				}
			}
			t.Error("the lease does not end")
		}))
	}
}

// TestGoneElsewhere: the connection leads to something else than what made the
// key by the time that the key is to be revoked. It lives on, with its record and
// an entry of the queue that says why, until the connection is as it was.
func TestGoneElsewhere(t *testing.T) {
	ctx := context.Background()
	change := func(w *world, change func(*Connection)) {
		w.t.Helper()
		w.must(w.process.ChangeConnection(ctx, w.storage, "box", func(c *Connection) (SaveOptions, error) {
			change(c)
			return SaveOptions{Credential: true, Force: true}, nil
		}))
	}
	for name, test := range map[string]struct {
		away, back func(w *world, c *Connection)
		// deletes has the other account say of everything that it was deleted, and shows is
		// what it lists under the key's id, where that is something.
		deletes bool
		shows   string
		why     string
	}{
		"another address": {
			away: func(w *world, c *Connection) { _, c.BaseURL = w.otherHost() },
			back: func(w *world, c *Connection) { c.BaseURL = w.front.URL },
			why:  "no such key is listed",
		},
		"another part of the same server": {
			away: func(w *world, c *Connection) { c.BaseURL = w.front.URL + "/tenant" },
			back: func(w *world, c *Connection) { c.BaseURL = w.front.URL },
			why:  "", // what it answers there
		},
		"another provider": {
			away: func(_ *world, c *Connection) { c.Provider = "sandbox-accounts" },
			back: func(_ *world, c *Connection) { c.Provider = "sandbox" },
			why:  `now belongs to "sandbox-accounts"`,
		},
		"another account": {
			away: func(_ *world, c *Connection) { c.Fields = providers.Values{"admin_key": "of-another-account"} },
			back: func(_ *world, c *Connection) { c.Fields = providers.Values{"admin_key": testAdminKey} },
			why:  "another credential made it",
		},
		"another account, which deletes what is not there": {
			away:    func(_ *world, c *Connection) { c.Fields = providers.Values{"admin_key": "of-another-account"} },
			back:    func(_ *world, c *Connection) { c.Fields = providers.Values{"admin_key": testAdminKey} },
			deletes: true,
			why:     "another credential made it",
		},
		"another account, in which another mount's key has the id": {
			away:    func(_ *world, c *Connection) { c.Fields = providers.Values{"admin_key": "of-another-account"} },
			back:    func(_ *world, c *Connection) { c.Fields = providers.Values{"admin_key": testAdminKey} },
			deletes: true,
			shows:   "app-token-vzzzzz0fnmqo0aaaaaaaaa",
			why:     "its id is listed under another name",
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			id := "key_17"
			// Another account sees none of this one's keys, and some of its own.
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch {
				case !strings.Contains(r.Header.Get("Authorization"), "of-another-account"):
					pass()
				case r.Method == http.MethodDelete && test.shows != "":
					t.Errorf("%s was asked for, which is another key there", r.URL.Path)
				case r.Method == http.MethodDelete && test.deletes:
					rw.WriteHeader(http.StatusNoContent)
				case r.Method == http.MethodDelete:
					rw.WriteHeader(http.StatusNotFound)
				default:
					fmt.Fprintf(rw, `{"data": [{"id": %q, "name": %q}]}`, id, cmp.Or(test.shows, "somebody-elses"))
				}
			})
			front := w.front.URL
			lease := w.mustMint("app")
			if test.shows != "" {
				id = w.recordOf(lease).Handle.ID
			}
			w.advance(2 * listLag)
			change(w, func(c *Connection) { test.away(w, c) })
			err := w.revoke(lease)
			if err == nil || !strings.Contains(err.Error(), test.why) {
				t.Errorf("Vault is told %v, want %q", err, test.why)
			}
			w.run(10*time.Minute, time.Minute)
			if w.recordOf(lease) == nil || len(w.alive()) != 1 || len(w.process.Queue()) != 1 || w.process.Queue()[0].LastError == "" {
				t.Errorf("alive: %v, the record is %v, queued: %v", w.alive(), w.recordOf(lease), w.process.Queue())
			}
			change(w, func(c *Connection) { test.back(w, c) })
			if c := w.connection("box"); c.BaseURL != front {
				t.Fatalf("the connection leads to %s", c.BaseURL)
			}
			w.run(20*time.Minute, time.Minute)
			if w.recordOf(lease) != nil || len(w.alive()) != 0 {
				t.Errorf("alive: %v; the connection is as it was, and the record is %v", w.alive(), w.recordOf(lease))
			}
		}))
	}
}

// TestManyOfAnotherAccountShareALook: of keys that the admin credential in use does not
// see, one reading of the list in a minute tells all, however many wait for that, and it
// stands for most of their deletions. What it shows again ends, and what it does not, too.
func TestManyOfAnotherAccountShareALook(t *testing.T) {
	for name, change := range map[string]func(w *world, sees, deletes *atomic.Bool){
		"the credential that made them is written again": func(w *world, _, _ *atomic.Bool) {
			w.changeBox(func(c *Connection) { c.Fields = providers.Values{"admin_key": testAdminKey} })
		},
		"the other one is given rights":                func(_ *world, sees, deletes *atomic.Bool) { sees.Store(true); deletes.Store(true) },
		"the other one may delete, and still see none": func(_ *world, _, deletes *atomic.Bool) { deletes.Store(true) },
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			const keys, minutes = 20, 60
			w := newWorld(t)
			var readings, deletions atomic.Int64
			var sees, deletes atomic.Bool
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				isDeletion := r.Method == http.MethodDelete
				switch {
				case !strings.Contains(r.Header.Get("Authorization"), "of-another-account"):
					pass()
				case isDeletion && deletes.Load(), !isDeletion && sees.Load():
					r.Header.Set("Authorization", "Bearer "+testAdminKey)
					pass()
				case isDeletion:
					deletions.Add(1)
					rw.WriteHeader(http.StatusNotFound)
				default:
					if strings.HasSuffix(r.URL.Path, "/keys") {
						readings.Add(1)
					}
					rw.Write([]byte(`{"data": [{"id": "key_17", "name": "somebody-elses"}]}`))
				}
			})
			var leases []*heldLease
			for range keys {
				leases = append(leases, w.mustMint("app"))
			}
			w.advance(2 * listLag)
			w.changeBox(func(c *Connection) { c.Fields = providers.Values{"admin_key": "of-another-account"} })
			for _, one := range leases {
				if err := w.revoke(one); err == nil {
					t.Error("a key that lives on counts as revoked")
				}
			}
			w.run(minutes*time.Minute, 20*time.Second)
			if n := readings.Load(); n == 0 || n > minutes+1 {
				t.Errorf("the list was read %d times in %d minutes for %d keys", n, minutes, keys)
			}
			if n := deletions.Load(); n < keys || n > 8*keys {
				t.Errorf("%d deletions were tried in %d minutes for %d keys", n, minutes, keys)
			}
			change(w, &sees, &deletes)
			w.run(time.Hour, time.Minute)
			if alive := w.alive(); len(alive) > 0 {
				t.Errorf("alive an hour after the change: %d", len(alive))
			}
		}))
	}
}

// TestNoWordOfOneWithoutRights: a provider that answers 404 to whoever may not see a key
// says nothing of the key while the admin credential has lost its rights.
func TestNoWordOfOneWithoutRights(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		masked := false
		w.behind(func(rw http.ResponseWriter, _ *http.Request, pass func()) {
			if masked {
				rw.WriteHeader(http.StatusNotFound)
				return
			}
			pass()
		})
		lease := w.mustMint("app")
		w.advance(2 * listLag)
		masked = true
		if err := w.revoke(lease); err == nil || !strings.Contains(err.Error(), "the admin credential is shown nothing there") {
			t.Errorf("Vault is told %v", err)
		}
		if w.recordOf(lease) == nil || len(w.process.Queue()) != 1 {
			t.Errorf("the record is %v, queued: %v", w.recordOf(lease), w.process.Queue())
		}
		masked = false
		w.run(20*time.Minute, time.Minute)
		if w.recordOf(lease) != nil || len(w.alive()) != 0 {
			t.Errorf("with its rights back, alive: %v; the record is %v", w.alive(), w.recordOf(lease))
		}
	})(t)
}

// TestNothingIsDeletedElsewhere: another host has a key of the same id.
func TestNothingIsDeletedElsewhere(t *testing.T) {
	w := newWorld(t)
	other := newCountingProvider(w)
	lease := w.mustMint("app")
	w.must(w.process.ChangeConnection(context.Background(), w.storage, "box", func(c *Connection) (SaveOptions, error) {
		c.BaseURL = other.URL
		return SaveOptions{Credential: true, Force: true}, nil
	}))
	if err := w.revoke(lease); err == nil || !errors.Is(err, errElsewhere) {
		t.Errorf("Vault is told %v", err)
	}
	if err := w.renew(lease, 20*time.Hour); err == nil {
		t.Error("a key that is to be revoked was renewed")
	}
	w.run(30*time.Minute, time.Minute)
	if changed := other.changes(); len(changed) > 0 {
		t.Errorf("another host got %q", changed)
	}
	if entry := w.process.QueueEntry(w.dataOf(lease).RecordID); entry == nil || entry.Attempts > 12 {
		t.Errorf("what only an operator can mend was tried more than a dozen times in half an hour: %v", entry)
	}
	w.must(w.process.ChangeConnection(context.Background(), w.storage, "box", func(c *Connection) (SaveOptions, error) {
		c.BaseURL = w.front.URL
		return SaveOptions{Credential: true, Force: true}, nil
	}))
	w.turn()
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive after the operator has mended it: %v", alive)
	}
}

// TestOfAnotherName: an id is listed under the name of something else, elsewhere or by a
// definition that came later, and that is not deleted in the key's place.
func TestOfAnotherName(t *testing.T) {
	for name, test := range map[string]struct {
		// named is under what name the id is listed, given that of another held key.
		named func(other string) string
		// moved has the connection lead to another address; else another definition is
		// uploaded after the one that cannot delete.
		moved bool
	}{
		"elsewhere, a stranger's":                {func(string) string { return "somebody-elses" }, true},
		"elsewhere, without a name":              {func(string) string { return "" }, true},
		"elsewhere, of another held key":         {func(other string) string { return other }, true},
		"of another held key":                    {func(other string) string { return other }, false},
		"of another held key, in capitals":       {strings.ToUpper, false},
		"of another held key, with what is ours": {func(other string) string { return "app-of-" + other }, false},
		"of another mount's key":                 {func(string) string { return "app-token-vzzzzz0fnmqo0aaaaaaaaa" }, false},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			ctx := context.Background()
			w := newWorld(t)
			var id, listed string
			deleted := 0
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch {
				case listed != "" && r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/keys"):
					fmt.Fprintf(rw, `{"data": [{"id": %q, "name": %q, "created_at": %q}]}`, id, strings.TrimPrefix(listed, "-"), w.time().Format(time.RFC3339))
				case listed != "" && r.Method == http.MethodDelete && strings.HasSuffix(r.URL.Path, "/v1/keys/"+id):
					deleted++
					pass()
				default:
					pass()
				}
			})
			good := uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`)
			faulty := strings.Replace(uploadedSandbox(t, `delete = "/v1/nowhere/${key.id}"`), "gone   = [404]", "gone   = [410]", 1)
			_, err := w.process.SaveDefinition(ctx, w.storage, "mine", faulty, false)
			w.must(err)
			w.configure("mine", "box", "app", nil)
			lease, other := w.mustMint("app"), w.mustMint("app")
			w.advance(2 * listLag)
			id, listed = w.recordOf(lease).Handle.ID, "-"+test.named(w.recordOf(other).Handle.Name)
			if test.moved {
				w.changeBox(func(c *Connection) { c.BaseURL += "/moved" })
			}
			_, err = w.process.SaveDefinition(ctx, w.storage, "mine", good, false)
			w.must(err)
			if err := w.revoke(lease); err == nil {
				t.Error("the lease is over")
			}
			w.run(30*time.Minute, time.Minute)
			if deleted > 0 || w.recordOf(lease) == nil {
				t.Errorf("what is listed under another name was deleted %d times, and the record is %v", deleted, w.recordOf(lease))
			}
			listed = ""
			if test.moved {
				w.changeBox(func(c *Connection) { c.BaseURL = w.front.URL })
			}
			w.run(30*time.Minute, time.Minute)
			if w.recordOf(lease) != nil {
				t.Errorf("it is not revoked where it is listed under its own: %v", w.process.Queue())
			}
		}))
	}
}

// TestMovedServer: the same server at another address shows the key by its name
// and id, and so may end it.
func TestMovedServer(t *testing.T) {
	w := newWorld(t)
	moved := w.serve(w.gated(w.sandbox))
	lease := w.mustMint("app")
	w.must(w.process.ChangeConnection(context.Background(), w.storage, "box", func(c *Connection) (SaveOptions, error) {
		c.BaseURL = moved.URL
		return SaveOptions{Credential: true, Force: true}, nil
	}))
	w.must(w.revoke(lease))
	if len(w.alive()) > 0 || w.recordOf(lease) != nil {
		t.Errorf("alive: %v", w.alive())
	}
}

// TestCorrectedDefinition ends what the one before it made and cannot end.
func TestCorrectedDefinition(t *testing.T) {
	ctx := context.Background()
	upload := func(w *world, source string) {
		w.t.Helper()
		_, err := w.process.SaveDefinition(ctx, w.storage, "mine", source, false)
		w.must(err)
	}
	good := uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`)
	faulty := strings.Replace(uploadedSandbox(t, `delete = "/v1/nowhere/${key.id}"`), "gone   = [404]", "gone   = [410]", 1)
	noList := func(source string) string { return withoutBlock(t, source, "  list {") }
	renamed := strings.NewReplacer("admin_key = {", "token = {", "connection.admin_key", "connection.token", "{ admin_key =", "{ token =").Replace(good)
	for name, test := range map[string]struct{ made, corrected, field string }{
		"which lists":             {faulty, good, "admin_key"},
		"which does not list":     {noList(faulty), noList(good), "admin_key"},
		"with a field renamed":    {good, renamed, "token"},
		"renamed, does not list":  {noList(good), noList(renamed), "token"},
		"which cannot sign in":    {uploadedSandbox(t, "auth \"bearer\" { token = \"wrong\" }\n    delete = \"/v1/keys/${key.id}\""), good, "admin_key"},
		"renamed, and was faulty": {faulty, renamed, "token"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			upload(w, test.made)
			w.configure("mine", "box", "app", nil)
			lease := w.mustMint("app")
			w.advance(2 * listLag)
			if test.made != good && test.made != noList(good) {
				if err := w.revoke(lease); err == nil {
					t.Error("the faulty definition revoked the key")
				}
			}
			upload(w, test.corrected)
			w.must(w.process.ChangeConnection(ctx, w.storage, "box", func(c *Connection) (SaveOptions, error) {
				c.Fields = providers.Values{test.field: testAdminKey}
				return SaveOptions{Credential: true, Force: true}, nil
			}))
			w.run(20*time.Minute, time.Minute)
			w.revoke(lease)
			if len(w.alive()) > 0 || w.recordOf(lease) != nil {
				t.Errorf("alive: %v, queued: %v", w.alive(), w.process.Queue())
			}
		}))
	}
}

// TestWrongDefinitionProvesNothing: one that is uploaded later, and whose own
// revocation is misspelt, does not make another's keys count as gone.
func TestWrongDefinitionProvesNothing(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	good, misspelt := uploadedSandbox(t, `delete = "/v1/keys/${key.id}"`), uploadedSandbox(t, `delete = "/v1/kyes/${key.id}"`)
	_, err := w.process.SaveDefinition(ctx, w.storage, "mine", good, false)
	w.must(err)
	w.configure("mine", "box", "app", nil)
	lease := w.mustMint("app")
	_, err = w.process.SaveDefinition(ctx, w.storage, "mine", misspelt, false)
	w.must(err)
	for _, path := range w.stored(oldDefinitionPrefix) { // as if a version was lost
		w.must(w.storage.Delete(ctx, path))
	}
	w.advance(2 * listLag)
	if err := w.revoke(lease); err == nil || w.recordOf(lease) == nil {
		t.Errorf("Vault is told %v, alive: %v, and the record is %v", err, w.alive(), w.recordOf(lease))
	}
}

// TestYoungKeyIsAskedAboutAgain: a provider that does not know a key for a while,
// in each way in which one may be revoked young.
func TestYoungKeyIsAskedAboutAgain(t *testing.T) {
	for name, test := range map[string]struct {
		provider string
		// revoke has a key made and revoked; made has made called when it is made.
		revoke func(w *world, made func(func()))
	}{
		"its lease ends": {"sandbox", func(w *world, _ func(func())) { w.revoke(w.mustMint("app")) }},
		"its caller hung up": {"sandbox", func(w *world, made func(func())) {
			ctx, cancel := context.WithCancel(context.Background())
			made(cancel)
			if _, err := w.mintWith(ctx, "app"); err == nil {
				w.t.Error("a key was handed out")
			}
		}},
		"a step of several fails": {"sandbox-accounts", func(w *world, _ func(func())) {
			w.failSecondStep()
			if _, err := w.mint("app"); err == nil {
				w.t.Error("a key was handed out")
			}
		}},
		"the ledger cannot be written": {"sandbox", func(w *world, _ func(func())) {
			w.process.gate.arm(fault{at: 3})
			w.mint("app")
			w.process.gate.disarm()
		}},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			var mu sync.Mutex
			var made time.Time
			onceMade := func() {}
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				mu.Lock()
				if r.Method == http.MethodPost && made.IsZero() {
					made = w.time()
					onceMade()
				}
				unknown := r.Method == http.MethodDelete && w.time().Sub(made) < 3*time.Second
				mu.Unlock()
				if unknown {
					rw.WriteHeader(http.StatusNotFound)
					return
				}
				pass()
			})
			if test.provider != "sandbox" {
				w.configure(test.provider, "box", "app", nil)
			}
			test.revoke(w, func(then func()) { onceMade = then })
			if len(w.alive())+len(w.sandbox.State().Accounts) == 0 {
				t.Fatal("nothing is left, so nothing is tested")
			}
			w.run(20*time.Minute, 20*time.Second)
			if alive, accounts := w.alive(), w.sandbox.State().Accounts; len(alive) > 0 || len(accounts) > 0 {
				t.Errorf("alive: %v, %v", alive, accounts)
			}
			w.run(2*longestBlind, time.Minute)
			w.nothingIsLeft()
		}))
	}
}

// TestYoungKeyIsNotSeenDead: of a key that it does not know yet a provider also says that it
// does not work, and its list does not show it. That proves an end only of one that is old
// enough to be known.
func TestYoungKeyIsNotSeenDead(t *testing.T) {
	for name, test := range map[string]struct {
		// answer is what its deletion is answered with while the provider does not know
		// it, after that long.
		answer int
		slow   time.Duration
		age    time.Duration
		verify ledger.Verification
		gone   bool
	}{
		"unknown, not taken":                               {answer: 404, verify: ledger.ByProbe},
		"unknown, not taken, almost old enough":            {answer: 404, verify: ledger.ByProbe, age: listLag - time.Second},
		"unknown, not taken, asked before it is old":       {answer: 404, verify: ledger.ByProbe, age: listLag - time.Second, slow: 2 * time.Second},
		"unknown, not taken, old enough":                   {answer: 404, verify: ledger.ByProbe, age: 2 * listLag, gone: true},
		"unknown, not listed":                              {answer: 404, verify: ledger.ByList},
		"unknown, not listed, asked before it is old":      {answer: 404, verify: ledger.ByList, age: listLag - time.Second, slow: 2 * time.Second},
		"unknown, and not asked about":                     {answer: 404, verify: ledger.ByWord},
		"a bad request, not taken":                         {answer: 400, verify: ledger.ByProbe},
		"a bad request, not taken, asked before it is old": {answer: 400, verify: ledger.ByProbe, age: listLag - time.Second, slow: 2 * time.Second},
		"a bad request, not taken, old enough":             {answer: 400, verify: ledger.ByProbe, age: 2 * listLag, gone: true},
		"a bad request, not listed":                        {answer: 400, verify: ledger.ByList},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			unknown := false
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch {
				case !unknown:
					pass()
				case r.Method == http.MethodDelete:
					w.advance(test.slow)
					rw.WriteHeader(test.answer)
				case strings.HasSuffix(r.URL.Path, "/whoami"):
					rw.WriteHeader(http.StatusUnauthorized)
				default:
					rw.Write([]byte(`{"data": []}`))
				}
			})
			w.configure("sandbox", "box", "app", func(_ *Connection, r *Role) { r.VerifyRevocation = test.verify })
			lease := w.mustMint("app")
			w.advance(test.age)
			unknown = true
			err := w.revoke(lease)
			unknown = false
			if gone := w.recordOf(lease) == nil; gone != test.gone || gone != (err == nil) {
				t.Errorf("Vault is told %v, and the record is %v", err, w.recordOf(lease))
			}
			if test.gone {
				return
			}
			w.run(2*listLag, 10*time.Second)
			if alive := w.alive(); len(alive) > 0 || w.recordOf(lease) != nil {
				t.Errorf("alive: %v, and the record is %v", alive, w.recordOf(lease))
			}
		}))
	}
}

// stored are the paths in storage under a prefix.
func (w *world) stored(prefix string) []string {
	w.t.Helper()
	paths, err := logical.CollectKeysWithPrefix(context.Background(), w.storage, prefix)
	w.must(err)
	return paths
}

// behind puts a handler before the world's provider; pass lets a request through.
func (w *world) behind(handle func(rw http.ResponseWriter, r *http.Request, pass func())) {
	w.t.Helper()
	provider := w.gated(w.sandbox)
	front := w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		handle(rw, r, func() { provider.ServeHTTP(rw, r) })
	}))
	w.front = front
	w.configure("sandbox", "box", "app", nil)
}

// countingProvider answers every request with success and notes those that
// change something.
type countingProvider struct {
	*httptest.Server
	mu   sync.Mutex
	seen []string
}

func newCountingProvider(w *world) *countingProvider {
	p := &countingProvider{}
	p.Server = w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			p.mu.Lock()
			p.seen = append(p.seen, r.Method+" "+r.URL.Path)
			p.mu.Unlock()
		}
		rw.Write([]byte(`{"data": [], "next_cursor": null, "admin": true}`))
	}))
	return p
}

func (p *countingProvider) changes() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen
}
