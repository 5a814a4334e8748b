package backend

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// masks are what a provider is like to an admin credential that has lost rights which its
// check does not need, by how it answers who asks for keys.
var masks = map[string]func(rw http.ResponseWriter, r *http.Request, pass func()){
	"says of everything that it is not there": func(rw http.ResponseWriter, _ *http.Request, _ func()) { rw.WriteHeader(http.StatusNotFound) },
	"shows an empty list":                     maskedBy(http.StatusOK, `{"data": []}`),
	"shows somebody else's list":              maskedBy(http.StatusOK, `{"data": [{"id": "key_17", "name": "somebody-elses"}]}`),
	"shows no list":                           maskedBy(http.StatusForbidden, `{"data": []}`),
}

// maskedBy answers so to who lists, and knows nothing that is to be deleted.
func maskedBy(status int, list string) func(rw http.ResponseWriter, r *http.Request, pass func()) {
	return func(rw http.ResponseWriter, r *http.Request, _ func()) {
		if r.Method != http.MethodGet {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		rw.WriteHeader(status)
		rw.Write([]byte(list))
	}
}

// maskable has the world's provider mask its keys while masked says so.
func (w *world) maskable(masked *bool, mask func(rw http.ResponseWriter, r *http.Request, pass func())) {
	w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
		if *masked && strings.HasPrefix(r.URL.Path, "/v1/keys") {
			mask(rw, r, pass)
			return
		}
		pass()
	})
}

// TestMaskedKeyIsNotForgotten: the admin credential loses rights that its check does not
// need, and the provider says of every key that there is none. Vault's lease ends, and the
// key is remembered until the rights are back, for days if need be.
func TestMaskedKeyIsNotForgotten(t *testing.T) {
	for name, mask := range masks {
		for _, listed := range []bool{true, false} {
			of := "a provider that lists"
			if !listed {
				of = "a provider without a list"
			}
			t.Run(of+" and "+name, inBubble(func(t *testing.T) {
				w := newWorld(t)
				masked := false
				w.maskable(&masked, mask)
				w.configureEndless(listed)
				lease, held := w.mustMint("app"), w.mustMint("app")
				w.advance(2 * listLag)
				masked = true
				w.must(w.revoke(lease))
				w.run(12*time.Hour, time.Hour)
				entries := w.process.Queue()
				if len(entries) != 1 || entries[0].Kind != queue.Missing || entries[0].KeyName != w.dataOf(lease).KeyName {
					t.Fatalf("half a day later the queue has %v", entries)
				}
				if tries := entries[0].Attempts; tries > 40 {
					t.Errorf("it was looked for %d times", tries)
				}
				if info, err := w.process.Info(t.Context(), w.storage); err != nil || info.Queued != 0 || info.Missing != 1 {
					t.Errorf("of the mount it is told that %d revocations wait and %d keys are missing (%v)", info.Queued, info.Missing, err)
				}
				w.start(fault{}) // what is remembered outlives the process
				masked = false
				w.run(6*time.Hour, 30*time.Minute)
				if alive := w.alive(); len(alive) != 1 || !alive[w.dataOf(held).KeyName] {
					t.Errorf("with its rights back, alive: %v", alive)
				}
				w.nothingIsQueued()
			}))
		}
	}
}

// TestRefusedKeyWithoutRecord: a refusal that may mean anything ends the lease of a key that
// the ledger does not have, and where nothing lists keys the key is not forgotten.
func TestRefusedKeyWithoutRecord(t *testing.T) {
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusConflict, http.StatusUnprocessableEntity} {
		t.Run(http.StatusText(status), inBubble(func(t *testing.T) {
			w := newWorld(t)
			refuses := true
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				if refuses && r.Method == http.MethodDelete {
					rw.WriteHeader(status)
					return
				}
				pass()
			})
			w.configureEndless(false)
			lease := w.mustMint("app")
			w.advance(2 * listLag)
			w.dropRecordOf(lease)
			w.must(w.revoke(lease))
			w.run(2*time.Hour, 10*time.Minute)
			refuses = false
			w.start(fault{})
			w.run(12*time.Hour, 30*time.Minute)
			if alive := w.alive(); len(alive) > 0 {
				t.Errorf("alive: %v", alive)
			}
			w.nothingIsQueued()
		}))
	}
}

