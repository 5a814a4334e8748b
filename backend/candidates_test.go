package backend

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

const namelessDefinition = `
provider "nameless" {
  connection "token" {
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.token }
  issue {
    post   = "/keys"
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
  list {
    unnamed = true
    get     = "/keys"
    items   = body.data
    item    = { id = item.id, created_at = item.created_at }
  }
}`

// endingDefinition knows its keys by their ends.
var endingDefinition = strings.NewReplacer(
	`post   = "/keys"`, `post   = "/keys"
    json   = { expires_at = unique_end(key.expires_at, key.name) }`,
	`  list {`, `  lookup {
    get   = "/keys"
    items = [for one in body.data : one if has_unique_end(one.expires_at, key.name)]
    item  = { id = item.id, name = key.name }
  }
  list {`).Replace(namelessDefinition)

// nameless is a provider whose keys have no names.
type nameless struct {
	now func() time.Time

	ends map[string]string // by id, of keys that were asked to have one

	mu       sync.Mutex
	made     int
	keys     map[string]time.Time // when they were made, by id
	dateless bool                 // whether it does not tell when
	own      string               // the id of the admin credential, of which its value shows nothing
	lose     bool                 // whether the next answer to the making of a key is lost
	hold     chan struct{}        // until when the next one is not given; nil for at once
	deleted  []string
}

func (n *nameless) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch id := strings.TrimPrefix(r.URL.Path, "/keys/"); {
	case r.Method == http.MethodPost:
		id := n.add()
		var in struct {
			ExpiresAt string `json:"expires_at"`
		}
		if json.NewDecoder(r.Body).Decode(&in) == nil {
			n.ends[id] = in.ExpiresAt
		}
		if hold := n.hold; hold != nil {
			n.hold = nil
			n.mu.Unlock()
			<-hold
			n.mu.Lock()
		}
		if n.lose {
			n.lose = false
			rw.WriteHeader(http.StatusBadGateway)
			return
		}
		fmt.Fprintf(rw, `{"id": %q, "key": "secret-of-%s"}`, id, id)
	case r.Method == http.MethodDelete:
		if _, there := n.keys[id]; !there {
			rw.WriteHeader(http.StatusNotFound)
			return
		}
		delete(n.keys, id)
		n.deleted = append(n.deleted, id)
	case r.URL.Path == "/whoami":
		if n.own == "" {
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(rw, `{"id": %q}`, n.own)
	default:
		data := []map[string]any{}
		for id, at := range n.keys {
			one := map[string]any{"id": id, "expires_at": n.ends[id]}
			if !n.dateless {
				one["created_at"] = at.UTC().Format(time.RFC3339)
			}
			data = append(data, one)
		}
		_ = json.NewEncoder(rw).Encode(map[string]any{"data": data})
	}
}

// add makes a key. The caller holds mu.
func (n *nameless) add() string {
	n.made++
	id := fmt.Sprintf("id-%06d", n.made)
	n.keys[id] = n.now()
	return id
}

// byHand makes a key behind the engine's back.
func (n *nameless) byHand() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.add()
}

func (n *nameless) ids() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Sorted(maps.Keys(n.keys))
}

func (n *nameless) set(change func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	change()
}

func namelessWorld(t *testing.T, definition string) (*world, *nameless) {
	w := newWorld(t)
	n := &nameless{now: w.time, keys: map[string]time.Time{}, ends: map[string]string{}}
	web := w.serve(w.gated(n))
	_, err := w.process.SaveDefinition(t.Context(), w.storage, "nameless", definition, false)
	w.must(err)
	_, err = w.process.SaveDefinition(t.Context(), w.storage, "another", strings.Replace(definition, `"nameless"`, `"another"`, 1), false)
	w.must(err)
	for name, provider := range map[string]string{"one": "nameless", "two": "nameless", "three": "another"} {
		w.configure(provider, name, name, func(c *Connection, r *Role) {
			c.BaseURL, c.Fields = web.URL, providers.Values{"token": "admin-token"}
			r.TTL, r.MaxTTL, r.Fields = 240*time.Hour, 240*time.Hour, nil
		})
	}
	return w, n
}

func (w *world) candidates(id string) []string {
	w.t.Helper()
	found, _, err := w.process.Candidates(context.Background(), w.storage, id)
	w.must(err)
	ids := []string{}
	for _, one := range found {
		ids = append(ids, one.ID)
	}
	slices.Sort(ids)
	return ids
}

