package backend

import (
	"context"
	"errors"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/retry"
)

// processQueueEntry carries out one queue entry; on success the entry is off the queue.
//
//life:queued ending, with back-off, for days
func (e *Engine) processQueueEntry(ctx context.Context, entry queue.Entry) error {
	ctx, cancel := context.WithTimeout(ctx, e.entryTimeout(ctx, &entry))
	defer cancel()
	done := true
	var err error
	switch entry.Kind {
	case queue.Revoke:
		err = e.processRevocation(ctx, entry)
	case queue.Retire:
		err = e.retireQueued(ctx, entry)
	case queue.ByHand, queue.Crash:
		err = e.processByHand(entry)
	case queue.Missing:
		err = e.lookForMissing(ctx, &entry)
	default:
		done, err = e.cleanUp(ctx, entry)
	}
	if err != nil {
		return err
	}
	if !done {
		return e.stillUnknown(&entry)
	}
	if err := e.books.queue.Remove(context.WithoutCancel(ctx), e.storage, entry.ID); err != nil {
		return err
	}
	e.books.marks.End(entry.Connection, entry.KeyName)
	e.tellQueue(eventQueueDone, &entry)
	return nil
}

// errStillUnknown keeps an entry on the queue of which nothing was found yet.
var errStillUnknown = errors.New("no such key is listed so far; it is looked for once more before that is believed")

// stillUnknown keeps an entry on the queue of which nothing was found yet. Asking every
// few seconds until the moment from which that is believed proves nothing, so the pauses
// grow with the time that it has been looked for; where a clock that was ahead put that
// moment off for long, they are the longest at once.
func (e *Engine) stillUnknown(entry *queue.Entry) error {
	left, pause := entry.TrustAbsenceAfter.Sub(e.now()), e.now().Sub(entry.Since)/4
	switch {
	case left > retry.LongestRefused:
		return &unproven{reason: errStillUnknown.Error()}
	case left > 0 && pause > retry.LongestUnreachable:
		return &unproven{reason: errStillUnknown.Error(), until: e.now().Add(min(left, pause))}
	}
	return errStillUnknown
}

// processRevocation revokes a key in the ledger, once nobody else can be its owner.
func (e *Engine) processRevocation(ctx context.Context, entry queue.Entry) error {
	key := keyOf(&entry)
	r, err := ledger.GetNamed(ctx, e.storage, key.ID, key.Handle.Name)
	if err != nil {
		return err
	}
	if r == nil {
		if !key.Unrecorded {
			return nil
		}
		r = key
	}
	if err := e.mayEnd(ctx, r); err != nil {
		return err
	}
	return e.revokeRecord(ctx, e.storage, key, entry.Since)
}

// entryTimeout allows a try its connection's request timeout and some retries, and a later one
// some times as much: the list that tells where a key is may take longer to be read.
func (e *Engine) entryTimeout(ctx context.Context, entry *queue.Entry) time.Duration {
	longest := 2 * defaultRequestTimeout
	if bound, err := e.bound(ctx, e.storage, entry.Connection); err == nil {
		longest = bound.connection.longestMint()
	}
	return longest * time.Duration(1+min(entry.Attempts, mostTimes))
}

// mostTimes bounds how many times longer than the first try a later one may take.
const mostTimes = 9

// keyOf is the key that a revocation is about, as far as the entry tells.
func keyOf(q *queue.Entry) *ledger.Record {
	r := &ledger.Record{ID: q.ID, Role: q.Role, ExpiresAt: q.ExpiresAt, IssuedAt: q.MadeAt}
	r.SetOrigin(q.Origin())
	r.Handle.Name = q.KeyName
	if q.Handle != nil {
		r.Handle, r.Unrecorded = *q.Handle, true
	}
	return r
}
