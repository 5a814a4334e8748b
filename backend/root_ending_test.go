package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

// TestRotationThatEndsKeys: where keys end with the admin credential, nobody's key ends
// by a rotation that did not say so.
func TestRotationThatEndsKeys(t *testing.T) {
	ctx := context.Background()
	held := func(w *world) { w.mustMint("club") }
	for name, test := range map[string]struct {
		prepare func(w *world)
		// refused says that the rotation is, for which reason.
		refused string
	}{
		"nobody holds one":           {func(w *world) {}, ""},
		"a lease holds one":          {held, `connection "club" has 1 live key`},
		"its lease was revoked":      {func(w *world) { w.must(w.revoke(w.mustMint("club"))) }, ""},
		"a static role holds one":    {func(w *world) { w.makeMember("guest") }, `connection "club" has 1 live key`},
		"another connection's lease": {func(w *world) { w.mustMint("same") }, `connection "same" has 1 live key`},
		"a lease of a connection that has another credential by now": {func(w *world) {
			w.mustMint("same")
			w.must(w.process.ChangeConnection(ctx, w.storage, "same", func(connection *Connection) (SaveOptions, error) {
				connection.Fields = map[string]any{"token": "other-password"}
				return SaveOptions{Force: true}, nil
			}))
		}, `connection "same" has 1 live key of the credential that it had before`},
		"a lease of a connection that had the credential for a while, which a rotation had made": {func(w *world) {
			w.must(w.process.RotateRoot(ctx, w.storage, "club"))
			give := func(token any) {
				w.must(w.process.ChangeConnection(ctx, w.storage, "other", func(connection *Connection) (SaveOptions, error) {
					connection.Fields = map[string]any{"token": token}
					return SaveOptions{Force: true}, nil
				}))
			}
			give(w.connection("club").Fields["token"])
			w.mustMint("other")
			give("other-password")
		}, `connection "other" has 1 live key of the credential that it had before`},
		"a lease of a connection that was deleted": {func(w *world) {
			w.mustMint("same")
			w.must(w.process.DeleteConnection(ctx, w.storage, "same", SaveOptions{Force: true}))
		}, `connection "same" has 1 live key of the credential that it had before`},
		"a lease of another credential": {func(w *world) { w.mustMint("other") }, ""},
		"a key that does not end":       {func(w *world) { w.mustMint("lasting") }, ""},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			c := newClub(t)
			test.prepare(c.world)
			err := c.process.RotateRoot(ctx, c.storage, "club")
			if test.refused == "" {
				c.must(err)
				c.must(c.process.CheckConnection(ctx, c.storage, "club"))
				return
			}
			var refusal *usererror.Error
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), test.refused) {
				t.Fatalf("the rotation says %v, want it refused for %s", err, test.refused)
			}
			if c.ended > 0 {
				t.Errorf("%d keys ended", c.ended)
			}
			state, err := c.process.RootRotation(ctx, c.storage, "club")
			c.must(err)
			if state.Failures > 0 {
				t.Error("what an operator is told himself counts as a failure of the schedule")
			}
			var told []string
			c.must(c.process.RotateRootAs(ctx, c.storage, "club", RotateOptions{Force: true, Warn: func(text string) { told = append(told, text) }}))
			if len(told) != 1 || !strings.Contains(told[0], test.refused) {
				t.Errorf("with force the operator is told %q, want %s", told, test.refused)
			}
			if c.ended != 1 {
				t.Errorf("%d keys ended, want the one", c.ended)
			}
			c.must(c.process.CheckConnection(ctx, c.storage, "club"))
		}))
	}
}

// TestScheduledRotationEndsNoKey: one that comes due waits until nobody holds a key, and
// says so.
func TestScheduledRotationEndsNoKey(t *testing.T) { inBubble(testScheduledRotationEndsNoKey)(t) }