func (w *world) revokeCandidate(id, key string) error {
	return w.process.RevokeCandidate(context.Background(), w.request(logical.UpdateOperation, "queue/"+id+"/revoke"), id, key)
}

// TestKeysWithoutNames: the answer to the making of a key is lost, or the process with it,
// where keys have no names. Nothing is ended by the engine itself; an operator is shown
// what may have been left, and ends the one that he names.
func TestKeysWithoutNames(t *testing.T) {
	for name, lost := range map[string]struct {
		kind queue.Kind
		lose func(w *world, n *nameless)
	}{
		"the answer is lost": {queue.CleanUp, func(w *world, n *nameless) {
			n.set(func() { n.lose = true })
			if _, err := w.mint("one"); err == nil {
				w.t.Fatal("a mint whose answer is lost hands a key out")
			}
		}},
		"the process is lost": {queue.Crash, func(w *world, _ *nameless) { w.crashAfterPOST("one") }},
	} {
		for _, dates := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, and the list tells of dates: %t", name, dates), inBubble(func(t *testing.T) {
				w, n := namelessWorld(t, namelessDefinition)
				n.dateless = !dates
				old := n.byHand()
				w.run(2*time.Hour, time.Hour)
				others := w.mustMint("two")
				w.run(20*time.Minute, time.Minute)
				held := w.mustMint("one")
				before := n.ids()
				lost.lose(w, n)
				left := slices.DeleteFunc(n.ids(), func(id string) bool { return slices.Contains(before, id) })
				foreign := n.byHand()
				everything := n.ids()
				w.run(48*time.Hour, time.Hour)
				late := n.byHand()
				if got := slices.DeleteFunc(n.ids(), func(id string) bool { return id == late }); !slices.Equal(got, everything) {
					t.Fatalf("the engine ended keys by itself: %v are left of %v", got, everything)
				}
				entries := w.process.Queue()
				if len(entries) != 1 || entries[0].Kind != lost.kind || len(left) != 1 {
					t.Fatalf("the queue has %v, and %v are left", entries, left)
				}
				id := entries[0].ID
				want := []string{left[0], foreign}
				if !dates {
					want = []string{old, left[0], foreign, late}
				}
				slices.Sort(want)
				if got := w.candidates(id); !slices.Equal(got, want) {
					t.Errorf("%v are shown, want %v", got, want)
				}
				for _, not := range []string{idOfSecret(held), idOfSecret(others), "id-999999", ""} {
					var mistake *usererror.Error
					if err := w.revokeCandidate(id, not); !errors.As(err, &mistake) {
						t.Errorf("revoking %q ends with %v", not, err)
					}
				}
				w.must(w.revokeCandidate(id, left[0]))
				if !slices.Equal(n.deleted, left) {
					t.Errorf("%v were ended, want %v", n.deleted, left)
				}
				w.must(w.process.GiveUp(t.Context(), w.request(logical.UpdateOperation, "queue/"+id+"/give-up"), id))
				w.nothingIsQueued()
			}))
		}
	}
}

// TestCrashesInOnePlace: the process dies in mid-mint twice, where keys have no names. The
// one entry that an operator finds is of both.
func TestCrashesInOnePlace(t *testing.T) {
	for _, damaged := range []bool{false, true} {
		t.Run(fmt.Sprintf("the first entry is damaged: %t", damaged), inBubble(func(t *testing.T) {
			w, n := namelessWorld(t, namelessDefinition)
			w.crashAfterPOST("one")
			w.run(3*time.Hour, time.Minute)
			entries := w.stored(queue.Prefix)
			if len(entries) != 1 {
				t.Fatalf("after the first crash: %v", entries)
			}
			if damaged {
				w.must(w.storage.Put(t.Context(), &logical.StorageEntry{Key: entries[0], Value: []byte("{")}))
			}
			w.crashAfterPOST("one")
			w.run(3*time.Hour, time.Minute)
			left := w.process.Queue()
			if len(left) != 1 || len(w.stored(queue.Prefix)) != 1 || len(n.ids()) != 2 {
				t.Fatalf("queued: %+v, keys: %v", left, n.ids())
			}
			if got := w.candidates(left[0].ID); !slices.Equal(got, n.ids()) {
				t.Errorf("%v are shown, want %v", got, n.ids())
			}
		}))
	}
}

