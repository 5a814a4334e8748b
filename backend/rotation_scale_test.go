package backend

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/timetable"
)

// TestTenThousandStaticRoles is what many static roles cost at start-up, in a
// tick with nothing due, and in one with a hundred due.
func TestTenThousandStaticRoles(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes 10,000 keys, which -short leaves out")
	}
	const roles, due, timetable = 10_000, 100, 256
	ctx := context.Background()
	w := newWorld(t)
	storage := &countingStorage{Storage: w.storage}
	w.storage = storage
	w.start(fault{})

	began := time.Now()
	w.makeStaticRoles(roles, due)
	t.Logf("creating %d static roles took %s", roles, time.Since(began).Round(time.Millisecond))

	storage.reset()
	began = time.Now()
	w.start(fault{})
	t.Logf("start-up: %s, storage: %s", time.Since(began).Round(time.Microsecond), storage)
	if n := storage.count("GET timetable/"); n == 0 || n > timetable {
		t.Errorf("start-up read %d entries of the timetable, want at most %d", n, timetable)
	}
	for _, unread := range []string{"static-role/", "static-key/", ledger.Prefix} {
		if n := storage.count("GET "+unread) + storage.count("LIST "+unread); n > 0 {
			t.Errorf("start-up went to %s %d times", unread, n)
		}
	}
	if n := storage.count("PUT ") + storage.count("DELETE "); n != 1 || storage.count("PUT ownership") != 1 {
		t.Errorf("start-up wrote %d times, want its signature alone: %s", n, storage)
	}

	storage.reset()
	began = time.Now()
	w.process.startRotations(ctx)
	w.process.waitBackground()
	t.Logf("a tick with nothing due: %s, storage: %s", time.Since(began).Round(time.Microsecond), storage)
	if n := storage.count(""); n > 0 {
		t.Errorf("a tick with nothing due went to storage %d times: %s", n, storage)
	}
	// What the process before left is read once, so much at a time.
	for ticks := 0; w.process.books.ledger.Rounds() == 0; ticks++ {
		storage.reset()
		w.process.tick(ctx)
		if n := storage.count("GET ledger/") + storage.count("GET sealed-ledger/"); n > readAtOnce || ticks > 2*roles/readAtOnce {
			t.Fatalf("the ledger is not read after %d ticks, of which the last took %s", ticks+1, storage)
		}
	}

	w.advance(24 * time.Hour)
	storage.reset()
	issued := w.sandbox.State().Counters.Issued
	began = time.Now()
	w.process.startRotations(ctx)
	w.process.waitBackground()
	t.Logf("a tick with %d due: %s, storage: %s", due, time.Since(began).Round(time.Millisecond), storage)
	if n := w.sandbox.State().Counters.Issued - issued; n != due {
		t.Errorf("%d roles were rotated, want %d", n, due)
	}
	if n := storage.count("GET static-role/"); n > due {
		t.Errorf("%d roles were read, want the %d due", n, due)
	}
	if n := storage.count(""); n > 20*due {
		t.Errorf("%d rotations took %d storage operations: %s", due, n, storage)
	}
	if alive := len(w.alive()); alive != roles {
		t.Errorf("%d keys are alive, want one for each of the %d roles", alive, roles)
	}
	storage.reset()
	w.process.startRotations(ctx)
	w.process.waitBackground()
	if n := storage.count(""); n > 0 {
		t.Errorf("after the rotations the next tick went to storage %d times: %s", n, storage)
	}
}

// makeStaticRoles makes so many, of which the first batch is due in 24 hours,
// the next an hour later, and so on.
func (w *world) makeStaticRoles(roles, batch int) {
	w.t.Helper()
	numbers := make(chan int)
	var making sync.WaitGroup
	for range 4 {
		making.Go(func() {
			for n := range numbers {
				r := staticRole(0)
				r.Schedule = timetable.Schedule{Period: 24*time.Hour + time.Duration(n/batch)*time.Hour}
				if err := w.process.SaveStaticRole(context.Background(), w.process.storage, fmt.Sprintf("app-%05d", n), r); err != nil {
					w.t.Errorf("making a static role: %s", err)
				}
			}
		})
	}
	for n := range roles {
		numbers <- n
	}
	close(numbers)
	making.Wait()
}

// countingStorage counts what is asked of it, by operation and first part of
// the path.
type countingStorage struct {
	logical.Storage

	mu     sync.Mutex
	counts map[string]int
}

func (s *countingStorage) Get(ctx context.Context, key string) (*logical.StorageEntry, error) {
	s.add("GET", key)
	return s.Storage.Get(ctx, key)
}

func (s *countingStorage) List(ctx context.Context, prefix string) ([]string, error) {
	s.add("LIST", prefix)
	return s.Storage.List(ctx, prefix)
}

func (s *countingStorage) Put(ctx context.Context, entry *logical.StorageEntry) error {
	s.add("PUT", entry.Key)
	return s.Storage.Put(ctx, entry)
}

func (s *countingStorage) Delete(ctx context.Context, key string) error {
	s.add("DELETE", key)
	return s.Storage.Delete(ctx, key)
}

func (s *countingStorage) add(operation, path string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counts == nil {
		s.counts = map[string]int{}
	}
	first, _, _ := strings.Cut(path, "/")
	s.counts[operation+" "+first+"/"]++
}

func (s *countingStorage) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts = nil
}

// count is how many operations begin so; "" is all of them.
func (s *countingStorage) count(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	total := 0
	for operation, n := range s.counts {
		if strings.HasPrefix(operation, prefix) {
			total += n
		}
	}
	return total
}

func (s *countingStorage) String() string {
	total := s.count("")
	s.mu.Lock()
	defer s.mu.Unlock()
	return fmt.Sprintf("%d operations %v", total, maps.Clone(s.counts))
}