func testScheduledRotationEndsNoKey(t *testing.T) {
	ctx := context.Background()
	c := newClub(t)
	var told []string
	c.must(c.process.ChangeConnection(ctx, c.storage, "club", func(connection *Connection) (SaveOptions, error) {
		connection.Schedule = timetable.Schedule{Period: time.Hour}
		return SaveOptions{Warn: func(text string) { told = append(told, text) }}, nil
	}))
	if len(told) != 1 || !strings.Contains(told[0], "last_error") {
		t.Errorf("who writes the schedule is told %q", told)
	}
	lease := c.mustMint("club")
	c.run(3*time.Hour, time.Minute)
	state, err := c.process.RootRotation(ctx, c.storage, "club")
	c.must(err)
	if !state.LastRotated.IsZero() || c.ended > 0 || !strings.Contains(state.LastError, "1 live key") {
		t.Fatalf("after the schedule's time: %+v, %d keys ended", state, c.ended)
	}
	if told := strings.Count(c.logs.String(), "[WARN]  a rotation failed"); told != 1 {
		t.Errorf("that it waits was told %d times as a warning, want once", told)
	}
	c.must(c.revoke(lease))
	c.run(10*time.Minute, time.Minute)
	if state, err = c.process.RootRotation(ctx, c.storage, "club"); err != nil || state.LastRotated.IsZero() || state.LastError != "" {
		t.Errorf("once nobody holds a key: %+v, %v", state, err)
	}
	c.mustMint("club") // with the new credential
}

// TestStaticKeyThatEndedIsReplaced, whether the process lives to see the rotation's end
// or not.
func TestStaticKeyThatEndedIsReplaced(t *testing.T) {
	for name, dies := range map[string]bool{"at once": false, "after a crash": true} {
		t.Run(name, inBubble(func(t *testing.T) {
			ctx := context.Background()
			c := newClub(t)
			c.makeMember("guest")
			before := c.current("guest")
			c.advance(time.Minute)
			c.must(c.process.RotateRootAs(ctx, c.storage, "club", RotateOptions{Force: true}))
			if dies {
				c.start(fault{})
			}
			c.run(10*time.Minute, 20*time.Second)
			after := c.current("guest")
			if after.RecordID == before.RecordID || !c.takes(after.Secret["api_key"].(string)) {
				t.Errorf("the static role has a key that works: %t, another one: %t", c.takes(after.Secret["api_key"].(string)), after.RecordID != before.RecordID)
			}
			c.run(time.Hour, time.Minute)
			if c.current("guest").RecordID != after.RecordID {
				t.Error("it was replaced again")
			}
		}))
	}
}

// TestStaticKeyOfAnotherConnectionThatEndedIsReplaced: a rotation ends the keys that the
// credential made for other connections, too, and no others.
func TestStaticKeyOfAnotherConnectionThatEndedIsReplaced(t *testing.T) {
	ctx := context.Background()
	give := func(w *world, connection string, token any) {
		w.must(w.process.ChangeConnection(ctx, w.storage, connection, func(c *Connection) (SaveOptions, error) {
			c.Fields = map[string]any{"token": token}
			return SaveOptions{Force: true}, nil
		}))
	}
	for name, test := range map[string]struct {
		prepare, after func(w *world)
		connection     string
		ended          bool
	}{
		"of one that shares the credential": {
			connection: "same", ended: true,
			after: func(w *world) { give(w, "same", "other-password") },
		},
		"of one that had it for a while": {
			connection: "other", ended: true,
			prepare: func(w *world) { give(w, "other", "first-password") },
			after:   func(w *world) { give(w, "other", "other-password") },
		},
		"of one that has another":                       {connection: "other"},
		"of its own, which another credential had made": {connection: "club", after: func(w *world) { give(w, "club", "other-password") }},
	} {
		for when, first := range map[string]bool{"before the rotation": true, "after it": false} {
			for how, dies := range map[string]bool{"": false, ", and a crash": true} {
				t.Run(name+", which gets its credential "+when+how, inBubble(func(t *testing.T) {
					c := newClub(t)
					step := func(do func(*world)) {
						if do != nil {
							do(c.world)
						}
					}
					step(test.prepare)
					r := &StaticRole{Role: Role{Connection: test.connection}, Overlap: time.Hour}
					c.must(c.process.SaveStaticRole(ctx, c.storage, "guest", r))
					before := c.current("guest")
					c.advance(time.Minute)
					if first || test.connection == "club" {
						step(test.after)
					}
					c.must(c.process.RotateRootAs(ctx, c.storage, "club", RotateOptions{Force: true}))
					if dies {
						c.start(fault{})
					}
					if !first && test.connection != "club" {
						c.run(10*time.Minute, 20*time.Second)
						step(test.after)
					}
					c.run(20*time.Minute, 20*time.Second)
					after := c.current("guest")
					if replaced := after.RecordID != before.RecordID; replaced != test.ended || !c.takes(after.Secret["api_key"].(string)) {
						t.Errorf("the static role has a key that works: %t, another one: %t, want %t", c.takes(after.Secret["api_key"].(string)), replaced, test.ended)
					}
				}))
			}
		}
	}
}

