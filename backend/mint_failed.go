package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// emergencyTimeout bounds what is done on the spot when a mint went wrong.
const emergencyTimeout = 30 * time.Second

// failedMint sorts out an issue that failed and answers what the caller is told.
func (e *Engine) failedMint(ctx context.Context, s logical.Storage, o *mintPlan, err error) error {
	var refusal *providers.Error
	errors.As(err, &refusal)
	if refusal != nil && refusal.Leftover != nil {
		return errors.Join(err, e.leaveUndo(ctx, s, o, refusal.Leftover))
	}
	told := fmt.Errorf("no key was handed out: %w", err)
	if providers.NothingMade(err) {
		told = e.refused(o, refusal)
		if !o.mayBeThere(refusal) {
			e.finishMint(ctx, s, o)
			return told
		}
	}
	return errors.Join(told, e.resolveUnknown(ctx, s, o, refusal))
}

// mayBeThere reports whether a refusal leaves room for doubt: it may be a conflict with what
// the same request has made, whose answer a proxy lost before it sent that again. No other
// key has the name, or the id that is made of it. Where nothing can be looked for, the
// refusal has to do.
func (o *mintPlan) mayBeThere(refusal *providers.Error) bool {
	if refusal == nil || refusal.Status != http.StatusConflict {
		return false
	}
	_, known := o.ownHandle()
	return known || o.bound.definition.Capabilities.Lookup
}

// ownHandle is the handle that the key will have, where that is known beforehand and no
// other can have it: what has an id that a role gives may have been there before.
func (o *mintPlan) ownHandle() (handle providers.Handle, known bool) {
	handle, known = o.bound.client.KnownHandle(o.request)
	return handle, known && isUnique(&handle, o.fixed)
}

// refused turns a provider's no into what the caller is told: only what the
// caller or the operator can mend is a mistake.
//
//life:announced nothing, the provider made no key
func (e *Engine) refused(o *mintPlan, refusal *providers.Error) error {
	switch refusal.Kind {
	case providers.Refused, providers.Unauthorized:
		return usererror.Errorf("connection %q made no key: %w", o.bound.name, refusal)
	}
	return fmt.Errorf("connection %q made no key: %w", o.bound.name, refusal)
}

// leaveUndo queues what a failed mint of several steps could not undo. The key
// itself may exist too, so it is looked for as well.
func (e *Engine) leaveUndo(ctx context.Context, s logical.Storage, o *mintPlan, leftover *providers.Leftover) error {
	entry := o.cleanUp("a step could not be undone", e.clock.latest().Add(o.bound.connection.longestMint()+e.lagOf(o.bound)))
	entry.Kind = queue.Undo
	entry.Undo = leftover
	return e.leaveToQueue(ctx, s, o, entry)
}

// resolveUnknown finds out whether the key was made, and revokes it, at once
// where the provider answers, else by the queue.
//
//life:announced doubtful, nobody knows whether there is a key
func (e *Engine) resolveUnknown(ctx context.Context, s logical.Storage, o *mintPlan, failure *providers.Error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), emergencyTimeout)
	defer cancel()
	entry := o.cleanUp("the outcome of the mint is unknown", e.clock.latest().Add(o.bound.connection.longestMint()+e.lagOf(o.bound)))
	if handle, known := o.ownHandle(); known {
		entry.Handle = &handle
	} else if failure != nil {
		entry.Handle, entry.Told = failure.Made, failure.Made != nil
		entry.Removed = failure.Removed && looksByName(o.bound)
	}
	gone, err := e.revokeByName(ctx, o.bound, &entry)
	if gone {
		e.finishMint(ctx, s, o)
		return nil
	}
	if err != nil {
		e.log.Warn("a key whose mint has an unknown outcome could not be looked for yet", "connection", o.bound.name, "key_name", o.request.Name, "error", err)
	}
	return e.leaveToQueue(ctx, s, o, entry)
}

