package backend

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/providers"
)

// TestTakeOverIsTriedAgain: storage fails while Vault starts the mount, and Vault
// never asks a second time.
func TestTakeOverIsTriedAgain(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		lease := w.mustMint("app")
		w.front.Close() // so that the revocation is queued
		if err := w.revoke(lease); err == nil {
			t.Fatal("the key was revoked with the provider away")
		}
		w.makeTimetable(map[string]time.Time{"static/a": w.time().Add(time.Hour)})
		w.process.gate.kill()

		storage := &refusingStorage{Storage: w.storage}
		storage.refuses.Store(true)
		config := logical.TestBackendConfig()
		config.StorageView = storage
		config.Config = map[string]string{"tick_interval": "10ms"}
		e, err := newEngine(config, func(*Engine) []*framework.Path { return nil }, Options{})
		w.must(err)
		w.must(e.Setup(context.Background(), config))
		t.Cleanup(func() { e.Cleanup(context.Background()) })
		if err := e.Initialize(context.Background(), &logical.InitializationRequest{Storage: storage}); err == nil {
			t.Error("nobody is told that the mount could not be taken over")
		}
		storage.refuses.Store(false)
		eventually(t, func() bool {
			return len(e.Queue()) == 1 && !e.books.timetable.DueAt("static/a").IsZero() && len(e.pending.recoveries.names()) == 1
		})
	})(t)
}

// TestUnreadableEntriesKeepNobodyFromWork: of each kind of entry that a start
// reads, one is broken.
func TestUnreadableEntriesKeepNobodyFromWork(t *testing.T) {
	w := newWorld(t)
	lease := w.mustMint("app")
	for _, id := range []string{"one", "another"} {
		w.process.books.queue.Observe("box", id, &providers.Error{Kind: providers.Unreachable})
	}
	if err := w.revoke(lease); err == nil {
		t.Fatal("the key was revoked, and should have been queued")
	}
	w.makeTimetable(map[string]time.Time{"static/a": w.time().Add(time.Hour)})
	for path, text := range map[string]string{
		queue.Prefix + "broken": "{broken", timetable.Prefix + "zz": "{broken", marks.Prefix + "box/broken": "{broken",
		queue.Prefix + "empty": "{}", marks.Prefix + "box/empty": "null",
	} {
		w.must(w.storage.Put(context.Background(), &logical.StorageEntry{Key: path, Value: []byte(text)}))
	}
	w.start(fault{})
	if left := len(w.process.pending.loading.steps); left > 0 {
		t.Errorf("%d steps of taking over are left", left)
	}
	if due := w.process.books.timetable.DueAt("static/a"); due.IsZero() {
		t.Error("the timetable is lost")
	}
	if dirty := w.process.pending.recoveries.names(); len(dirty) != 1 {
		t.Errorf("the connections found dirty are %v", dirty)
	}
	w.run(5*time.Minute, 20*time.Second)
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive: %v", alive)
	}
}

// TestTimetableIsReadBeforeItIsWritten, even when a start could not read it.
func TestTimetableIsReadBeforeItIsWritten(t *testing.T) {
	w := newWorld(t)
	const first = "static/first"
	second := sharing(first)
	later := w.time().Add(time.Hour)
	w.makeTimetable(map[string]time.Time{first: later})
	fresh := timetable.New(w.time)
	w.must(fresh.Set(context.Background(), w.storage, second, later))
	w.must(fresh.Load(context.Background(), w.storage))
	for _, key := range []string{first, second} {
		if due := fresh.DueAt(key); !due.Equal(later) {
			t.Errorf("%s is due at %s, want %s", key, due, later)
		}
	}
	stored, err := stored.Read[map[string]any](context.Background(), w.storage, timetable.Prefix+timetable.ShardOf(first))
	if err != nil || len(*stored) != 2 {
		t.Errorf("the timetable holds %v, %v", stored, err)
	}
}

// sharing is another job in the same entry of the timetable.
func sharing(key string) string {
	for n := 0; ; n++ {
		other := fmt.Sprintf("static/other-%d", n)
		if timetable.ShardOf(other) == timetable.ShardOf(key) {
			return other
		}
	}
}

// makeTimetable writes jobs as a former process left them.
func (w *world) makeTimetable(due map[string]time.Time) {
	w.t.Helper()
	former := timetable.New(w.time)
	for key, at := range due {
		w.must(former.Set(context.Background(), w.storage, key, at))
	}
}

// refusingStorage fails every read while it refuses.
type refusingStorage struct {
	logical.Storage
	refuses atomic.Bool
}

var errRefused = errors.New("storage is away")

func (s *refusingStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	if s.refuses.Load() {
		return nil, errRefused
	}
	return s.Storage.Get(ctx, key)
}

func (s *refusingStorage) List(ctx context.Context, prefix string) ([]string, error) {
	if s.refuses.Load() {
		return nil, errRefused
	}
	return s.Storage.List(ctx, prefix)
}