// TestMissingTwins: a proxy had two keys made of one name, and the provider did not show them
// when the lease ended. Once it does, both end.
func TestMissingTwins(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		masked := false
		w.maskable(&masked, masks["says of everything that it is not there"])
		w.configureEndless(true)
		lease, held := w.mustMint("app"), w.mustMint("app")
		w.makeTwin(lease)
		w.advance(2 * listLag)
		masked = true
		w.must(w.revoke(lease))
		masked = false
		w.run(10*time.Minute, 10*time.Second)
		if alive := w.alive(); len(alive) != 1 || !alive[w.dataOf(held).KeyName] {
			t.Errorf("alive: %v", alive)
		}
		w.nothingIsQueued()
	})(t)
}

// configureEndless has the world's connection use a definition whose keys have no end of
// their own, and which may not be able to list.
func (w *world) configureEndless(lists bool) {
	w.t.Helper()
	source := withoutBlock(w.t, uploadedSandbox(w.t.(*testing.T), `delete = "/v1/keys/${key.id}"`), "  extend {")
	if !lists {
		source = withoutBlock(w.t, source, "  list {")
	}
	source = regexp.MustCompile(`(?m)^ *expir(es_at|y) .*\n`).ReplaceAllString(source, "")
	_, err := w.process.SaveDefinition(w.t.Context(), w.storage, "mine", source, false)
	w.must(err)
	w.configure("mine", "box", "app", func(_ *Connection, r *Role) { r.TTL = 23 * time.Hour })
}

// TestMissingKeyThatIsGone: somebody deleted the key at the provider, and the note of it
// goes as soon as that can be told.
func TestMissingKeyThatIsGone(t *testing.T) {
	for name, test := range map[string]struct {
		unlisted bool
		// beside says that another key is there when the lease ends, and later that one
		// is made and revoked after that.
		beside, later bool
		// parent says that all that was there is gone, and its list with it.
		parent bool
		stays  bool
	}{
		"others are listed":                    {beside: true},
		"nothing else is there":                {stays: true},
		"another is listed later":              {later: true},
		"no list, and another is there":        {unlisted: true, beside: true, stays: true},
		"no list, and another is ended later":  {unlisted: true, later: true},
		"where it was made is there no longer": {parent: true, stays: true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			gone := false
			w.maskable(&gone, masks["says of everything that it is not there"])
			w.configureEndless(!test.unlisted)
			lease := w.mustMint("app")
			if test.beside {
				w.mustMint("app")
			}
			w.advance(2 * listLag)
			w.deleteKeyOf(lease)
			gone = test.parent
			w.must(w.revoke(lease))
			if w.recordOf(lease) != nil {
				t.Error("the lease has ended, and the record is there")
			}
			if test.later {
				one := w.mustMint("app")
				w.run(20*time.Minute, time.Minute)
				w.must(w.revoke(one))
			}
			w.run(2*time.Hour, 10*time.Minute)
			if left := w.process.Queue(); (len(left) == 1) != test.stays {
				t.Fatalf("queued: %v, want one that stays: %t", left, test.stays)
			}
			if !test.stays {
				return
			}
			// It keeps nobody, and is given up in the end.
			if left, err := w.process.inUse(t.Context(), w.storage, "box", false); err != nil || strings.Contains(left, "unresolved") {
				t.Errorf("the connection is held up by it: %q (%v)", left, err)
			}
			w.run(longestMissing+2*24*time.Hour, 6*time.Hour)
			w.nothingIsQueued()
		}))
	}
}

