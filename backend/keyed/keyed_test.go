package keyed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
)

// TestRecordLocksAreOfOneKey: a held lock holds up nobody but those who want
// the same key, and those only as long as they can wait.
func TestRecordLocksAreOfOneKey(t *testing.T) {
	locks := New()
	hold := func(id string) (unlock func()) {
		t.Helper()
		unlock, err := locks.Lock(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return unlock
	}
	release := hold("held")
	for n := range 10000 { // far more than any number of shared locks
		hold(fmt.Sprint(n))()
	}
	impatient, giveUp := context.WithCancel(t.Context())
	giveUp()
	if _, err := locks.Lock(impatient, "held"); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for a held lock ended with %v, want %v", err, context.Canceled)
	}
	release()
	hold("held")()
	if len(locks.byID) > 0 {
		t.Errorf("%d locks are left that nobody holds", len(locks.byID))
	}
}

func TestRecordLocksExclude(t *testing.T) {
	locks := New()
	holders := 0 // guarded by the lock alone, as the race detector sees
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for range 100 {
				unlock, err := locks.Lock(t.Context(), "key")
				if err != nil {
					t.Error(err)
					return
				}
				if holders++; holders != 1 {
					t.Errorf("%d hold the lock at once", holders)
				}
				holders--
				unlock()
			}
		})
	}
	callers.Wait()
}
