package backend

import (
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
// held works on, and what nobody holds is not forgotten. With lists as they should be it is
// ended, and nothing is left.
func TestOddListsEndNothing(t *testing.T) {
	for way, begin := range deletionsByList {
		for name, answer := range oddLists {
			t.Run(way+"/"+name, inBubble(func(t *testing.T) {
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
				held := w.mustMint("app")
				nobodys := begin(w, func(is bool) { odd = is })
				w.pass(20*time.Minute, 2*time.Minute)
				alive := w.alive()
				if !alive[w.dataOf(held).KeyName] {
					t.Error("the key that is held has died")
				}
				if alive[nobodys] && !w.isNoted(nobodys) {
					t.Error("the key that nobody holds lives, and nothing on disk tells of it")
				}
				odd = false
				w.pass(3*time.Hour, 10*time.Minute)
				alive = w.alive()
				if alive[nobodys] || !alive[w.dataOf(held).KeyName] && w.time().Before(held.end) {
					t.Errorf("with lists as they should be, alive: %v", alive)
				}
				w.nothingIsQueued()
			}))
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
	return slices.ContainsFunc(slices.Concat(w.stored(queue.Prefix), w.stored(ledger.Prefix)), func(path string) bool {
		entry, err := w.storage.Get(w.t.Context(), path)
		w.must(err)
		return entry != nil && strings.Contains(string(entry.Value), name)
	})
}
