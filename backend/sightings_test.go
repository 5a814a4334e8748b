package backend

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// TestManyLooksShareAPass: whatever has each of many keys looked for in its provider's list,
// the list is read a few times and then once a minute at most.
func TestManyLooksShareAPass(t *testing.T) {
	const keys = 30
	each := func(do func(*world, *heldLease)) func(*world, []*heldLease) {
		return func(w *world, leases []*heldLease) {
			for _, one := range leases {
				do(w, one)
			}
		}
	}
	for name, test := range map[string]struct {
		// prepare is what happens before the leases end, and status how their deletion is
		// answered until the end; 0 is the provider's own word.
		prepare func(w *world, leases []*heldLease)
		status  int
		// minutes are for how long that goes on, and left is how many keys live then.
		minutes, left int
	}{
		"leases without records": {
			prepare: each(func(w *world, one *heldLease) { w.dropRecordOf(one) }),
		},
		"leases without records of keys that are gone": {
			prepare: each(func(w *world, one *heldLease) { w.deleteKeyOf(one); w.dropRecordOf(one) }),
		},
		"leases without records that nobody will end": {
			prepare: each(func(w *world, one *heldLease) { w.dropRecordOf(one) }),
			status:  http.StatusForbidden, minutes: 60, left: keys,
		},
		"leases without records of keys that are gone, which the provider will not say": {
			prepare: each(func(w *world, one *heldLease) { w.deleteKeyOf(one); w.dropRecordOf(one) }),
			status:  http.StatusForbidden, minutes: 10,
		},
		"keys that are gone, which the provider will not say": {
			prepare: each(func(w *world, one *heldLease) { w.deleteKeyOf(one) }),
			status:  http.StatusBadRequest, minutes: 10,
		},
		"keys whose id may be another's": {
			prepare: each(func(w *world, one *heldLease) {
				r := w.recordOf(one)
				r.Misnamed = true
				w.must(w.process.books.ledger.Write(w.t.Context(), w.process.storage, r))
			}),
		},
		"keys of a connection that leads elsewhere": {
			prepare: func(w *world, _ []*heldLease) { w.changeBox(func(c *Connection) { c.BaseURL += "/moved" }) },
			minutes: 60, left: keys,
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			var readings atomic.Int64
			status := 0
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				lists := r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/keys")
				if lists {
					readings.Add(1)
				}
				switch {
				case status != 0 && r.Method == http.MethodDelete:
					rw.WriteHeader(status)
				case !strings.Contains(r.URL.Path, "/moved"):
					pass()
				case lists:
					rw.Write([]byte(`{"data": [{"id": "key_17", "name": "somebody-elses"}]}`))
				default:
					rw.WriteHeader(http.StatusNotFound)
				}
			})
			w.configureEndless(true)
			held := w.mustMint("app")
			var leases []*heldLease
			for range keys {
				leases = append(leases, w.mustMint("app"))
			}
			w.advance(2 * listLag)
			test.prepare(w, leases)
			status = test.status
			readings.Store(0)
			for _, one := range leases {
				_ = w.revoke(one)
			}
			w.run(time.Duration(test.minutes)*time.Minute, 20*time.Second)
			// Where only few come in a minute, each may look by itself.
			if n := readings.Load(); n > int64(test.minutes)*3/2+fewLooks+2 {
				t.Errorf("the list was read %d times in %d minutes for %d keys", n, test.minutes, keys)
			}
			alive := w.alive()
			if len(alive) != test.left+1 || !alive[w.dataOf(held).KeyName] {
				t.Errorf("alive are %d keys, want %d and the one that is held", len(alive), test.left)
			}
			status = 0
			w.changeBox(func(c *Connection) { c.BaseURL = strings.TrimSuffix(c.BaseURL, "/moved") })
			w.run(time.Hour, time.Minute)
			if alive := w.alive(); len(alive) != 1 {
				t.Errorf("alive once the provider does as it is asked: %d", len(alive))
			}
			w.nothingIsQueued()
		}))
	}
}

// TestSharedLookKillsNobody: what a pass showed of an id that nothing had is not believed
// when the provider may have given that to somebody else meanwhile.
func TestSharedLookKillsNobody(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, c := cabinetWorld(t)
		var leases []*heldLease
		for range 8 {
			leases = append(leases, w.mustMint("main"))
		}
		held := w.mustMint("main")
		w.advance(2 * listLag)
		for _, one := range leases {
			w.dropRecordOf(one)
		}
		c.change(func(c *cabinet) {
			c.drawers["main"] = slices.DeleteFunc(c.drawers["main"], func(k *cabinetKey) bool {
				return slices.ContainsFunc(leases, func(one *heldLease) bool { return idOf(one) == k.ID })
			})
		})
		w.startAlone()
		for _, one := range leases[:6] { // after the first few by one pass
			w.must(w.revoke(one))
		}
		again := idOf(leases[6])
		c.change(func(c *cabinet) {
			c.drawers["main"] = append(c.drawers["main"], &cabinetKey{ID: again, Name: "app-token-vzzzzz0fnmqo0aaaaaaaaa"})
		})
		w.advance(time.Second)
		w.must(w.revoke(leases[6]))
		w.must(w.revoke(leases[7]))
		if left := c.ids(); !slices.Contains(left, again) || !slices.Contains(left, idOf(held)) {
			t.Errorf("left are %v; want %s, which another mount has made, and %s, which is held", left, again, idOf(held))
		}
		w.nothingIsQueued()
	})(t)
}

