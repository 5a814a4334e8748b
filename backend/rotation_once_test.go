package backend

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// TestDueIsRotatedOnce kills the leader at every step of what is due: the next
// one finishes it or does it, and does not do it again.
func TestDueIsRotatedOnce(t *testing.T) {
	run := func(t *testing.T, f fault) (*world, *rotationHistory, []string) {
		w := newWorld(t)
		history := &rotationHistory{Storage: w.storage, roots: map[string]bool{}, keys: map[string]bool{}}
		w.storage = history
		w.start(fault{})
		w.makeStatic("app", time.Hour)
		w.scheduleRoot(24 * time.Hour)
		history.forget()
		w.process.gate.arm(f)
		w.advance(24*time.Hour + time.Minute)
		w.turn()
		return w, history, w.process.gate.disarm()
	}
	_, _, steps := run(t, fault{})
	for n, step := range steps {
		for _, after := range []bool{false, true} {
			f := fault{at: n + 1, kill: true, after: after}
			t.Run(fmt.Sprintf("%s, %s", f, step), inBubble(func(t *testing.T) {
				w, history, _ := run(t, f)
				w.succeed()
				w.run(time.Hour, time.Minute)
				if roots, keys := history.counts(); roots != 1 || keys != 1 {
					t.Errorf("%d admin credentials and %d static keys were stored, want one of each", roots, keys)
				}
			}))
		}
	}
}

// rotationHistory is a storage that remembers which credentials and static keys
// were stored as those in use.
type rotationHistory struct {
	logical.Storage

	mu          sync.Mutex
	roots, keys map[string]bool
	before      int // keys that were in use when the history began
}

func (h *rotationHistory) Put(ctx context.Context, entry *logical.StorageEntry) error {
	if err := h.remember(entry); err != nil {
		return err
	}
	return h.Storage.Put(ctx, entry)
}

func (h *rotationHistory) remember(entry *logical.StorageEntry) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case strings.HasPrefix(entry.Key, connectionPrefix):
		var c Connection
		if err := json.Unmarshal(entry.Value, &c); err != nil {
			return err
		}
		h.roots[c.Fields["admin_key"].(string)] = true
	case strings.HasPrefix(entry.Key, staticKeyPrefix):
		var keys StaticKeys
		if err := json.Unmarshal(entry.Value, &keys); err != nil {
			return err
		}
		h.keys[keys.Current.RecordID] = true
	}
	return nil
}

// forget begins anew: what is stored from now on was rotated, except for a key
// that was in use, which is stored again with what its reader is told.
func (h *rotationHistory) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.roots, h.before = map[string]bool{}, len(h.keys)
}

// counts are those of what was stored since.
func (h *rotationHistory) counts() (roots, keys int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.roots), len(h.keys) - h.before
}
