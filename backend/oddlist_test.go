package backend

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/queue"
)

// oddLists are answers to who asks for a list that say nothing of what is there.
var oddLists = map[string]struct {
	status int
	body   string
}{
	"empty":                         {200, `{"data": []}`},
	"empty, and forbidden":          {403, `{"data": []}`},
	"not found":                     {404, `{"error": {"message": "no such page"}}`},
	"without content":               {204, ""},
	"without a list":                {200, `{}`},
	"of another shape":              {200, `{"data": {"id": "key_17", "name": "somebody-elses"}}`},
	"null":                          {200, `{"data": null}`},
	"a page for people":             {200, "<html>sign in</html>"},
	"broken off":                    {200, `{"data": [{"id": "key_`},
	"of another account":            {200, `{"data": [{"id": "key_17", "name": "somebody-elses"}], "next_cursor": null}`},
	"going round":                   {200, `{"data": [{"id": "key_17", "name": "somebody-elses"}], "next_cursor": "again"}`},
	"of things without names":       {200, `{"data": [{"id": "key_17"}, {"id": null}]}`},
	"of numbers":                    {200, `{"data": [1, 2, 3]}`},
	"out of order, and says so":     {500, `{"data": []}`},
	"in excess, and told by status": {429, `{"data": []}`},
}

// deletionsByList are the ways to a deletion that a list may have a word in. Each leaves a
// key behind that nobody holds, under odd answers, and returns its name.
var deletionsByList = map[string]func(w *world, odd func(bool)) string{
	"a lease whose key is not shown": func(w *world, odd func(bool)) string {
		lease := w.mustMint("app")
		w.advance(2 * listLag)
		odd(true)
		w.revoke(lease) // whatever Vault is told
		return w.dataOf(lease).KeyName
	},
	"a crash in mid-mint": func(w *world, odd func(bool)) string {
		before := w.alive()
		odd(true)
		w.crashAfterPOST("app")
		return w.newcomer(before)
	},
	"a mint of unknown outcome": func(w *world, odd func(bool)) string {
		before := w.alive()
		odd(true)
		w.process.gate.failAfter("POST ")
		if _, err := w.mint("app"); err == nil {
			w.t.Fatal("a mint succeeded whose answer was lost")
		}
		return w.newcomer(before)
	},
	"a reconcile that may delete": func(w *world, odd func(bool)) string {
		lease := w.mustMint("app")
		w.must(w.process.books.ledger.Delete(w.t.Context(), w.storage, w.recordOf(lease)))
		w.forget(lease)
		odd(true)
		_, _ = w.process.Reconcile(w.t.Context(), w.storage, "box", ReconcileOptions{Delete: true})
		odd(false)
		_, err := w.process.Reconcile(w.t.Context(), w.storage, "box", ReconcileOptions{Delete: true})
		w.must(err)
		odd(true)
		return w.dataOf(lease).KeyName
	},
	"a static key that was replaced": func(w *world, odd func(bool)) string {
		w.must(w.process.ChangeStaticRole(w.t.Context(), w.storage, "site", func(r *StaticRole) error {
			r.Connection = "box"
			return nil
		}))
		old := w.static()["site"].Current.Name
		w.advance(2 * listLag)
		odd(true)
		w.must(w.process.RotateStatic(w.t.Context(), w.storage, "site"))
		return old
	},
}

// rotationsByList are the ways of a rotation to a deletion that a list may have a word in.
// Each has odd answers from within on, and leaves what it leaves.
var rotationsByList = map[string]func(w *world, odd func(bool)){
	"whose answer is lost": func(w *world, odd func(bool)) {
		odd(true)
		w.process.gate.failAfter("POST ")
		if err := w.process.RotateRoot(w.t.Context(), w.process.storage, "box"); err == nil {
			w.t.Fatal("a rotation succeeded whose answer was lost")
		}
	},
	"whose request is lost": func(w *world, odd func(bool)) {
		odd(true)
		w.process.gate.hitAfter("POST ", fault{})
		if err := w.process.RotateRoot(w.t.Context(), w.process.storage, "box"); err == nil {
			w.t.Fatal("a rotation succeeded whose request was lost")
		}
	},
	"in which the process dies": func(w *world, odd func(bool)) {
		odd(true)
		w.process.gate.killAfter("POST ")
		_ = w.process.RotateRoot(w.t.Context(), w.process.storage, "box")
		w.startAlone()
	},
	"whose new credential cannot be stored": func(w *world, odd func(bool)) {
		odd(true)
		w.process.gate.hitAfter("PUT "+connectionPrefix, fault{})
		_ = w.process.RotateRoot(w.t.Context(), w.process.storage, "box")
	},
	"whose predecessor is retired": func(w *world, odd func(bool)) {
		odd(true)
		w.must(w.process.RotateRoot(w.t.Context(), w.process.storage, "box"))
	},
	"after one before it": func(w *world, odd func(bool)) {
		w.must(w.process.RotateRoot(w.t.Context(), w.process.storage, "box"))
		odd(true)
		w.process.gate.failAfter("POST ")
		_ = w.process.RotateRoot(w.t.Context(), w.process.storage, "box")
	},
}