// TestMissingKeyUnderAnotherName: the provider lists a missing key under a name that tells
// nothing of it, since itself or a person has changed that. Then its id tells, if nothing else
// can have it, and otherwise an operator has to.
func TestMissingKeyUnderAnotherName(t *testing.T) {
	for name, test := range map[string]struct {
		longIDs bool
		// renamed is what the key is listed as, without its being there where gone is set, and
		// beside says that another key of the mount is there under its own name.
		renamed      string
		gone, beside bool
		alive        bool
		told         string
	}{
		"an id of its own":                             {longIDs: true, renamed: "legacy"},
		"an id of its own, and others are listed":      {longIDs: true, renamed: "legacy", beside: true},
		"an id of its own, and it is gone":             {longIDs: true, gone: true, beside: true},
		"an id of its own, and no name":                {longIDs: true, renamed: ""},
		"a short id":                                   {renamed: "legacy", alive: true, told: `its id is listed under the name "legacy"`},
		"a short id, and others are listed":            {renamed: "legacy", beside: true, alive: true, told: `its id is listed under the name "legacy"`},
		"a short id, and it is gone":                   {gone: true, beside: true},
		"a short id, and nothing else is there":        {gone: true, told: "no other key of this mount was shown"},
		"a short id that another key has got by now":   {renamed: "app-vTAG00000000000000000", beside: true, alive: true},
		"a short id that another mount's key has got":  {renamed: "site-static-vfwuxr0fnms6y1d29la9lw", beside: true, alive: true},
		"an id that another mount's key has got":       {longIDs: true, renamed: "site-static-vfwuxr0fnms6y1d29la9lw", beside: true, alive: true},
		"an id of its own that an answer told falsely": {longIDs: true, renamed: "misnamed", alive: true, told: `its id is listed under the name "misnamed"`},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, c := cabinetWorld(t, "keys")
			c.change(func(c *cabinet) { c.longIDs = test.longIDs })
			lease := w.mustMint("keys")
			if test.beside {
				w.mustMint("keys")
			}
			w.advance(2 * listLag)
			mount, err := w.process.mount(t.Context(), w.storage)
			w.must(err)
			var hidden []*cabinetKey
			c.change(func(c *cabinet) {
				c.drawers["keys"][0].Name = strings.Replace(test.renamed, "TAG", mount.Tag, 1)
				if hidden = c.drawers["keys"]; test.gone {
					hidden = hidden[1:]
				}
				delete(c.drawers, "keys")
			})
			if test.renamed == "misnamed" {
				r := w.recordOf(lease)
				r.Misnamed = true
				w.must(w.process.books.ledger.Write(t.Context(), w.storage, r))
			}
			w.must(w.revoke(lease))
			if entries := w.process.Queue(); len(entries) != 1 || entries[0].Kind != queue.Missing {
				t.Fatalf("the queue has %v", entries)
			}
			c.change(func(c *cabinet) { c.drawers["keys"] = hidden })
			w.run(2*time.Hour, 10*time.Minute)
			if alive := slices.Contains(c.ids(), w.dataOf(lease).Handle.ID); alive != test.alive {
				t.Errorf("it is alive: %t", alive)
			}
			if entries := w.process.Queue(); (len(entries) > 0) != (test.told != "") || len(entries) > 0 && !strings.Contains(entries[0].LastError, test.told) {
				t.Errorf("the queue has %v", entries)
			}
		}))
	}
}

// TestMissingKeySeenAsItEnds: a missing key ends while a list that shows it still is on its way
// to who sees whether revoked keys are gone. It is not missing anew when its provider knows it
// no more.
func TestMissingKeySeenAsItEnds(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, c := cabinetWorld(t, "keys")
		c.change(func(c *cabinet) { c.longIDs = true })
		lease := w.mustMint("keys")
		w.advance(2 * listLag)
		var hidden []*cabinetKey
		c.change(func(c *cabinet) {
			hidden = c.drawers["keys"]
			delete(c.drawers, "keys")
		})
		w.must(w.revoke(lease))
		w.process.waitBackground()
		entries := w.process.Queue()
		if len(entries) != 1 || entries[0].Kind != queue.Missing {
			t.Fatalf("the queue has %v", entries)
		}
		w.advance(10 * time.Minute)
		c.change(func(c *cabinet) {
			c.drawers["keys"] = hidden
			c.beforeList = func() {
				c.change(func(c *cabinet) { c.beforeList = nil })
				way, release, err := w.process.wayTo(t.Context(), w.process.storage, entries[0].Origin())
				w.must(err)
				defer release()
				if gone, err := w.process.endMissing(t.Context(), way, &entries[0], *entries[0].Handle); err != nil || !gone {
					t.Errorf("it ended: %t (%v)", gone, err)
				}
				w.must(w.process.books.queue.Remove(t.Context(), w.process.storage, entries[0].ID))
			}
		})
		w.process.lookForEnded(t.Context())
		w.process.waitBackground()
		if left, put := c.ids(), w.process.Queue(); len(left) > 0 || len(put) != 1 || put[0].Kind != queue.Revoke {
			t.Fatalf("at the provider are %v, and the queue has %v", left, put)
		}
		w.run(2*time.Hour, 10*time.Minute)
		w.nothingIsQueued()
		if r := w.recordOf(lease); r != nil {
			t.Errorf("the ledger has %v", r)
		}
	})(t)
}