// TestSighting: what a list tells of a key by its name and id.
func TestSighting(t *testing.T) {
	const tag = "ab1cd"
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	part := func() string { return keyname.NewNamer("x1y2z3abc").KeyPart(tag, made) }
	own, other := part(), part()
	isOurs := func(name string) bool { _, _, ours := keyname.FindKeyPart(tag, name); return ours }
	one := func(id, name string) providers.Listed {
		return providers.Listed{Handle: providers.Handle{ID: id, Name: name}}
	}
	for name, test := range map[string]struct {
		listed     []providers.Listed
		unreadable []string
		began      time.Time
		doubt      error
		want       string
	}{
		"nothing":                               {want: "sure"},
		"itself":                                {listed: []providers.Listed{one("7", "app-"+own)}, want: "own ownID full sure"},
		"itself, in capitals":                   {listed: []providers.Listed{one("7", "APP-"+strings.ToUpper(own))}, want: "own ownID full sure"},
		"its name with another id":              {listed: []providers.Listed{one("8", "app-"+own)}, want: "own full sure"},
		"its id under another name":             {listed: []providers.Listed{one("7", "app-"+other)}, want: "ours full sure"},
		"its id under a stranger's":             {listed: []providers.Listed{one("7", "Anna's")}, want: "stranger sure"},
		"its id without a name":                 {listed: []providers.Listed{one("7", "")}, want: "nameless sure"},
		"others":                                {listed: []providers.Listed{one("8", "app-"+other), one("9", "Anna's"), one("10", ""), one("", "no id")}, want: "full sure"},
		"nothing, and the list moved":           {doubt: queue.ErrUnread, want: ""},
		"nothing, and it may be too young":      {began: made.Add(-time.Second), want: ""},
		"something unreadable that has its id":  {unreadable: []string{"x", "7"}, want: ""},
		"something unreadable that has not":     {unreadable: []string{"x", "8"}, want: "sure"},
		"more that is unreadable than is known": {unreadable: manyTexts(), want: ""},
	} {
		t.Run(name, func(t *testing.T) {
			l := &listing{byPart: map[string][]*Orphan{}, began: made, doubt: test.doubt, beside: newBystanders(isOurs)}
			if !test.began.IsZero() {
				l.began = test.began
			}
			for _, listed := range test.listed {
				l.beside.note(listed, nil)
				if part, _, ours := keyname.FindKeyPart(tag, listed.Handle.Name); ours {
					l.byPart[part] = append(l.byPart[part], &Orphan{Name: listed.Handle.Name, listedKey: listedKey{handle: listed.Handle, part: part}})
				}
			}
			if test.unreadable != nil {
				l.beside.note(providers.Listed{}, test.unreadable)
				l.beside.note(providers.Listed{}, []string{"another"})
			}
			l.filed = l.filedByID
			seen := l.of("7", own, made)
			var got []string
			for _, fact := range []struct {
				is   bool
				name string
			}{{seen.own, "own"}, {seen.ownID, "ownID"}, {len(seen.ours) > 0, "ours"}, {seen.strangers, "stranger"}, {seen.nameless, "nameless"}, {seen.full, "full"}, {seen.sure, "sure"}} {
				if fact.is {
					got = append(got, fact.name)
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("it tells %q, want %q", got, test.want)
			}
		})
	}
}

func manyTexts() []string {
	texts := make([]string, mostUnreadable+1)
	for n := range texts {
		texts[n] = fmt.Sprint("text-", n)
	}
	return texts
}

// TestOldEnough: from when on a list that does not show a key proves something.
func TestOldEnough(t *testing.T) {
	made := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct{ asked, want time.Time }{
		"its end was asked for later":                      {made.Add(time.Hour), made.Add(time.Minute)},
		"it was made by a clock that was ahead":            {made.Add(-time.Hour), made.Add(-time.Hour + time.Minute)},
		"its end was asked for as it was made":             {made, made.Add(time.Minute)},
		"its end was asked for a moment after it was made": {made.Add(time.Second), made.Add(time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			r := &ledger.Record{IssuedAt: made}
			if got := r.OldEnough(test.asked, time.Minute); !got.Equal(test.want) {
				t.Errorf("it is %s, want %s", got, test.want)
			}
		})
	}
}
