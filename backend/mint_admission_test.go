package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// momentStorage has something happen right before a path is written or deleted,
// once.
type momentStorage struct {
	logical.Storage
	path string
	then func()
	once sync.Once
}

func (s *momentStorage) at(path string) {
	if path == s.path {
		s.once.Do(s.then)
	}
}

func (s *momentStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	s.at(entry.Key)
	return s.Storage.Put(ctx, entry)
}

func (s *momentStorage) Delete(ctx context.Context, path string) error {
	s.at(path)
	return s.Storage.Delete(ctx, path)
}

// TestMintMeetsAChange of its connection: one of the two comes first, and no key
// is made that nobody can end.
func TestMintMeetsAChange(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		change func(w *world, s logical.Storage) error
		// during has the mint begin while the new address is asked, not when the
		// change is stored.
		during bool
	}{
		"a deletion": {change: func(w *world, s logical.Storage) error {
			return w.process.DeleteConnection(ctx, s, "box", SaveOptions{})
		}},
		"another address": {change: func(w *world, s logical.Storage) error {
			_, elsewhere := w.otherHost()
			return w.process.ChangeConnection(ctx, s, "box", func(c *Connection) (SaveOptions, error) {
				c.BaseURL = elsewhere
				return SaveOptions{Credential: true}, nil
			})
		}},
		"another address, which is asked": {during: true, change: func(w *world, s logical.Storage) error {
			elsewhere := w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				s.(*momentStorage).at("asked")
				rw.Write([]byte(`{"admin": true}`))
			}))
			return w.process.ChangeConnection(ctx, s, "box", func(c *Connection) (SaveOptions, error) {
				c.BaseURL = elsewhere.URL
				return SaveOptions{Verify: true, Credential: true}, nil
			})
		}},
		"another credential": {change: func(w *world, s logical.Storage) error {
			return w.process.ChangeConnection(ctx, s, "box", func(c *Connection) (SaveOptions, error) {
				c.Fields = providers.Values{"admin_key": "another"}
				return SaveOptions{Credential: true}, nil
			})
		}},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			minted := make(chan *heldLease, 1)
			s := &momentStorage{Storage: w.process.storage, path: connectionPrefix + "box"}
			if test.during {
				s.path = "asked"
			}
			s.then = func() {
				go func() {
					lease, _ := w.mint("app")
					minted <- lease
				}()
				for range 1000 { // as long as the mint gets on
					runtime.Gosched()
				}
				if test.during {
					lease := <-minted
					minted <- lease
				}
			}
			err := test.change(w, s)
			s.once.Do(func() { t.Fatalf("the change ended before the mint could begin: %v", err) })
			lease := <-minted
			changed := w.stored(connectionPrefix)
			if lease != nil && err == nil && (len(changed) == 0 || w.connection("box").BaseURL != w.front.URL) && len(w.alive()) > 0 {
				t.Error("a key was made and its connection taken away")
			}
			var m *usererror.Error
			if err != nil && !errors.As(err, &m) {
				t.Errorf("the change: %v", err)
			}
		}))
	}
}

// TestCredentialByHand: another admin credential is written while keys are alive.
func TestCredentialByHand(t *testing.T) {
	ctx := context.Background()
	for name, test := range map[string]struct {
		keys     int
		sees     bool // the new credential is shown the keys
		renamed  bool // under names that begin with something of the provider's own
		others   bool // it is shown others' keys, of the same ids
		noVerify bool
		force    bool
		provider string
		// want is a part of the refusal; empty where it is stored.
		want string
		// same says that it counts as the same account.
		same bool
	}{
		"of the same account":                       {keys: 2, sees: true, same: true},
		"of the same account, under other names":    {keys: 2, sees: true, renamed: true, same: true},
		"of another account":                        {keys: 2, want: "is shown none of its keys"},
		"of another account, with keys of the ids":  {keys: 2, others: true, want: "is shown none of its keys"},
		"of another account, with force":            {keys: 2, force: true},
		"of another account, and nothing to revoke": {},
		"of the same account, with force":           {keys: 2, sees: true, force: true, same: true},
		"unchecked":                                 {keys: 1, sees: true, noVerify: true, want: "verify_connection=false"},
		"unchecked, with force":                     {keys: 1, sees: true, noVerify: true, force: true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				switch {
				case !strings.Contains(r.Header.Get("Authorization"), "new-admin-key"):
					pass()
				case r.URL.Path == "/v1/whoami":
					rw.Write([]byte(`{"admin": true}`))
				case test.renamed, test.others:
					var items []string
					for _, key := range w.sandbox.LiveKeys() {
						name := "acct." + key.Name
						if test.others {
							name = "somebody-elses"
						}
						items = append(items, fmt.Sprintf(`{"id": %q, "name": %q}`, key.ID, name))
					}
					fmt.Fprintf(rw, `{"data": [%s], "next_cursor": null}`, strings.Join(items, ","))
				case test.sees:
					r.Header.Set("Authorization", "Bearer "+testAdminKey)
					pass()
				default:
					rw.Write([]byte(`{"data": [], "next_cursor": null}`))
				}
			})
			for range test.keys {
				w.mustMint("app")
			}
			before := w.connection("box")
			err := w.process.ChangeConnection(ctx, w.storage, "box", func(c *Connection) (SaveOptions, error) {
				c.Fields = providers.Values{"admin_key": "new-admin-key"}
				return SaveOptions{Verify: !test.noVerify, Force: test.force, Credential: true}, nil
			})
			after := w.connection("box")
			if test.want != "" {
				var m *usererror.Error
				if !errors.As(err, &m) || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "force=true") {
					t.Errorf("the answer is %v, want %q", err, test.want)
				}
				if after.Fields["admin_key"] != testAdminKey {
					t.Error("it was stored")
				}
				return
			}
			if err != nil || after.Fields["admin_key"] != "new-admin-key" {
				t.Fatalf("it was not stored: %v", err)
			}
			if same := after.Account == before.Account; same != test.same {
				t.Errorf("it counts as the same account: %v", same)
			}
		}))
	}
}