// TestOddListsEndNoRotation: whichever odd answer a list of admin credentials gives to a
// rotation, the stored credential works on, and each that the rotation made is noted. With
// lists as they should be nothing is left but the stored one.
func TestOddListsEndNoRotation(t *testing.T) {
	for way, rotate := range rotationsByList {
		for name, answer := range oddLists {
			t.Run(way+"/"+name, inBubble(func(t *testing.T) {
				w := newWorld(t)
				odd := false
				w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
					switch {
					case odd && r.Method == http.MethodGet && r.URL.Path == "/v1/admin-keys":
						rw.WriteHeader(answer.status)
						rw.Write([]byte(answer.body))
					case odd && r.Method == http.MethodDelete:
						rw.WriteHeader(http.StatusNotFound)
					default:
						pass()
					}
				})
				first := w.adminNames()
				rotate(w, func(is bool) { odd = is })
				w.pass(20*time.Minute, 2*time.Minute)
				w.storedCredentialWorks()
				inUse := w.connection("box").CredentialName
				for name := range w.adminNames() {
					isUsed := name == inUse || inUse == "" && first[name]
					isNoted := w.isNoted(name) || first[name] && w.isNotedOnQueue(queue.Retire)
					if !isUsed && !isNoted {
						t.Errorf("%s lives, and nothing on disk tells of it", name)
					}
				}
				odd = false
				w.pass(3*time.Hour, 10*time.Minute)
				w.storedCredentialWorks()
				if names := w.adminNames(); len(names) != 1 {
					t.Errorf("with lists as they should be, there are %v", slices.Sorted(maps.Keys(names)))
				}
				w.nothingIsQueued()
				if notes := w.stored(rotationPrefix); len(notes) > 0 {
					t.Errorf("noted: %v", notes)
				}
				w.must(w.process.RotateRoot(t.Context(), w.process.storage, "box")) // nothing is in its way
			}))
		}
	}
}

// adminNames are the names of the admin credentials at the provider.
func (w *world) adminNames() map[string]bool {
	names := map[string]bool{}
	for _, key := range w.sandbox.State().AdminKeys {
		names[key.Name] = true
	}
	return names
}

func (w *world) isNotedOnQueue(kind queue.Kind) bool {
	return slices.ContainsFunc(w.process.Queue(), func(entry queue.Entry) bool { return entry.Kind == kind })
}

// newcomer is the one key that is alive and was not before.
func (w *world) newcomer(before map[string]bool) string {
	w.t.Helper()
	for name := range w.alive() {
		if !before[name] {
			return name
		}
	}
	w.t.Fatal("no key was made")
	return ""
}

// TestOddListsEndNothing: whichever odd answer a list gives, to whichever deletion, what is
// held works on, and what nobody holds is not forgotten, also where nothing else is held.
// With lists as they should be it is ended, and nothing is left.
func TestOddListsEndNothing(t *testing.T) {
	for way, begin := range deletionsByList {
		for name, answer := range oddLists {
			for _, isHeld := range []bool{true, false} {
				if !isHeld && name == "of another account" {
					continue // nothing tells it from a list that is right
				}
				t.Run(fmt.Sprintf("%s/%s/beside a held key %v", way, name, isHeld), inBubble(func(t *testing.T) {
					w := newWorld(t)
					odd := false
					w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
						switch {
						case odd && r.Method == http.MethodGet && r.URL.Path == "/v1/keys":
							rw.WriteHeader(answer.status)
							rw.Write([]byte(answer.body))
						case odd && r.Method == http.MethodDelete:
							rw.WriteHeader(http.StatusNotFound)
						default:
							pass()
						}
					})
					var held *heldLease
					if isHeld {
						held = w.mustMint("app")
					}
					nobodys := begin(w, func(is bool) { odd = is })
					w.pass(20*time.Minute, 2*time.Minute)
					alive := w.alive()
					if isHeld && !alive[w.dataOf(held).KeyName] {
						t.Error("the key that is held has died")
					}
					if alive[nobodys] && !w.isNoted(nobodys) {
						t.Error("the key that nobody holds lives, and nothing on disk tells of it")
					}
					odd = false
					w.pass(3*time.Hour, 10*time.Minute)
					alive = w.alive()
					if alive[nobodys] || isHeld && !alive[w.dataOf(held).KeyName] && w.time().Before(held.end) {
						t.Errorf("with lists as they should be, alive: %v", alive)
					}
					w.nothingIsQueued()
				}))
			}
		}
	}
}