// TestKeysAreFoundByTheirEnds: keys have no names, and the provider keeps their ends to the
// microsecond. Of a mint without a known outcome the engine ends its own key, and no other
// one, be it made in the same moment with an end in the same second.
func TestKeysAreFoundByTheirEnds(t *testing.T) {
	for name, lose := range map[string]func(w *world, n *nameless){
		"the answer is lost": func(w *world, n *nameless) {
			n.set(func() { n.lose = true })
			if _, err := w.mint("one"); err == nil {
				w.t.Fatal("a mint whose answer is lost hands a key out")
			}
		},
		"the process is lost": func(w *world, _ *nameless) { w.crashAfterPOST("one") },
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, n := namelessWorld(t, endingDefinition)
			held, others := w.mustMint("one"), w.mustMint("two")
			before := n.ids()
			lose(w, n)
			foreign := []string{n.byHand(), n.byHand(), n.byHand()}
			n.set(func() {
				for id, end := range n.ends {
					if !slices.Contains(before, id) && end != "" {
						at, err := time.Parse(time.RFC3339, end)
						w.must(err)
						n.ends[foreign[0]] = at.Truncate(time.Second).Format(time.RFC3339)
						n.ends[foreign[1]] = at.Add(time.Microsecond).Format(time.RFC3339Nano)
					}
				}
			})
			w.run(30*time.Minute, time.Minute)
			want := append([]string{idOfSecret(held), idOfSecret(others)}, foreign...)
			slices.Sort(want)
			if got := n.ids(); !slices.Equal(got, want) || len(n.deleted) != 1 {
				t.Errorf("%v are left, want %v; ended: %v", got, want, n.deleted)
			}
			w.nothingIsQueued()
			w.must(w.revoke(held))
			w.run(30*time.Minute, time.Minute)
			w.nothingIsQueued()
		}))
	}
}

// TestIntentOfAKeyThatIsHeld: the process dies once the ledger has the key, and before the
// trace of its making is gone.
func TestIntentOfAKeyThatIsHeld(t *testing.T) {
	w, n := namelessWorld(t, endingDefinition)
	w.process.gate.killAfter("PUT ledger/")
	_, _ = w.mint("one")
	w.startAlone()
	if len(n.ids()) != 1 || len(w.process.Queue()) != 1 {
		t.Fatalf("%v, and %v waits", n.ids(), w.process.Queue())
	}
	w.run(10*time.Minute, time.Minute)
	if len(n.ids()) != 1 || len(w.process.Queue()) != 0 {
		t.Errorf("%v are left, and %v waits", n.ids(), w.process.Queue())
	}
}

// idOfSecret is the id of a nameless provider's key.
func idOfSecret(lease *heldLease) string { return strings.TrimPrefix(lease.key, "secret-of-") }

// TestCandidateOfAMintUnderWay: what a mint is just making is in no ledger, and looks like
// what another one has left. It is waited for, and then it is held.
func TestCandidateOfAMintUnderWay(t *testing.T) {
	for _, role := range []string{"one", "two", "three"} {
		t.Run("connection "+role, inBubble(func(t *testing.T) {
			w, n := namelessWorld(t, namelessDefinition)
			n.set(func() { n.lose = true })
			if _, err := w.mint("one"); err == nil {
				t.Fatal("a mint whose answer is lost hands a key out")
			}
			w.run(10*time.Minute, time.Minute)
			left, hold := n.ids(), make(chan struct{})
			n.set(func() { n.hold, n.dateless = hold, true })
			minted, ended := make(chan error), make(chan error)
			go func() {
				_, err := w.mint(role)
				minted <- err
			}()
			for len(n.ids()) != 2 {
				time.Sleep(10 * time.Millisecond) // of the bubble's
			}
			making := slices.DeleteFunc(n.ids(), func(id string) bool { return id == left[0] })[0]
			id := w.process.Queue()[0].ID
			if _, busy, err := w.process.Candidates(t.Context(), w.storage, id); err != nil || !busy {
				t.Errorf("that keys are being made is not said (%v)", err)
			}
			go func() { ended <- w.revokeCandidate(id, making) }()
			time.Sleep(time.Second) // of the bubble's
			close(hold)
			w.must(<-minted)
			if err := <-ended; err == nil || len(n.deleted) > 0 {
				t.Errorf("a key that was being made is ended: %v (%v)", n.deleted, err)
			}
		}))
	}
}

