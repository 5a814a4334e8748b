package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// cabinet is a provider whose keys lie in drawers. Admin credentials lie among the
// keys, in the drawer "main". A key is written ID.SECRET.
type cabinet struct {
	mu      sync.Mutex
	made    int
	drawers map[string][]*cabinetKey
	// rename is what the provider makes of a key's name; nil keeps it.
	rename func(string) string
	// twice has the next request to make a key carried out twice, as by a proxy
	// that sends it again.
	twice bool
	// repeated has it carried out and then refused, since there is one of that name: a
	// proxy lost the first answer, and passes on the second.
	repeated bool
	// existing has requests for a new key answered with the newest that exists, and
	// misnamed has them answered with its id beside a new key's value.
	existing, misnamed bool
	// longIDs has new keys get ids that nothing else can have.
	longIDs bool
	// keyless leaves the key out of an answer that tells another's id.
	keyless bool
	// refuses has every deletion refused.
	refuses bool
	// lists counts the listings of each drawer, and broken are the drawers whose
	// listing is answered with this status.
	lists  map[string]int
	broken map[string]int
	// hangs are the drawers whose listing is never answered, and stuck are the ids
	// of keys whose deletion is refused.
	hangs map[string]bool
	// nowAndThen is with which status every second listing of a drawer is answered that
	// is gone; 0 for none.
	nowAndThen int
	stuck      map[string]bool
	// beforeList is called with each listing, after its items are collected.
	beforeList func()
}

type cabinetKey struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	// Password is what its deletion has to tell, where the request that made it told one.
	Password string `json:"password,omitempty"`
}

const cabinetDefinition = `provider "cabinet" {
  title = "Cabinet"
  connection "admin_key" {
    type      = string
    sensitive = true
    required  = true
  }
  role "drawer" {
    type    = string
    default = "main"
  }
  auth "bearer" { token = connection.admin_key }
  check { get = "/drawers/main" }
  issue {
    post   = "/drawers/${role.drawer}"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/drawers/${role.drawer}/${key.id}"
    gone   = [404]
  }
  list {
    get   = "/drawers/${role.drawer}"
    items = body.data
    item = {
      id   = item.id
      name = item.name
    }
  }
  rotate {
    post       = "/drawers/main"
    json       = { name = key.name }
    connection = { admin_key = body.key }
    save       = { old_id = split(".", connection.admin_key)[0] }
    retire {
      delete = "/drawers/main/${saved.old_id}"
      gone   = [404]
    }
    list {
      get   = "/drawers/main"
      items = body.data
      item = {
        name   = item.name
        old_id = item.id
      }
    }
  }
}`

// cabinetAdmin is the admin credential that is there from the beginning.
const cabinetAdmin = "byhand00.secret-of-byhand00"

func newCabinet(drawers ...string) *cabinet {
	c := &cabinet{drawers: map[string][]*cabinetKey{"main": {{ID: "byhand00", Name: "made by hand"}}}, lists: map[string]int{}, broken: map[string]int{}, hangs: map[string]bool{}, stuck: map[string]bool{}}
	for _, drawer := range drawers {
		c.drawers[drawer] = nil
	}
	return c
}

func (c *cabinet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	drawer, id, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/drawers/"), "/")
	after := func() {}
	defer func() { after() }()
	if c.hanging(drawer) && r.Method == http.MethodGet {
		<-r.Context().Done()
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		if body != nil {
			_ = json.NewEncoder(w).Encode(body)
		}
	}
	admin, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	keys, exists := c.drawers[drawer]
	has := func(id string) func(*cabinetKey) bool { return func(k *cabinetKey) bool { return k.ID == id } }
	switch {
	case !slices.ContainsFunc(c.drawers["main"], has(admin)):
		answer(http.StatusUnauthorized, nil)
	case !exists && r.Method == http.MethodGet && c.nowAndThen != 0 && c.lists[drawer]%2 == 1:
		c.lists[drawer]++
		answer(c.nowAndThen, nil)
	case !exists:
		c.lists[drawer]++
		answer(http.StatusNotFound, map[string]any{"message": "no such drawer"})
	case r.Method == http.MethodPost:
		var in cabinetKey
		_ = json.NewDecoder(r.Body).Decode(&in)
		if id != "" {
			answer(http.StatusConflict, map[string]any{"message": "it has one"})
			return
		}
		newest := keys[max(len(keys)-1, 0):]
		if c.existing && len(newest) > 0 {
			answer(http.StatusOK, map[string]any{"id": newest[0].ID, "key": newest[0].ID + ".secret-of-" + newest[0].ID})
			return
		}
		made := c.add(drawer, in.Name)
		made.Password = in.Password
		if c.repeated {
			c.repeated = false
			answer(http.StatusConflict, map[string]any{"message": "there is one of that name"})
			return
		}
		if c.misnamed && c.keyless && len(newest) > 0 {
			answer(http.StatusCreated, map[string]any{"id": newest[0].ID})
			return
		}
		if c.misnamed && len(newest) > 0 {
			answer(http.StatusCreated, map[string]any{"id": newest[0].ID, "key": made.ID + ".secret-of-" + made.ID})
			return
		}
		if c.twice {
			c.twice = false
			made = c.add(drawer, in.Name)
		}
		answer(http.StatusCreated, map[string]any{"id": made.ID, "key": made.ID + ".secret-of-" + made.ID})
	case r.Method == http.MethodDelete:
		if !slices.ContainsFunc(keys, has(id)) {
			answer(http.StatusNotFound, nil)
			return
		}
		if c.refuses || c.stuck[id] || slices.ContainsFunc(keys, func(k *cabinetKey) bool {
			return k.ID == id && k.Password != "" && k.Password != r.URL.Query().Get("password")
		}) {
			answer(http.StatusForbidden, nil)
			return
		}
		c.drawers[drawer] = slices.DeleteFunc(keys, has(id))
		answer(http.StatusNoContent, nil)
	case c.broken[drawer] != 0:
		c.lists[drawer]++
		answer(c.broken[drawer], nil)
	default:
		c.lists[drawer]++
		answer(http.StatusOK, map[string]any{"data": keys})
		if c.beforeList != nil {
			after = c.beforeList
		}
	}
}

