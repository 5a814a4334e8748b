package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/semaphore"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
)

const (
	// revokePatience is how long Vault waits for one revocation. Its workers are
	// shared by all leases of the mount, so a slow provider must not keep them;
	// the queue has more patience.
	revokePatience = 10 * time.Second
	// revokeSlots bounds how many of Vault's workers one connection may occupy,
	// and slotPatience how long a further one waits for a place.
	revokeSlots  = 32
	slotPatience = 2 * time.Second
)

// outcome is what became of a revocation.
type outcome struct {
	// queued says why the key is not known to be dead yet: it is on the queue. Nil
	// when it is dead.
	queued error
}

// revokeSoon revokes a key now if its provider proves in time that it is gone,
// and otherwise queues it. The record stays in the ledger until then. An error
// means that neither could be done for certain.
func (e *Engine) revokeSoon(ctx context.Context, s logical.Storage, r *ledger.Record, reason string) (outcome, error) {
	return e.endSoon(ctx, s, r, reason, func(ctx context.Context) error { return e.revokeRecord(ctx, s, r, e.now()) })
}

// endSoon is revokeSoon for what ends the key.
func (e *Engine) endSoon(ctx context.Context, s logical.Storage, r *ledger.Record, reason string, end func(context.Context) error) (outcome, error) {
	defer e.pending.ending.Begin(r.ID)()
	err := e.endNow(ctx, r, end)
	if err != nil {
		return e.postpone(ctx, s, r, reason, err)
	}
	return outcome{}, e.books.queue.Remove(ctx, s, r.ID)
}

// endNow is the one try that Vault waits for.
func (e *Engine) endNow(ctx context.Context, r *ledger.Record, end func(context.Context) error) error {
	if e.books.queue.Failing(r.Connection) {
		return errors.New("it could not be reached at the last tries")
	}
	slots, done := e.slots(r.Connection)
	defer done()
	if !acquireWithin(ctx, slots, slotPatience) {
		return errors.New("too many revocations are in flight")
	}
	defer slots.Release(1)
	// The try outlives a caller that hangs up: what was sent is under way at the
	// provider all the same, and who asks again must not send more and more of it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), revokePatience)
	defer cancel()
	err := end(ctx)
	e.books.queue.Observe(r.Connection, r.ID, err)
	return err
}

// postpone queues a revocation and says why it is not done.
//
//life:ending queued, the provider does not answer
func (e *Engine) postpone(ctx context.Context, s logical.Storage, r *ledger.Record, reason string, cause error) (outcome, error) {
	cause = fmt.Errorf("revoking the key at connection %q: %w", r.Connection, cause)
	entry := queue.Entry{ID: r.ID, Kind: queue.Revoke, Connection: r.Connection, Role: r.Role, KeyName: r.Handle.Name, Reason: reason}
	if r.Unrecorded {
		entry.Handle, entry.ExpiresAt, entry.MadeAt = &r.Handle, r.ExpiresAt, r.IssuedAt
		entry.SetOrigin(r.Origin())
	}
	if !e.books.queue.Noted(r.ID) {
		if err := e.enqueue(context.WithoutCancel(ctx), s, entry, false); err != nil {
			return outcome{}, fmt.Errorf("%w; it could not be queued either: %w", cause, err)
		}
		e.triggerQueue()
	}
	return outcome{queued: fmt.Errorf("%w; it is queued and retried until the provider confirms (see queue/%s)", cause, r.ID)}, nil
}

// slots are a connection's places among Vault's revocation workers, until done.
func (e *Engine) slots(connection string) (slots *semaphore.Weighted, done func()) {
	one, done := e.locks.revokeSlots.Use(connection, func(slots **semaphore.Weighted) { *slots = semaphore.NewWeighted(revokeSlots) })
	return *one, done
}

// acquireWithin takes a place, and reports false where none is free in that time.
func acquireWithin(ctx context.Context, slots *semaphore.Weighted, patience time.Duration) bool {
	if slots.TryAcquire(1) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return slots.Acquire(ctx, 1) == nil
}

// revokeRecord revokes the key with this id and name and removes its record from
// the ledger. It is idempotent: a key whose record is gone is dead, unless its
// lease says that there should be one. since is when the revocation was first
// asked for.
//
//life:ending gone, once the provider said that it is gone
func (e *Engine) revokeRecord(ctx context.Context, s logical.Storage, key *ledger.Record, since time.Time) error {
	unlock, err := e.locks.records.Lock(ctx, key.ID)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := ledger.GetNamed(ctx, s, key.ID, key.Handle.Name)
	if err != nil {
		return err
	}
	switch {
	case r != nil:
		return e.endKey(ctx, s, r, since)
	case key.Unrecorded:
		return e.endKey(ctx, s, key, since)
	}
	return nil
}

