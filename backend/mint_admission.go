package backend

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"golang.org/x/sync/semaphore"

	"vault-plugin-secrets-apikeys/backend/keyed"
)

// mintSlots bounds the mints in flight per connection. A mint goes on when its
// caller hangs up, so callers that do and ask again would else heap up requests at
// a provider that hangs.
const mintSlots = 64

// admissions let mints and changes of their connection come one after the other:
// a mint is in flight before a change looks for what is, or begins with the
// connection as it is after the change.
type admissions struct{ byConnection keyed.Shared[admission] }

type admission struct {
	// starting is held for a moment by a mint that begins, and by a change for as long
	// as it looks and stores; by neither while a provider is asked.
	starting sync.RWMutex
	slots    *semaphore.Weighted
}

// of is a connection's admission until done.
func (a *admissions) of(connection string) (one *admission, done func()) {
	return a.byConnection.Use(connection, func(one *admission) { one.slots = semaphore.NewWeighted(mintSlots) })
}

// change keeps mints of a connection from beginning until done is called.
func (a *admissions) change(connection string) (done func()) {
	one, leave := a.of(connection)
	one.starting.Lock()
	return func() {
		one.starting.Unlock()
		leave()
	}
}

// start lets a mint begin, when no change of its connection is under way, until done is
// called.
func (a *admissions) start(connection string) (done func()) {
	one, leave := a.of(connection)
	one.starting.RLock()
	return func() {
		one.starting.RUnlock()
		leave()
	}
}

// slot waits for a place among a connection's mints in flight until the caller
// hangs up.
func (a *admissions) slot(ctx context.Context, connection string) (release func(), err error) {
	one, leave := a.of(connection)
	if err := one.slots.Acquire(ctx, 1); err != nil {
		leave()
		return nil, fmt.Errorf("connection %q has %d mints in flight, and the caller went away before one of them ended; try again later", connection, mintSlots)
	}
	return func() {
		one.slots.Release(1)
		leave()
	}, nil
}

// alone waits until no mint of the connection is in flight, and keeps others from
// beginning until release is called. It comes before the lock of rotations, as a mint's
// place does.
func (a *admissions) alone(ctx context.Context, connection string) (release func(), err error) {
	one, leave := a.of(connection)
	if err := one.slots.Acquire(ctx, mintSlots); err != nil {
		leave()
		return nil, fmt.Errorf("mints of connection %q are in flight, and none may be while its admin credential is replaced; try again later: %w", connection, err)
	}
	return func() {
		one.slots.Release(mintSlots)
		leave()
	}, nil
}

// errReplan means that a connection was changed after a mint was planned and
// before it began.
var errReplan = errors.New("the connection was changed in that very moment; try again")

// mostPlans bounds how often a mint is planned anew.
const mostPlans = 5
