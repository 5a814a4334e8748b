package backend

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
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

// TestKeyThatACorrectionEndedIsLookedFor: where the definition that made a key cannot end it,
// and the one in use says that it did, that is not forgotten which goes on being listed;
// whether it was seen so before or not.
func TestKeyThatACorrectionEndedIsLookedFor(t *testing.T) {
	for name, seenBefore := range map[string]bool{"never seen after": false, "seen after": true} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, ctx := newWorld(t), t.Context()
			lies, refuses := true, false
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch former := strings.HasPrefix(r.URL.Path, "/v2/keys/"); {
				case r.Method != http.MethodDelete:
					pass()
				case former && refuses:
					rw.WriteHeader(http.StatusMethodNotAllowed)
				case lies || former:
					rw.WriteHeader(http.StatusNoContent)
				default:
					pass()
				}
			})
			builtIn, err := providers.Load("sandbox")
			w.must(err)
			_, err = w.process.SaveDefinition(ctx, w.storage, "sandbox", strings.ReplaceAll(builtIn.Source(), "/v1/keys/", "/v2/keys/"), true)
			w.must(err)
			lease := w.mustMint("app")
			refuses = !seenBefore
			_, err = w.process.SaveDefinition(ctx, w.storage, "sandbox", builtIn.Source()+"\n", true)
			w.must(err)
			w.advance(2 * listLag)
			w.must(w.revoke(lease))
			w.run(10*time.Minute, time.Minute)
			refuses = true
			w.run(30*time.Minute, time.Minute) // the provider's own end of the key is not past then
			if r := w.recordOf(lease); r == nil || !r.SeenAfter || len(w.process.Queue()) != 1 {
				t.Fatalf("the record is %v, and queued are %v", r, w.process.Queue())
			}
			lies = false
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

// TestYoungKeyIsTriedAgain: a provider says that it has revoked a key that it has just made,
// and does nothing. That the key does not work proves nothing by then, so it is tried once
// more when it is old enough, and goes back into the ledger where it works.
func TestYoungKeyIsTriedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		age    time.Duration
		lies   bool
		silent bool // the provider does not answer when the key is to be tried again
		probe  bool // its role has keys tried
		back   bool
	}{
		"it lives on":                           {lies: true, probe: true, back: true},
		"it lives on, almost old enough":        {lies: true, probe: true, age: listLag - time.Second, back: true},
		"it lives on, and nobody answers":       {lies: true, probe: true, silent: true},
		"it is dead":                            {probe: true},
		"it is dead, and nobody answers":        {probe: true, silent: true},
		"it is looked for in the list, as ever": {lies: true, back: true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			young, silent := false, false
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				tries := strings.HasSuffix(r.URL.Path, "/whoami") && r.Header.Get("Authorization") != "Bearer "+testAdminKey
				switch {
				case tries && young:
					rw.WriteHeader(http.StatusUnauthorized)
				case tries && silent:
					rw.WriteHeader(http.StatusBadGateway)
				default:
					pass()
				}
			})
			w.configure("sandbox", "box", "app", func(_ *Connection, r *Role) {
				if test.probe {
					r.VerifyRevocation = ledger.ByProbe
				}
			})
			lease := w.mustMint("app")
			if test.lies {
				w.lie()
			}
			w.advance(test.age)
			young = true
			w.must(w.revoke(lease))
			young, silent = false, test.silent
			if r := w.recordOf(lease); r != nil {
				t.Fatalf("the record is %v", r)
			}
			w.run(3*listLag, 10*time.Second)
			if back := w.recordOf(lease) != nil && len(w.process.Queue()) == 1; back != test.back {
				t.Errorf("the record is %v, and queued are %v", w.recordOf(lease), w.process.Queue())
			}
			w.run(aliveBound+listLag, 10*time.Second)
			if left := w.process.pending.watched.count; test.probe && left > 0 {
				t.Errorf("%d keys are kept in memory", left)
			}
			w.sandbox.ClearFaults()
			silent = false
			w.run(2*time.Hour, time.Minute)
			if alive := w.alive(); len(alive) > 0 != (test.lies && !test.back) {
				t.Errorf("alive: %v", alive)
			}
			w.deleteAll() // what the provider's word was taken for
			w.untimely = nil
			w.mustSettle()
		}))
	}
}

// TestOldKeyIsTriedOnce: of a key that its provider knows for certain, and that does not work,
// nothing is kept.
func TestOldKeyIsTriedOnce(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.configure("sandbox", "box", "app", func(_ *Connection, r *Role) { r.VerifyRevocation = ledger.ByProbe })
		lease := w.mustMint("app")
		w.advance(2 * listLag)
		w.must(w.revoke(lease))
		if left := w.process.pending.watched.count; left > 0 {
			t.Errorf("%d keys are kept in memory", left)
		}
		w.mustSettle()
	})(t)
}

// TestTriedAndListedTogether: what is tried and what is looked for in the list wait for the
// same look, and the list is read for what it tells of alone.
func TestTriedAndListedTogether(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		lists := 0
		w.behind(func(_ http.ResponseWriter, r *http.Request, pass func()) {
			if r.Method == http.MethodGet && r.URL.Path == "/v1/keys" {
				lists++
			}
			pass()
		})
		w.configure("sandbox", "box", "tried", func(_ *Connection, r *Role) { r.VerifyRevocation = ledger.ByProbe })
		tried, listed := w.mustMint("tried"), w.mustMint("app")
		w.must(w.revoke(tried))
		w.run(5*time.Minute, 10*time.Second)
		if lists > 0 {
			t.Errorf("the list was read %d times for a key that is tried", lists)
		}
		tried = w.mustMint("tried")
		w.must(w.revoke(tried))
		w.must(w.revoke(listed))
		w.run(5*time.Minute, 10*time.Second)
		if lists == 0 || w.process.pending.watched.count > 0 {
			t.Errorf("the list was read %d times, and %d are still looked for", lists, w.process.pending.watched.count)
		}
		w.mustSettle()
	})(t)
}

// TestSameKey: whether a listed key is the one that was revoked is told by its id, and by what
// a provider or a person left of its name.
func TestSameKey(t *testing.T) {
	const tag, long = "ab1cd", "6f1ed002ab5595859014ebf0951522d9"
	namer := keyname.NewNamer("x1y2z3abc")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	own, other := namer.KeyPart(tag, now), namer.KeyPart(tag, now)
	for name, test := range map[string]struct {
		id, listed string
		want       bool
		misnamed   bool
	}{
		"as it was made":                       {id: long, listed: "app-" + own, want: true},
		"without a name":                       {id: long, listed: "", want: true},
		"another id":                           {id: long + "0", listed: "app-" + own},
		"cut in front":                         {id: long, listed: own, want: true},
		"with something before":                {id: long, listed: "acct.app_" + own, want: true},
		"another key of this mount":            {id: long, listed: "app-" + other},
		"a key of another mount":               {id: long, listed: "app-" + namer.KeyPart("zzzzz", now)},
		"renamed, and the id is no other's":    {id: long, listed: "billing", want: true},
		"renamed, and the answer told falsely": {id: long, listed: "billing", misnamed: true},
		"renamed, and the id may be another":   {id: "42", listed: "billing"},
	} {
		t.Run(name, func(t *testing.T) {
			made := providers.Handle{ID: test.id, Name: "app-" + own}
			if test.id == long+"0" {
				made.ID = long
			}
			r := &ledger.Record{Handle: made, Misnamed: test.misnamed}
			if got := isSameKey(tag, providers.Handle{ID: test.id, Name: test.listed}, r); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}
