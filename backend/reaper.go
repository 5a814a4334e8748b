package backend

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// reaperGrace keeps the reaper off after a start, when Vault itself comes to the
// leases that ended meanwhile.
const reaperGrace = deadlineMargin

// overdue judges which keys are past their deadline. One that was set in the
// future was set while a clock was ahead, and is as far off: such a key lives for
// as long as it was to live then, from when the deadline was first seen.
type overdue struct {
	mu        sync.Mutex
	firstSeen map[string]firstSeenDeadline // by record id
}

type firstSeenDeadline struct{ deadline, at time.Time }

func (o *overdue) is(r *ledger.Record, now time.Time) bool { return !now.Before(o.at(r, now)) }

// at is when the key is past its deadline, or, where a clock was wrong, when that
// is to be asked again.
func (o *overdue) at(r *ledger.Record, now time.Time) time.Time {
	set := r.DeadlineSetAt()
	if !now.Before(r.Deadline) || set.Sub(now) < sooner || r.Deadline.Before(set) {
		return r.Deadline // one before it was set is of two clocks, and tells no life
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.firstSeen == nil {
		o.firstSeen = map[string]firstSeenDeadline{}
	}
	seen := o.firstSeen[r.ID]
	if !seen.deadline.Equal(r.Deadline) {
		seen = firstSeenDeadline{r.Deadline, now}
		o.firstSeen[r.ID] = seen
	}
	return seen.at.Add(r.Deadline.Sub(set))
}

// forgetGone drops what was seen of records that there are no more.
func (o *overdue) forgetGone(isThere func(id string) bool) {
	o.mu.Lock()
	ids := slices.Collect(maps.Keys(o.firstSeen))
	o.mu.Unlock()
	gone := slices.DeleteFunc(ids, isThere) // which takes a lock of its own
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range gone {
		delete(o.firstSeen, id)
	}
}

// sooner is how far ahead a time may be without the clock having been wrong.
const sooner = time.Minute

// reapAgain is when the reaper comes back to a key that it could not end.
const reapAgain = 4 * time.Minute

// reapDue looks at the records that are due. One that cannot be read does not keep
// it from the others; the first error is returned.
func (e *Engine) reapDue(ctx context.Context) error {
	var first error
	for _, id := range e.books.ledger.Due(e.now(), readAtOnce) {
		if err := e.lookAtRecord(ctx, id); first == nil {
			first = err
		}
	}
	return first
}

// lookAtRecord reaps a key that is past its deadline, and otherwise comes back to
// it when it is.
func (e *Engine) lookAtRecord(ctx context.Context, id string) error {
	r, err := ledger.Get(ctx, e.storage, id)
	now := e.now()
	switch {
	case errors.Is(err, stored.ErrUnreadable):
		e.books.ledger.Damage(id)
		return err
	case err != nil:
		return err
	case r == nil:
		e.books.ledger.DropDue(id, now)
		return nil
	case !e.books.overdue.is(r, now):
		e.books.ledger.LookAt(id, e.books.overdue.at(r, now))
		return nil
	}
	if left := reaperGrace - e.clock.running(); left > 0 {
		e.books.ledger.LookAt(id, now.Add(left))
		return nil
	}
	e.books.ledger.LookAt(id, now.Add(reapAgain))
	return e.reap(ctx, r)
}

// reap queues a key that is past its deadline, unless a static role holds it.
//
//life:recorded ending, past its deadline
func (e *Engine) reap(ctx context.Context, r *ledger.Record) error {
	if e.passive() {
		return nil
	}
	held, err := e.heldByStaticRole(ctx, r)
	if err != nil || held {
		return err
	}
	e.enqueueUnstored(queue.Entry{
		ID:         r.ID,
		Kind:       queue.Revoke,
		Connection: r.Connection,
		Role:       r.Role,
		KeyName:    r.Handle.Name,
		Reason:     "it is past its deadline",
	})
	return nil
}