// TestNoLaterKeyEndsWithAReplacedCredential: while another connection goes on with a
// credential that was replaced, that stays; and so it does once that one has another, until
// nobody holds what it made meanwhile.
func TestNoLaterKeyEndsWithAReplacedCredential(t *testing.T) { inBubble(testNoLaterKeyEnds)(t) }

func testNoLaterKeyEnds(t *testing.T) {
	ctx := context.Background()
	c := newClubOf(t, strings.Replace(clubDefinition, clubRotation, lodgeRotation, 1))
	lease := func(role string, ttl time.Duration) *heldLease {
		c.must(c.process.SaveRole(ctx, c.storage, role, &Role{Connection: role, TTL: ttl, MaxTTL: ttl}))
		return c.mustMint(role)
	}
	c.must(c.process.RotateRoot(ctx, c.storage, "club"))
	c.advance(time.Minute)
	later := lease("same", 3*time.Hour)
	c.must(c.process.SaveStaticRole(ctx, c.storage, "guest", &StaticRole{Role: Role{Connection: "same"}, Schedule: timetable.Schedule{Period: 2 * time.Hour}}))
	first := c.current("guest")
	c.run(30*time.Minute, time.Minute)
	c.must(c.process.ChangeConnection(ctx, c.storage, "same", func(connection *Connection) (SaveOptions, error) {
		connection.Fields = map[string]any{"token": "other-password"}
		return SaveOptions{Force: true}, nil
	}))
	c.start(fault{}) // the queue takes up what waits
	c.run(150*time.Minute-time.Second, time.Minute)
	if c.ended > 0 || !c.takes(later.key) {
		t.Fatalf("%d keys ended with a credential that made them after it was replaced", c.ended)
	}
	if now := c.current("guest"); now.RecordID == first.RecordID || !c.takes(now.Secret["api_key"].(string)) {
		t.Error("the static role has not got its next key")
	}
	if !c.passwords["first-password"] {
		t.Fatal("the credential is gone that made a key which is held")
	}
	c.must(c.revoke(later))
	c.run(time.Hour, time.Minute)
	if c.passwords["first-password"] || c.ended > 0 {
		t.Errorf("once nobody holds a key of it: the credential that was replaced works: %t, %d keys ended", c.passwords["first-password"], c.ended)
	}
	if now := c.current("guest"); !c.takes(now.Secret["api_key"].(string)) {
		t.Error("the static role's key does not work")
	}
}

// TestMintWaitsForARotationThatEndsKeys: no key is made between the look for those that
// are held and the rotation.
func TestMintWaitsForARotationThatEndsKeys(t *testing.T) {
	inBubble(testMintWaitsForARotation)(t)
}

func testMintWaitsForARotation(t *testing.T) {
	c := newClub(t)
	minted := make(chan error, 1)
	c.onChange = func() {
		go func() {
			_, err := c.mint("club")
			minted <- err
		}()
	}
	c.must(c.process.RotateRoot(context.Background(), c.storage, "club"))
	c.must(<-minted)
	if c.ended > 0 {
		t.Error("the key that was asked for meanwhile ended with the old password")
	}
}

// club is a world with an account whose keys end when its password is changed, but for
// those that last.
type club struct {
	*world
	*membership
}

const clubDefinition = `
provider "club" {
  connection "token" {
    type      = string
    required  = true
    sensitive = true
  }
  role "lasting" {
    type    = bool
    default = false
  }
  auth "bearer" { token = connection.token }
  check { get = "/me" }
  issue {
    post   = "/keys"
    json   = { name = key.name, lasting = role.lasting }
    id     = body.id
    secret = { api_key = body.key }
    save   = { lasting = body.lasting }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
` + clubRotation + `}
`

// clubRotation replaces the password in place.
const clubRotation = `  rotate {
    candidate    = { token = random_password(32) }
    put          = "/me"
    json         = { token = candidate.token }
    connection   = { token = candidate.token }
    revokes_keys = !saved.lasting
  }
`