// TestAdminCredentialIsNoCandidate: where admin credentials are keys of the same list, the
// one in use is not shown, however short its id is.
func TestAdminCredentialIsNoCandidate(t *testing.T) {
	w, n := namelessWorld(t, namelessDefinition)
	n.set(func() { n.lose, n.keys["adm"+"in-t"] = true, w.time() })
	if _, err := w.mint("one"); err == nil {
		t.Fatal("a mint whose answer is lost hands a key out")
	}
	w.run(10*time.Minute, time.Minute)
	id := w.process.Queue()[0].ID
	if got := w.candidates(id); len(got) != 1 || strings.HasPrefix(got[0], "adm") {
		t.Errorf("%v are shown", got)
	}
}

// rotatingDefinition tells which admin credential is in use.
var rotatingDefinition = strings.Replace(namelessDefinition, `  list {`, `  rotate {
    step "own" {
      get  = "/whoami"
      save = { old_id = body.id }
    }
    step "new" { post = "/keys" }
    connection = { token = body.key }
    retire {
      delete = "/keys/${saved.old_id}"
      gone   = [404]
    }
  }
  list {`, 1)

// TestAdminCredentialIsNoCandidateByItsID: where nothing in an admin credential shows its
// id, and its rotation asks the provider for that, it is neither shown nor ended. Nothing is
// while the provider does not tell, or a rotation has made one that is not in use yet.
func TestAdminCredentialIsNoCandidateByItsID(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(w *world, n *nameless)
		refusal string // why nothing is ended; empty where the admin credential alone is not
	}{
		"in use": {func(*world, *nameless) {}, ""},
		"of a rotation": {func(w *world, _ *nameless) {
			w.must(stored.Write(w.t.Context(), w.storage, rotationPrefix+"two", &rotationNote{Stage: rotationBegun, Name: "new"}))
		}, "is being rotated"},
		"that nobody tells": {func(_ *world, n *nameless) { n.set(func() { n.own = "" }) }, "which credential"},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w, n := namelessWorld(t, rotatingDefinition)
			n.set(func() { n.lose, n.own = true, "id-of-admin"; n.keys[n.own] = w.time() })
			if _, err := w.mint("one"); err == nil {
				t.Fatal("a mint whose answer is lost hands a key out")
			}
			w.run(10*time.Minute, time.Minute)
			left := slices.DeleteFunc(n.ids(), func(id string) bool { return id == "id-of-admin" })
			id := w.process.Queue()[0].ID
			test.change(w, n)
			if err := w.revokeCandidate(id, "id-of-admin"); err == nil || !strings.Contains(err.Error(), cmp.Or(test.refusal, "is no candidate")) || len(n.deleted) > 0 {
				t.Errorf("naming the admin credential ends with %v; ended: %v", err, n.deleted)
			}
			if test.refusal != "" {
				return
			}
			if got := w.candidates(id); !slices.Equal(got, left) {
				t.Errorf("%v are shown, want %v", got, left)
			}
			w.must(w.revokeCandidate(id, left[0]))
		}))
	}
}

// TestCandidatesAreRefused: what has none says why.
func TestCandidatesAreRefused(t *testing.T) {
	w, n := namelessWorld(t, namelessDefinition)
	n.set(func() { n.lose = true })
	if _, err := w.mint("one"); err == nil {
		t.Fatal("a mint whose answer is lost hands a key out")
	}
	id := w.process.Queue()[0].ID
	if err := w.revokeCandidate(id, n.ids()[0]); err == nil || !strings.Contains(err.Error(), "try again in") {
		t.Errorf("right after the start a candidate is revoked (%v)", err)
	}
	w.run(10*time.Minute, time.Minute)
	w.must(w.process.SaveConnection(t.Context(), w.storage, "one", &Connection{
		Provider: "nameless", BaseURL: "https://elsewhere.example", Fields: providers.Values{"token": "another"},
	}, SaveOptions{Force: true}))
	for name, id := range map[string]string{"leads elsewhere": id, "no such entry": "nothing"} {
		var mistake *usererror.Error
		if _, _, err := w.process.Candidates(t.Context(), w.storage, id); !errors.As(err, &mistake) {
			t.Errorf("%s: %v", name, err)
		}
		if err := w.revokeCandidate(id, n.ids()[0]); !errors.As(err, &mistake) || len(n.deleted) > 0 {
			t.Errorf("%s: %v, ended: %v", name, err, n.deleted)
		}
	}
}
