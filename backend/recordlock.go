package backend

import (
	"context"
	"fmt"
	"sync"
)

// keyedLocks keep two operations off the same thing: a renewal, a revocation and
// the reaper off one key, two rotations off one credential. Each has a lock of
// its own, not a share in a fixed number of them: the lock is held while a
// provider is asked, and one that hangs must not hold up what is another's.
type keyedLocks struct {
	mu   sync.Mutex
	byID map[string]*keyedLock
}

// keyedLock is there as long as somebody holds it or waits for it.
type keyedLock struct {
	place chan struct{} // holds one
	users int
}

func newKeyedLocks() keyedLocks { return keyedLocks{byID: map[string]*keyedLock{}} }

// lock waits until nobody else holds the key's lock, or ctx ends.
func (l *keyedLocks) lock(ctx context.Context, id string) (unlock func(), err error) {
	lock := l.join(id)
	select {
	case lock.place <- struct{}{}:
	case <-ctx.Done():
		l.leave(id, lock)
		return nil, fmt.Errorf("waiting for another operation on the same thing: %w", context.Cause(ctx))
	}
	return func() {
		<-lock.place
		l.leave(id, lock)
	}, nil
}

func (l *keyedLocks) join(id string) *keyedLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock := l.byID[id]
	if lock == nil {
		lock = &keyedLock{place: make(chan struct{}, 1)}
		l.byID[id] = lock
	}
	lock.users++
	return lock
}

func (l *keyedLocks) leave(id string, lock *keyedLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock.users--
	if lock.users == 0 {
		delete(l.byID, id)
	}
}
