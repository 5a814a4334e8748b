package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

// noteRootRotation sets the next time, or keeps a failure for the connection's
// readers.
func (e *Engine) noteRootRotation(ctx context.Context, s logical.Storage, name string, outcome error) error {
	e.metrics.rotated(rootKind, outcome)
	if outcome != nil {
		return e.noteRootFailure(ctx, s, name, outcome)
	}
	connection, err := e.Connection(ctx, s, name)
	if err != nil || connection == nil || !connection.Schedule.automatic() {
		return err
	}
	return e.scheduler.set(ctx, s, rootJobPrefix+name, connection.Schedule.next(e.now()))
}

func (e *Engine) noteRootFailure(ctx context.Context, s logical.Storage, name string, outcome error) error {
	state, err := e.rootState(ctx, s, name)
	if err != nil {
		return err
	}
	if err := e.urgeUnfinished(ctx, s, name); err != nil {
		return err
	}
	state.failed(outcome, e.now())
	return e.noteRootState(ctx, s, name, state)
}

func (e *Engine) noteRootState(ctx context.Context, s logical.Storage, name string, state *RotationState) error {
	if err := write(ctx, s, rootStatePrefix+name, state); err != nil {
		return fmt.Errorf("noting how the rotation of connection %q went: %w", name, err)
	}
	return nil
}

// urgeUnfinished has a rotation that left a note taken up again soon.
func (e *Engine) urgeUnfinished(ctx context.Context, s logical.Storage, name string) error {
	note, err := read[rotationNote](ctx, s, rotationPrefix+name)
	if note != nil {
		e.scheduler.urge(rootJobPrefix + name)
	}
	return err
}

// RootRotation is the state of a connection's rotation.
func (e *Engine) RootRotation(ctx context.Context, s logical.Storage, name string) (RotationState, error) {
	state, err := e.rootState(ctx, s, name)
	if err != nil {
		return RotationState{}, err
	}
	state.NextRotation = e.scheduler.dueAt(rootJobPrefix + name)
	return *state, nil
}

func (e *Engine) rootState(ctx context.Context, s logical.Storage, name string) (*RotationState, error) {
	state, err := read[RotationState](ctx, s, rootStatePrefix+name)
	if state == nil {
		state = &RotationState{}
	}
	return state, err
}

// scheduleRoot sets or drops a connection's rotation when it is written.
func (e *Engine) scheduleRoot(ctx context.Context, s logical.Storage, name string, before, after *Connection) error {
	key := rootJobPrefix + name
	switch {
	case !after.Schedule.automatic():
		return e.scheduler.drop(ctx, s, key)
	case before != nil && before.Schedule == after.Schedule && !e.scheduler.dueAt(key).IsZero():
		return nil
	}
	return e.scheduler.set(ctx, s, key, after.Schedule.next(e.now()))
}

// runRoot is a connection's rotation by schedule, and what an interrupted one
// leaves to be done.
func (e *Engine) runRoot(ctx context.Context, name string, due time.Time) error {
	connection, err := e.Connection(ctx, e.storage, name)
	if err != nil {
		return err
	}
	finished, err := e.resumeInterrupted(ctx, name, connection)
	if err != nil {
		return err
	}
	key := rootJobPrefix + name
	switch {
	case connection == nil || !connection.Schedule.automatic():
		return e.scheduler.drop(ctx, e.storage, key)
	case finished:
		return nil // the next time is set
	case connection.Schedule.missed(due, e.now()):
		return e.scheduler.set(ctx, e.storage, key, connection.Schedule.next(e.now()))
	}
	state, err := e.rootState(ctx, e.storage, name)
	if err != nil {
		return err
	}
	// A leader that died may have rotated and not come to move the timetable.
	if next := connection.Schedule.next(state.LastRotated); !state.LastRotated.IsZero() && e.now().Before(next) {
		return e.scheduler.set(ctx, e.storage, key, next)
	}
	return e.RotateRoot(ctx, e.storage, name)
}

// forgetRotation removes all that is kept of a deleted connection's rotation.
func (e *Engine) forgetRotation(ctx context.Context, s logical.Storage, name string) error {
	e.unsaved.drop(name)
	if err := e.dropNote(ctx, s, name); err != nil {
		return err
	}
	if err := s.Delete(ctx, rootStatePrefix+name); err != nil {
		return fmt.Errorf("forgetting the rotations of connection %q: %w", name, err)
	}
	return e.scheduler.drop(ctx, s, rootJobPrefix+name)
}

// findInterrupted has the rotations taken up that a former process left
// unfinished.
func (e *Engine) findInterrupted(ctx context.Context, s logical.Storage) error {
	names, err := s.List(ctx, rotationPrefix)
	if err != nil {
		return fmt.Errorf("listing unfinished rotations: %w", err)
	}
	for _, name := range names {
		e.scheduler.urge(rootJobPrefix + name)
	}
	return nil
}

// resumeInterrupted takes up the rotation that a note tells of, if there is one.
// finished is true when the connection has its new credential.
func (e *Engine) resumeInterrupted(ctx context.Context, name string, connection *Connection) (finished bool, err error) {
	unlock, err := e.rotationLocks.lock(ctx, rootJobPrefix+name)
	if err != nil {
		return false, err
	}
	defer unlock()
	note, err := read[rotationNote](ctx, e.storage, rotationPrefix+name)
	if err != nil || note == nil {
		return false, err
	}
	if connection == nil {
		return false, e.dropNote(ctx, e.storage, name)
	}
	site, err := e.site(ctx, e.storage, name)
	if err != nil {
		return false, err
	}
	finished, err = e.resumeRotation(ctx, e.storage, site, note)
	if finished || err != nil {
		err = errors.Join(err, e.noteRootRotation(ctx, e.storage, name, err))
	}
	return finished, err
}