// refuseShared refuses a key that is another's, or may be: the provider answered with
// what was there before. Should it have made one all the same, that is known by its
// name alone.
func (e *Engine) refuseShared(ctx context.Context, s logical.Storage, o *mintPlan, other string, cause error) error {
	err := fmt.Errorf("connection %q made no key of its own: the provider answered with the id of %s, which somebody holds", o.bound.name, other)
	if cause != nil {
		err = fmt.Errorf("finding out whether the new key is another's: %w", cause)
	}
	entry := o.cleanUp("the provider answered with another key's id", e.clock.latest().Add(o.bound.connection.longestMint()+e.lagOf(o.bound)))
	// Where the queue cannot be written the mark stays. The record goes in either case:
	// it would count as somebody else who has the other's key.
	left := e.leaveToQueue(ctx, s, o, entry)
	return errors.Join(err, left, e.revokeUndelivered(ctx, s, &o.record))
}

// revokeUnrecorded revokes a key that could not be entered into the ledger: this node
// may be sealed or demoted, and its storage gone. So what this process knows has to
// do, where it is all.
//
//life:announced doubtful, the ledger cannot be written
func (e *Engine) revokeUnrecorded(ctx context.Context, s logical.Storage, o *mintPlan, handle providers.Handle) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), emergencyTimeout)
	defer cancel()
	entry := o.cleanUp("the key could not be entered into the ledger", e.now().Add(e.lagOf(o.bound)))
	entry.Handle = &handle
	missing, err := false, error(nil)
	if e.isAlone(&o.record) {
		missing, err = o.bound.client.Delete(ctx, handle)
	} else {
		err = e.removeUnlessHeld(ctx, s, e.leftOver(o.bound, &entry, handle, nil, func(ctx context.Context) (err error) {
			missing, err = o.bound.client.Delete(ctx, handle)
			return err
		}))
	}
	if err == nil && !missing {
		e.dropWritten(ctx, s, &o.record)
		e.leaveLook(ctx, s, o, entry)
		return nil
	}
	switch {
	case missing:
		err = errors.New("the provider does not know it yet")
	case isAnothers(err, entry.ID):
		e.dropWritten(ctx, s, &o.record)
	}
	return errors.Join(
		fmt.Errorf("revoking the key again: %w", err),
		e.leaveToQueue(ctx, s, o, entry))
}

// leaveLook has the queue look once more for a key that its provider says it has removed.
// Where it cannot be looked for, or that cannot be written, the provider's word has to do.
func (e *Engine) leaveLook(ctx context.Context, s logical.Storage, o *mintPlan, entry queue.Entry) {
	entry.Removed = looksByName(o.bound)
	if o.bound.definition.Capabilities.Lookup && e.refuseWord(o.bound, o.request.Name) != nil && e.leaveToQueue(ctx, s, o, entry) == nil {
		return
	}
	e.finishMint(ctx, s, o)
}

// dropWritten removes the record of a key that is gone, should the write of it
// that failed have been carried out all the same. What is left of it the reaper
// finds.
func (e *Engine) dropWritten(ctx context.Context, s logical.Storage, r *ledger.Record) {
	written, err := ledger.GetNamed(ctx, s, r.ID, r.Handle.Name)
	if err == nil && written != nil {
		err = e.books.ledger.Delete(ctx, s, written)
	}
	if err != nil {
		e.log.Warn("it is not known whether a key that is gone is in the ledger; the reaper will see", "connection", r.Connection, "key_name", r.Handle.Name, "error", err)
	}
}

// leaveToQueue hands a failed mint to the queue. The key counts as in flight,
// and the connection so stays dirty, until the entry is on disk.
//
//life:doubtful queued
func (e *Engine) leaveToQueue(ctx context.Context, s logical.Storage, o *mintPlan, entry queue.Entry) error {
	if err := e.enqueue(context.WithoutCancel(ctx), s, entry, false); err != nil {
		return err
	}
	e.books.marks.End(o.bound.name, o.request.Name)
	e.triggerQueue()
	return nil
}