// TestKeptKeysHoldTheirConnection: the key of a static role that was deleted and
// kept its key is revoked by nobody but through its connection.
func TestKeptKeysHoldTheirConnection(t *testing.T) {
	w := newWorld(t)
	ctx := context.Background()
	r := staticRole(0)
	r.KeepOnDelete = true
	w.must(w.process.SaveStaticRole(ctx, w.storage, "legacy", r))
	w.must(w.process.DeleteStaticRole(ctx, w.storage, "legacy"))
	var m *usererror.Error
	if err := w.process.DeleteConnection(ctx, w.storage, "box", SaveOptions{}); !errors.As(err, &m) || !strings.Contains(err.Error(), "1 live key") {
		t.Errorf("the connection is deleted: %v", err)
	}
	w.must(w.process.DeleteConnection(ctx, w.storage, "box", SaveOptions{Force: true}))
}

// TestMintsInFlightAreBounded although their callers hang up and ask again.
func TestMintsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var inFlight, most atomic.Int64
		w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
			if r.Method != http.MethodPost {
				pass()
				return
			}
			n := inFlight.Add(1)
			for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			}
			time.Sleep(2 * time.Second)
			inFlight.Add(-1)
			rw.WriteHeader(http.StatusConflict)
		})
		var callers sync.WaitGroup
		var refused atomic.Int64
		for range 4 * mintSlots {
			callers.Go(func() {
				ctx, hangUp := context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer hangUp()
				if _, err := w.mintWith(ctx, "app"); err != nil && strings.Contains(err.Error(), "mints in flight") {
					refused.Add(1)
				}
			})
		}
		callers.Wait()
		if most.Load() > mintSlots || refused.Load() != 3*mintSlots {
			t.Errorf("%d requests were in flight at once, and %d callers were turned away", most.Load(), refused.Load())
		}
		if _, err := w.mint("app"); err == nil || strings.Contains(err.Error(), "in flight") {
			t.Errorf("after that a mint is answered %v", err)
		}
	})
}

// TestHungUpCallersLeaveTheGate: at a connection that may send one request a second,
// those who hang up and ask again do not heap up before it, and whoever comes after
// them is served in his turn.
func TestHungUpCallersLeaveTheGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.configure("sandbox", "box", "app", func(c *Connection, _ *Role) { c.RequestsPerSecond = 1 })
		var sent atomic.Int64
		front := w.front
		w.front = w.serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				sent.Add(1)
			}
			front.Config.Handler.ServeHTTP(rw, r)
		}))
		w.configure("sandbox", "box", "app", func(c *Connection, _ *Role) { c.RequestsPerSecond = 1 })
		var callers sync.WaitGroup
		for range 500 {
			callers.Go(func() {
				ctx, hangUp := context.WithTimeout(context.Background(), 50*time.Millisecond)
				defer hangUp()
				_, _ = w.mintWith(ctx, "app")
			})
		}
		callers.Wait()
		time.Sleep(time.Minute)
		if most := int64(mintSlots); sent.Load() > most {
			t.Errorf("%d requests were sent for callers that are gone, want at most %d", sent.Load(), most)
		}
		began := time.Now()
		w.mustMint("app")
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("who comes after them waits %s", took)
		}
	})
}

// TestRevocationsInFlightAreBounded although their callers hang up and ask again, wave
// upon wave, at a provider that answers nothing. In the end every key is dead.
func TestRevocationsInFlightAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const keys, waves = 4 * revokeSlots, 20
		var hangs atomic.Bool
		var inFlight, most, sent atomic.Int64
		w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
			if r.Method != http.MethodDelete || !hangs.Load() {
				pass()
				return
			}
			sent.Add(1)
			n := inFlight.Add(1)
			for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			}
			time.Sleep(10 * time.Minute) // though the caller is gone
			inFlight.Add(-1)
		})
		for range keys {
			w.mustMint("app")
		}
		hangs.Store(true)
		for range waves {
			var callers sync.WaitGroup
			for _, lease := range w.held() {
				callers.Go(func() {
					ctx, hangUp := context.WithTimeout(context.Background(), 50*time.Millisecond)
					defer hangUp()
					request := w.request(logical.RevokeOperation, "")
					request.Secret = lease.secret
					_, _ = w.process.revokeLease(ctx, request, nil)
				})
			}
			callers.Wait()
			time.Sleep(time.Second)
		}
		if most.Load() > 2*revokeSlots || sent.Load() > 2*revokeSlots {
			t.Errorf("%d requests were in flight at once, of %d that were sent for %d callers", most.Load(), sent.Load(), waves*keys)
		}
		hangs.Store(false)
		time.Sleep(11 * time.Minute)
		for _, lease := range w.held() {
			w.forget(lease)
		}
		w.run(10*time.Minute, 20*time.Second)
		if alive := w.alive(); len(alive) > 0 {
			t.Errorf("%d keys are alive", len(alive))
		}
		w.nothingIsQueued()
	})
}