func (c *cabinet) hanging(drawer string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.hangs[drawer]
}

// add makes a key. The caller holds mu.
func (c *cabinet) add(drawer, name string) *cabinetKey {
	c.made++
	if c.rename != nil {
		name = c.rename(name)
	}
	made := &cabinetKey{ID: fmt.Sprintf("id-%06d", c.made), Name: name}
	if c.longIDs {
		made.ID = fmt.Sprintf("id-%020d", c.made)
	}
	c.drawers[drawer] = append(c.drawers[drawer], made)
	return made
}

// put makes a key behind the engine's back and answers its id.
func (c *cabinet) put(drawer, name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := &cabinetKey{ID: fmt.Sprintf("put-%05d", len(c.drawers[drawer])), Name: name}
	c.drawers[drawer] = append(c.drawers[drawer], made)
	return made.ID
}

// change does something to the provider itself.
func (c *cabinet) change(change func(*cabinet)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c)
}

// ids are those of everything that exists, but for what was made by hand.
func (c *cabinet) ids() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := []string{}
	for _, keys := range c.drawers {
		for _, key := range keys {
			if key.Name != "made by hand" {
				ids = append(ids, key.ID)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// cabinetWorld has one connection to a cabinet, and a role for each drawer.
func cabinetWorld(t testing.TB, drawers ...string) (*world, *cabinet) {
	t.Helper()
	w := newWorld(t)
	c := newCabinet(drawers...)
	front := w.serve(w.gated(c))
	w.uploadCabinet(cabinetDefinition)
	w.connectCabinet("one", front.URL, "main", "")
	for _, drawer := range drawers {
		w.connectCabinet("one", front.URL, drawer, "")
	}
	return w, c
}

func (w *world) uploadCabinet(definition string) {
	w.t.Helper()
	_, err := w.process.SaveDefinition(context.Background(), w.storage, "cabinet", definition, false)
	w.must(err)
}

// connectCabinet writes a connection to a cabinet and a role of the drawer's name,
// behind a prefix.
func (w *world) connectCabinet(connection, url, drawer, prefix string) {
	w.t.Helper()
	w.configure("cabinet", connection, prefix+drawer, func(c *Connection, r *Role) {
		c.BaseURL, c.RequestTimeout = url, time.Second
		c.Fields = providers.Values{"admin_key": cabinetAdmin}
		r.Fields = providers.Values{"drawer": drawer}
	})
}

// another writes another connection to the same cabinet.
func (w *world) another(connection, prefix string) {
	w.t.Helper()
	one, err := w.process.Connection(context.Background(), w.storage, "one")
	w.must(err)
	w.connectCabinet(connection, one.BaseURL, "main", prefix)
}

// idOf is the provider's id of a leased key.
func idOf(lease *heldLease) string {
	id, _, _ := strings.Cut(lease.key, ".")
	return id
}

func idsOf(leases ...*heldLease) []string {
	ids := []string{}
	for _, lease := range leases {
		ids = append(ids, idOf(lease))
	}
	slices.Sort(ids)
	return ids
}

// lose has the process die right after the provider made a key, and answers the
// key's id; a new process starts.
func (w *world) lose(c *cabinet, role string) string {
	w.t.Helper()
	before := c.ids()
	w.crashAfterPOST(role)
	for _, id := range c.ids() {
		if !slices.Contains(before, id) {
			return id
		}
	}
	w.t.Fatal("no key was made")
	return ""
}

// crashAfterPOST kills the process in a mint, right after the provider has made
// the key.
func (w *world) crashAfterPOST(role string) {
	w.t.Helper()
	w.process.gate.killAfter("POST ")
	if _, err := w.mint(role); err == nil {
		w.t.Fatal("the process did not die")
	}
	w.startAlone()
}
