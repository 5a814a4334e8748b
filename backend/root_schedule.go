package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/timetable"
)

// noteRootSuccess notes for the connection's readers, and the timetable, that a
// rotation's credential is stored. It may be called again.
func (e *Engine) noteRootSuccess(ctx context.Context, s logical.Storage, name string, note *rotationNote) error {
	before, err := e.rootState(ctx, s, name)
	if err != nil {
		return err
	}
	state := &RotationState{LastRotated: earlier(note.Started, e.now())}
	if before.LastRotated.Equal(state.LastRotated) && before.Failures == 0 {
		return nil
	}
	connection, err := e.Connection(ctx, s, name)
	if err != nil {
		return err
	}
	if connection != nil && connection.Schedule.Automatic() {
		if err := e.books.timetable.Set(ctx, s, rootJobPrefix+name, connection.Schedule.Next(e.now())); err != nil {
			return err
		}
	}
	if err := e.noteRootState(ctx, s, name, state); err != nil {
		return err
	}
	e.metrics.rotatedRoot(name, nil)
	e.tellOutcome(eventRootRotated, "rotate-root/"+name, nil, "name", name, "key_name", note.Name)
	e.rotations.failing.note(rootJobPrefix+name, nil)
	e.log.Info("the admin credential was rotated", "connection", name, "credential_name", note.Name)
	return nil
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// noteRootFailure keeps a failure for the connection's readers.
func (e *Engine) noteRootFailure(ctx context.Context, s logical.Storage, name string, outcome error) error {
	e.metrics.rotatedRoot(name, outcome)
	e.tellOutcome(eventRootRotated, "rotate-root/"+name, outcome, "name", name)
	e.rotations.failing.note(rootJobPrefix+name, outcome)
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
	if err := stored.Write(ctx, s, rootStatePrefix+name, state); err != nil {
		return fmt.Errorf("noting how the rotation of connection %q went: %w", name, err)
	}
	return nil
}

// urgeUnfinished has a rotation that left a note taken up again soon.
func (e *Engine) urgeUnfinished(ctx context.Context, s logical.Storage, name string) error {
	note, err := stored.Read[rotationNote](ctx, s, rotationPrefix+name)
	if note != nil {
		e.books.timetable.Urge(rootJobPrefix + name)
	}
	return err
}

// RootRotation is the state of a connection's rotation.
func (e *Engine) RootRotation(ctx context.Context, s logical.Storage, name string) (RotationState, error) {
	state, err := e.rootState(ctx, s, name)
	if err != nil {
		return RotationState{}, err
	}
	state.NextRotation = e.books.timetable.DueAt(rootJobPrefix + name)
	state.Notice = strings.Join(append(notEmpty(state.Notice), e.leftByRotations(name)...), "; ")
	return *state, nil
}

func notEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// leftByRotations are the sentences on what rotations left at the provider and an
// operator has to see to.
func (e *Engine) leftByRotations(connection string) []string {
	var left []string
	for _, entry := range e.books.queue.List() {
		switch {
		case entry.Connection != connection:
		case entry.Kind == queue.ByHand:
			left = append(left, entry.Reason)
		case entry.Kind == queue.Retire && entry.Attempts > 1:
			left = append(left, fmt.Sprintf("an admin credential that was replaced is not removed yet: %s (see queue/%s)", entry.LastError, entry.ID))
		}
	}
	return left
}

func (e *Engine) rootState(ctx context.Context, s logical.Storage, name string) (*RotationState, error) {
	state, err := stored.Read[RotationState](ctx, s, rootStatePrefix+name)
	if state == nil {
		state = &RotationState{}
	}
	return state, err
}

// scheduleRoot sets or drops a connection's rotation when it is written.
func (e *Engine) scheduleRoot(ctx context.Context, s logical.Storage, name string, before, after *Connection) error {
	key := rootJobPrefix + name
	switch {
	case !after.Schedule.Automatic():
		return e.books.timetable.Drop(ctx, s, key)
	case before != nil && before.Schedule == after.Schedule && !e.books.timetable.DueAt(key).IsZero():
		return nil
	}
	return e.books.timetable.Set(ctx, s, key, after.Schedule.Next(e.now()))
}

// runRoot is a connection's rotation by schedule, and what an interrupted one
// leaves to be done. A due time of zero asks to set it anew.
func (e *Engine) runRoot(ctx context.Context, name string, due time.Time) error {
	if err := e.mayReplace(ctx, name); err != nil {
		return err
	}
	finished, err := e.resumeInterrupted(ctx, name)
	if err != nil {
		return err
	}
	connection, err := e.Connection(ctx, e.storage, name)
	if err != nil {
		return err
	}
	key := rootJobPrefix + name
	switch {
	case connection == nil || !connection.Schedule.Automatic():
		return e.books.timetable.Drop(ctx, e.storage, key)
	case finished:
		return nil // the next time is set
	case !due.IsZero() && connection.Schedule.Missed(due, e.now()):
		return e.books.timetable.Set(ctx, e.storage, key, connection.Schedule.Next(e.now()))
	}
	last, err := e.lastRootRotation(ctx, name)
	if err != nil {
		return err
	}
	if last.IsZero() && due.IsZero() {
		last = e.now()
	}
	// A leader that died may have rotated and not come to move the timetable.
	next := connection.Schedule.Next(last)
	if e.guard.lookout.isKept(e.now()) {
		next = behindOriginal(next, last)
	}
	if !last.IsZero() && e.now().Before(next) {
		return e.books.timetable.Set(ctx, e.storage, key, next)
	}
	_, err = e.rotateRootNow(ctx, e.storage, name, RotateOptions{scheduled: true})
	return err
}

// lastRootRotation is when the credential was last rotated, zero for never. A
// clock that was ahead then must not put the next time off by as much: what lies
// in the future counts as now, from now on.
func (e *Engine) lastRootRotation(ctx context.Context, name string) (time.Time, error) {
	state, err := e.rootState(ctx, e.storage, name)
	if err != nil || !state.LastRotated.After(e.now().Add(timetable.ClockSlack)) {
		return state.LastRotated, err
	}
	state.LastRotated = e.now()
	return state.LastRotated, e.noteRootState(ctx, e.storage, name, state)
}

// forgetRotation removes all that is kept of a deleted connection's rotation.
func (e *Engine) forgetRotation(ctx context.Context, s logical.Storage, name string) error {
	e.clients.unsaved.drop(name)
	e.forgetFailures(rootJobPrefix + name)
	if err := e.dropNote(ctx, s, name); err != nil {
		return err
	}
	if err := s.Delete(ctx, rootStatePrefix+name); err != nil {
		return fmt.Errorf("forgetting the rotations of connection %q: %w", name, err)
	}
	return e.books.timetable.Drop(ctx, s, rootJobPrefix+name)
}

// findInterrupted has the rotations taken up that a former process left
// unfinished, and notes those whose last one failed.
func (e *Engine) findInterrupted(ctx context.Context, s logical.Storage) error {
	names, err := s.List(ctx, rotationPrefix)
	if err != nil {
		return fmt.Errorf("listing unfinished rotations: %w", err)
	}
	for _, name := range names {
		e.books.timetable.Urge(rootJobPrefix + name)
	}
	states, err := s.List(ctx, rootStatePrefix)
	if err != nil {
		return fmt.Errorf("listing how rotations went: %w", err)
	}
	var broken error
	for _, name := range states {
		state, err := e.rootState(ctx, s, name)
		if err := stored.UnlessUnreadable(err, &broken); err != nil {
			return err
		}
		if err == nil && state.Failures > 0 {
			e.rotations.failing.note(rootJobPrefix+name, errors.New(state.LastError))
		}
	}
	return broken
}

// resumeInterrupted takes up the rotation that a note tells of, if there is one.
// finished is true when the connection has a new credential by it.
func (e *Engine) resumeInterrupted(ctx context.Context, name string) (finished bool, err error) {
	unlock, err := e.locks.rotations.Lock(ctx, rootJobPrefix+name)
	if err != nil {
		return false, err
	}
	defer unlock()
	note, err := stored.Read[rotationNote](ctx, e.storage, rotationPrefix+name)
	if err != nil || note == nil && e.clients.unsaved.get(name) == nil {
		return false, err
	}
	connection, err := e.Connection(ctx, e.storage, name)
	if err != nil {
		return false, err
	}
	if connection == nil {
		return false, e.dropNote(ctx, e.storage, name)
	}
	bound, err := e.rebind(ctx, e.storage, name)
	if err != nil {
		return false, err
	}
	done, err := e.resumeRotation(ctx, e.storage, bound, note)
	if err != nil && !done {
		err = errors.Join(err, e.noteRootFailure(ctx, e.storage, name, err))
	}
	return done, err
}