// endKey is revokeRecord for a caller that holds the record's lock, and has read it
// or found that there is none since it does.
func (e *Engine) endKey(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) error {
	if reused, err := e.isReused(ctx, s, r, since); err != nil || reused {
		return err
	}
	if r.InPlace {
		unlock, err := e.locks.targets.Lock(ctx, e.targetInPlace(r))
		if err != nil {
			return err
		}
		defer unlock() // nothing takes its place while it is ended
		if replaced, err := e.replacedInPlace(ctx, s, r); err != nil || replaced {
			return err
		}
	}
	other, err := e.sharedAtEnd(ctx, s, r, since)
	if err == nil && other != "" {
		other, err = e.leaveTo(ctx, s, r, since)
	}
	if err == nil && other == "" {
		err = e.endAtProvider(ctx, s, r, since)
	}
	e.metrics.revoked(r, err)
	e.tellRevoked(r, err)
	if err != nil {
		return err
	}
	if other != "" {
		e.log.Warn("a key ended that the provider does not tell from another one, which lives on", "connection", r.Connection, "key_name", r.Handle.Name, "other", other)
	}
	if !r.Unrecorded && other == "" {
		err = e.forget(ctx, s, r, "")
	}
	if err == nil {
		e.pending.ended.add(r.ID + r.Handle.Name)
	}
	return err
}

// isReused reports whether the id of a key that may have ended before is another one's by
// now, as some providers use the ids of deleted keys again: then nothing is to be ended,
// and the record has gone.
func (e *Engine) isReused(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (bool, error) {
	if r.Unrecorded {
		if held, err := e.idOfAnother(ctx, s, r); err != nil || held {
			return held, err
		}
	}
	ended := r.Unrecorded || e.mayHaveEnded(ctx, s, r)
	if r.Misnamed || !ended && !e.mayHaveBeenTried(r, since) {
		return false, nil
	}
	named, err := e.isAnothersByNow(ctx, s, r, since)
	if err != nil || !named || r.Unrecorded {
		return named, err
	}
	if !ended {
		if renamed, err := e.isRenamed(ctx, s, r); err != nil || renamed {
			return false, err
		}
	}
	e.log.Info("a key had ended before its lease did, and its id is another one's by now", "connection", r.Connection, "key_name", r.Handle.Name)
	// Should the answer have told another's id, the key is found by its own name.
	return true, e.forget(ctx, s, r, "what bears another name")
}

// mayHaveEnded reports whether something has ended the key before: its provider at its
// time, the end of the admin credential that made it, or a deletion that this process was
// told of.
func (e *Engine) mayHaveEnded(ctx context.Context, s logical.Storage, r *ledger.Record) bool {
	if r.InPlace {
		return false // its place has no other name
	}
	if r.Ended || r.HasEnded(e.now(), 0) || !e.pending.deletions.since(deletionOfKey(r)).IsZero() {
		return true
	}
	if r.Credential == "" {
		return false
	}
	bound, err := e.bound(ctx, s, r.Connection)
	return err != nil || bound.credential != r.Credential
}

// mayHaveBeenTried reports whether the key's end may have been tried before: an earlier
// process was asked for it, or its time is over, at which Vault asks for it. A process that
// was demoted or died meanwhile could not remove the record.
func (e *Engine) mayHaveBeenTried(r *ledger.Record, since time.Time) bool {
	return !r.InPlace && (e.now().Sub(since) > e.clock.running() || e.books.overdue.is(r, e.now()))
}

// leaveTo leaves a key to whoever else has it, and says who that is: the record goes,
// and nothing at the provider does. Nobody has it any more where other is empty. Of
// two that end at once one comes first, lest each leave the key to the other.
func (e *Engine) leaveTo(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) (other string, err error) {
	unlock, err := e.lockTargets(ctx, r)
	if err != nil {
		return "", err
	}
	defer unlock()
	other, err = e.sharedAtEnd(ctx, s, r, since)
	if err != nil || other == "" || r.Unrecorded {
		return other, err
	}
	return other, e.forget(ctx, s, r, other)
}

// forget removes the record of a key that is gone, or that is left to whoever else has
// it: other says who that is.
func (e *Engine) forget(ctx context.Context, s logical.Storage, r *ledger.Record, other string) error {
	if err := e.seekOwn(ctx, s, r, other); err != nil {
		return err
	}
	return e.books.ledger.Delete(context.WithoutCancel(ctx), s, r)
}

// revokeUndelivered revokes a key in the ledger that nobody received. Its error says
// that the key may not be dead yet.
func (e *Engine) revokeUndelivered(ctx context.Context, s logical.Storage, r *ledger.Record) error {
	done, err := e.revokeSoon(context.WithoutCancel(ctx), s, r, "nobody received the key")
	return errors.Join(err, done.queued)
}