// TestMissingKeyWithoutAPart: the record of a key has a name that tells nothing of the mount.
// It is looked for by its id.
func TestMissingKeyWithoutAPart(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, c := cabinetWorld(t, "keys")
		c.change(func(c *cabinet) { c.longIDs = true })
		lease := w.mustMint("keys")
		w.advance(2 * listLag)
		r := w.recordOf(lease)
		r.Handle.Name = "of-an-earlier-day"
		w.must(w.process.books.ledger.Write(t.Context(), w.storage, r))
		var hidden []*cabinetKey
		c.change(func(c *cabinet) {
			c.drawers["keys"][0].Name = r.Handle.Name
			hidden = c.drawers["keys"]
			delete(c.drawers, "keys")
		})
		if done, err := w.process.revokeSoon(t.Context(), w.storage, r, leaseEnded); err != nil || done.queued != nil {
			t.Fatalf("it ends with %v, %v", done, err)
		}
		if entries := w.process.Queue(); len(entries) != 1 || entries[0].ID != missingID+r.ID {
			t.Fatalf("the queue has %v", entries)
		}
		w.start(fault{})
		c.change(func(c *cabinet) { c.drawers["keys"] = hidden })
		w.run(2*time.Hour, 10*time.Minute)
		if left := c.ids(); len(left) > 0 {
			t.Errorf("at the provider are %v", left)
		}
		w.nothingIsQueued()
	})(t)
}

// TestManyMissingKeysShareALook: what is looked for by id is looked for in one reading.
func TestManyMissingKeysShareALook(t *testing.T) {
	inBubble(func(t *testing.T) {
		w, c := cabinetWorld(t, "keys")
		var leases []*heldLease
		for range 20 {
			leases = append(leases, w.mustMint("keys"))
		}
		held := w.mustMint("keys")
		w.advance(2 * listLag)
		var hidden []*cabinetKey
		c.change(func(c *cabinet) {
			hidden = c.drawers["keys"]
			delete(c.drawers, "keys")
		})
		for _, lease := range leases {
			w.must(w.revoke(lease))
		}
		w.process.waitBackground()
		c.change(func(c *cabinet) { c.drawers["keys"], c.lists = hidden, map[string]int{} })
		w.run(30*time.Minute, 5*time.Minute)
		if left := c.ids(); !slices.Equal(left, []string{w.dataOf(held).Handle.ID}) || c.lists["keys"] > 20 {
			t.Errorf("left are %v; the list was read %d times", left, c.lists["keys"])
		}
		w.nothingIsQueued()
	})(t)
}

// TestIdThatNothingElseCanHave: a deletion is sent again, long after, by such an id alone.
func TestIdThatNothingElseCanHave(t *testing.T) {
	const part = "0fnmqo0abcdef"
	role := providers.Values{"user": "service-account-prod", "scopes": []any{"read"}, "none": ""}
	connection := providers.Values{"organization": "organization-of-many"}
	for id, want := range map[string]bool{
		"app-" + part:                true,
		"7":                          false,
		"0123456789abcde":            false,
		"0123456789abcdef":           true,
		"service-account-prod":       false,
		"users/service-account-prod": false,
		"service-account-prod/keys/0123456789abcdef": true,
		"organization-of-many/users/7":               false,
		"projects/accounts/service-account-prod":     false,
		"projects/accounts/of-the-service":           false,
		"5f0c9d1e-7a3b-4c2d-beef-0a1b2c3d4e5f":       true,
		"projects/p/keys/0a1b2c3d4e5f60718293":       true,
	} {
		if got := isUnique(&providers.Handle{ID: id, Role: role, Connection: connection}, part); got != want {
			t.Errorf("%s: %t, want %t", id, got, want)
		}
	}
}
