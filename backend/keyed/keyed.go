package keyed

import (
	"context"
	"fmt"
	"sync"
)

// Locks keep two operations off the same thing: a renewal, a revocation and
// the reaper off one key, two rotations off one credential. Each has a lock of
// its own, not a share in a fixed number of them: the lock is held while a
// provider is asked, and one that hangs must not hold up what is another's.
type Locks struct {
	mu   sync.Mutex
	byID map[string]*held
}

// held is there as long as somebody holds it or waits for it.
type held struct {
	token chan struct{} // holds one
	users int
}

// New has no lock that anybody holds.
func New() Locks { return Locks{byID: map[string]*held{}} }

// Lock waits until nobody else holds the key's lock, or ctx ends.
func (l *Locks) Lock(ctx context.Context, id string) (unlock func(), err error) {
	lock := l.join(id)
	select {
	case lock.token <- struct{}{}:
	case <-ctx.Done():
		l.leave(id, lock)
		return nil, fmt.Errorf("waiting for another operation on the same thing: %w", context.Cause(ctx))
	}
	return func() {
		<-lock.token
		l.leave(id, lock)
	}, nil
}

func (l *Locks) join(id string) *held {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock := l.byID[id]
	if lock == nil {
		lock = &held{token: make(chan struct{}, 1)}
		l.byID[id] = lock
	}
	lock.users++
	return lock
}

func (l *Locks) leave(id string, lock *held) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock.users--
	if lock.users == 0 {
		delete(l.byID, id)
	}
}