// lodgeRotation makes another password and removes the one before.
const lodgeRotation = `  rotate {
    post         = "/passwords"
    json         = { name = key.name }
    connection   = { token = body.token }
    save         = { old = connection.token }
    revokes_keys = true
    retire {
      delete = "/passwords/${saved.old}"
      gone   = [404]
    }
    list {
      get   = "/passwords"
      items = body.data
      item  = { name = item.name, old = item.token }
    }
  }
`

func newClub(t *testing.T) *club { return newClubOf(t, clubDefinition) }

func newClubOf(t *testing.T, definition string) *club {
	w := newWorld(t)
	c := &club{w, &membership{passwords: map[string]bool{"first-password": true, "other-password": true}, keys: map[string]clubKey{}}}
	w.connect(c.membership, "club", definition, "first-password", "club", "same")
	ctx := context.Background()
	of := func(name string, change func(*Connection)) {
		w.must(w.process.ChangeConnection(ctx, w.storage, name, func(connection *Connection) (SaveOptions, error) {
			connection.AllowedRoles = []string{"*"}
			if change != nil {
				change(connection)
			}
			return SaveOptions{}, nil
		}))
		w.must(w.process.SaveRole(ctx, w.storage, name, &Role{Connection: name, TTL: 4 * time.Hour, MaxTTL: 24 * time.Hour}))
	}
	of("club", nil)
	of("same", nil)
	of("other", func(connection *Connection) {
		*connection = *w.connection("club")
		connection.Fields = map[string]any{"token": "other-password"}
	})
	w.must(w.process.SaveRole(ctx, w.storage, "lasting", &Role{Connection: "club", TTL: time.Hour, MaxTTL: time.Hour, Fields: map[string]any{"lasting": true}}))
	return c
}

func (w *world) makeMember(name string) {
	w.t.Helper()
	r := &StaticRole{Role: Role{Connection: "club"}, Overlap: time.Hour}
	w.must(w.process.SaveStaticRole(context.Background(), w.storage, name, r))
}

// membership is the provider's side of it.
type membership struct {
	mu        sync.Mutex
	passwords map[string]bool
	keys      map[string]clubKey // by id
	made      int
	renewed   int
	ended     int // with a password
	onChange  func()
}

type clubKey struct {
	value, password string
	lasting         bool
}

func (m *membership) takes(value string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range m.keys {
		if key.value == value {
			return true
		}
	}
	return false
}

// end ends a password, with the keys that it made. The caller holds mu.
func (m *membership) end(password string) {
	delete(m.passwords, password)
	for id, key := range m.keys {
		if key.password == password && !key.lasting {
			delete(m.keys, id)
			m.ended++
		}
	}
}

func (m *membership) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	password := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	var asked struct {
		Token   string
		Lasting bool
	}
	_ = json.NewDecoder(r.Body).Decode(&asked)
	switch {
	case !m.passwords[password]:
		w.WriteHeader(http.StatusUnauthorized)
	case r.URL.Path == "/passwords" && r.Method == http.MethodPost:
		m.renewed++
		token := fmt.Sprintf("next-password-%d", m.renewed)
		m.passwords[token] = true
		fmt.Fprintf(w, `{"token":%q}`, token)
	case r.URL.Path == "/passwords":
		fmt.Fprint(w, `{"data":[]}`)
	case strings.HasPrefix(r.URL.Path, "/passwords/"):
		m.end(strings.TrimPrefix(r.URL.Path, "/passwords/"))
	case r.Method == http.MethodPost:
		m.made++
		id := fmt.Sprintf("member-%d", m.made)
		m.keys[id] = clubKey{"value-of-" + id, password, asked.Lasting}
		fmt.Fprintf(w, `{"id":%q,"key":%q,"lasting":%t}`, id, m.keys[id].value, asked.Lasting)
	case r.Method == http.MethodPut:
		if m.onChange != nil {
			m.mu.Unlock()
			m.onChange()
			synctest.Wait() // it has come as far as it comes
			m.mu.Lock()
		}
		m.end(password)
		m.passwords[asked.Token] = true
	case r.Method == http.MethodDelete:
		id := strings.TrimPrefix(r.URL.Path, "/keys/")
		if _, there := m.keys[id]; !there {
			w.WriteHeader(http.StatusNotFound)
		}
		delete(m.keys, id)
	}
}
