package backend

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// calls are what the engine asked of Vault: each is a round trip from the plugin's
// process to Vault's.
type calls struct {
	mu   sync.Mutex
	made []string
}

func (c *calls) note(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made = append(c.made, what)
}

// since are the calls since the last time that they were asked for.
func (c *calls) since() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	made := c.made
	c.made = nil
	return made
}

// countedStorage notes each call, by its kind and the prefix that it is for.
type countedStorage struct {
	logical.Storage
	calls *calls
}

func (s countedStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	s.calls.note("GET " + prefixOf(key))
	return s.Storage.Get(ctx, key)
}

func (s countedStorage) List(ctx context.Context, prefix string) ([]string, error) {
	s.calls.note("LIST " + prefixOf(prefix))
	return s.Storage.List(ctx, prefix)
}

func (s countedStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	s.calls.note("PUT " + prefixOf(entry.Key))
	return s.Storage.Put(ctx, entry)
}

func (s countedStorage) Delete(ctx context.Context, key string) error {
	s.calls.note("DELETE " + prefixOf(key))
	return s.Storage.Delete(ctx, key)
}

func prefixOf(path string) string {
	prefix, _, _ := strings.Cut(path, "/")
	return prefix
}

// countedView notes what is asked of Vault beside storage.
type countedView struct {
	logical.SystemView
	calls *calls
}

func (v countedView) DefaultLeaseTTL() time.Duration {
	v.calls.note("default TTL")
	return v.SystemView.DefaultLeaseTTL()
}

func (v countedView) MaxLeaseTTL() time.Duration {
	v.calls.note("max TTL")
	return v.SystemView.MaxLeaseTTL()
}

// countedSender notes each event.
type countedSender struct{ calls *calls }

func (s countedSender) SendEvent(_ context.Context, kind logical.EventType, _ *logical.EventData) error {
	s.calls.note("event " + string(kind))
	return nil
}

// TestCallsToVault: what a key's life costs in calls to Vault, once the engine has
// been at work for a moment. They are most of what the engine adds to the
// provider's own time. Only the Enterprise edition is told of events.
func TestCallsToVault(t *testing.T) {
	for _, test := range []struct {
		name string
		act  func(w *world, lease *heldLease) error
		want []string
		told []string
	}{
		{"a mint", func(w *world, _ *heldLease) error {
			_, err := w.mint("app")
			return err
		}, []string{"PUT ledger"}, []string{"event apikeys/creds-create"}},
		{"a renewal", func(w *world, lease *heldLease) error { return w.renew(lease, time.Minute) },
			[]string{"GET ledger", "max TTL", "PUT ledger"}, nil},
		{"a renewal that extends the key at its provider", func(w *world, lease *heldLease) error { return w.renew(lease, 2*time.Hour) },
			// What is asked for is on disk before that, since the answer may be lost.
			[]string{"GET ledger", "max TTL", "PUT ledger", "PUT ledger"}, nil},
		{"a revocation", (*world).revoke,
			[]string{"DELETE ledger"}, []string{"event apikeys/creds-revoke"}},
		{"a revocation, nothing having been written for a while", func(w *world, lease *heldLease) error {
			w.advance(2 * time.Second)
			return w.revoke(lease)
		}, []string{"GET ledger", "DELETE ledger"}, []string{"event apikeys/creds-revoke"}},
	} {
		for edition, want := range map[string][]string{"": test.want, "ent": slices.Concat(test.want, test.told)} {
			t.Run(test.name+", edition "+strconv.Quote(edition), inBubble(func(t *testing.T) {
				w := newWorld(t)
				w.edition = &logical.PluginEnvironment{VaultVersion: "1.21.0", VaultVersionMetadata: edition}
				seen := w.count()
				lease := w.mustMint("app")
				w.turn()
				w.mustMint("app")
				w.deliverAll()
				seen.since()
				if err := test.act(w, lease); err != nil {
					t.Fatal(err)
				}
				w.deliverAll()
				if got := seen.since(); !slices.Equal(got, want) {
					t.Errorf("asked Vault for %q, want %q", got, want)
				}
			}))
		}
	}
}

// count has every call to Vault noted from now on, by a process of its own.
func (w *world) count() *calls {
	w.t.Helper()
	w.calls = &calls{}
	w.startAlone()
	return w.calls
}