// pass is run where the transport's own clock goes on, too.
func (w *world) pass(d, step time.Duration) {
	for passed := time.Duration(0); passed < d; passed += step {
		time.Sleep(step)
		w.run(step, step)
	}
}

// isNoted reports whether a record, an entry of the queue or a mark on disk tells of a key.
func (w *world) isNoted(name string) bool {
	if len(w.stored(marks.Prefix)) > 0 {
		return true
	}
	return slices.ContainsFunc(slices.Concat(w.stored(queue.Prefix), w.stored(ledger.Prefix), w.stored(rotationPrefix)), func(path string) bool {
		entry, err := w.storage.Get(w.t.Context(), path)
		w.must(err)
		return entry != nil && strings.Contains(string(entry.Value), name)
	})
}

// TestBlindListHoldsUpNoRotation: where the list of admin credentials shows nothing for
// good, a rotation whose answer was lost is left to an operator after a while, and the next
// one goes on.
func TestBlindListHoldsUpNoRotation(t *testing.T) {
	for _, name := range []string{"empty", "of another account", "of numbers", "empty, and forbidden"} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				if r.Method == http.MethodGet && r.URL.Path == "/v1/admin-keys" {
					rw.WriteHeader(oddLists[name].status)
					rw.Write([]byte(oddLists[name].body))
					return
				}
				pass()
			})
			first := w.adminNames()
			w.process.gate.failAfter("POST ")
			_ = w.process.RotateRoot(t.Context(), w.process.storage, "box")
			w.pass(longestDoubt+time.Hour, 10*time.Minute)
			for name := range w.adminNames() {
				if !first[name] && !w.isNoted(name) {
					t.Errorf("%s lives, and nothing on disk tells of it", name)
				}
			}
			if !w.isNotedOnQueue(queue.ByHand) || len(w.stored(rotationPrefix)) > 0 {
				t.Errorf("queued: %+v, rotations under way: %v", w.process.Queue(), w.stored(rotationPrefix))
			}
			w.must(w.process.RotateRoot(t.Context(), w.process.storage, "box"))
			w.storedCredentialWorks()
		}))
	}
}

// TestUnusedCredentialElsewhereHoldsUpNoRotation: a process dies in a rotation whose credential
// the connection has by then, and an operator has that lead to another account. What works
// there and is not listed here is left to an operator, and the next rotation goes on.
func TestUnusedCredentialElsewhereHoldsUpNoRotation(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		elsewhere := false
		w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
			if elsewhere && r.Method == http.MethodGet && r.URL.Path == "/v1/admin-keys" {
				rw.Write([]byte(oddLists["of another account"].body))
				return
			}
			pass()
		})
		first := w.adminNames()
		w.process.gate.killAfter("PUT config/box")
		_ = w.process.RotateRoot(t.Context(), w.process.storage, "box")
		elsewhere = true
		w.startAlone()
		w.changeBox(func(c *Connection) { c.Fields["admin_key"] = w.anotherAdmin() })
		other := w.credential()
		w.pass(2*longestBlind, time.Minute)
		if !w.isNotedOnQueue(queue.ByHand) || len(w.stored(rotationPrefix)) > 0 {
			t.Errorf("queued: %+v, rotations under way: %v", w.process.Queue(), w.stored(rotationPrefix))
		}
		if w.credential() != other || len(w.adminNames()) <= len(first) {
			t.Errorf("the credential is %s, and was %s; at the provider are %v", w.credential(), other, w.adminNames())
		}
		elsewhere = false
		w.must(w.process.RotateRoot(t.Context(), w.process.storage, "box"))
		w.storedCredentialWorks()
	})(t)
}
