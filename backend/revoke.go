package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/semaphore"

	"vault-plugin-secrets-apikeys/providers"
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

var errStillAlive = errors.New("the provider says that the key is revoked, but it still works or is still listed")

// revokeSoon revokes a key now if its provider answers in time, and otherwise
// queues it and says so. The record stays in the ledger until the provider said
// that the key is gone.
func (e *Engine) revokeSoon(ctx context.Context, s logical.Storage, r *Record, reason string) error {
	if e.queue.failing(r.Connection) {
		return e.postpone(ctx, s, r, reason, errors.New("it could not be reached at the last try"))
	}
	slots := e.slots(r.Connection)
	slotCtx, cancelSlot := context.WithTimeout(ctx, slotPatience)
	defer cancelSlot()
	if err := slots.Acquire(slotCtx, 1); err != nil {
		return e.postpone(ctx, s, r, reason, errors.New("too many revocations are in flight"))
	}
	defer slots.Release(1)
	callCtx, cancel := context.WithTimeout(ctx, revokePatience)
	defer cancel()
	if err := e.revokeRecord(callCtx, s, r.ID, e.now()); err != nil {
		return e.postpone(ctx, s, r, reason, err)
	}
	return e.queue.remove(ctx, s, r.ID)
}

// postpone queues a revocation and answers why it is not done.
func (e *Engine) postpone(ctx context.Context, s logical.Storage, r *Record, reason string, cause error) error {
	entry := QueueEntry{ID: r.ID, Kind: queueRevoke, Connection: r.Connection, Role: r.Role, KeyName: r.Handle.Name, Reason: reason}
	if e.queue.get(r.ID) == nil {
		if err := e.queue.add(context.WithoutCancel(ctx), s, entry, false); err != nil {
			return fmt.Errorf("revoking the key at connection %q: %w; it could not be queued either: %w", r.Connection, cause, err)
		}
		e.wake()
	}
	return fmt.Errorf("revoking the key at connection %q: %w; it is queued and retried until the provider confirms (see queue/%s)", r.Connection, cause, r.ID)
}

// slots are a connection's places among Vault's revocation workers.
func (e *Engine) slots(connection string) *semaphore.Weighted {
	slots, _ := e.revokeSlots.LoadOrStore(connection, semaphore.NewWeighted(revokeSlots))
	return slots.(*semaphore.Weighted)
}

// revokeRecord revokes the key of a ledger record and removes the record. It is
// idempotent; since is when the revocation was first asked for.
func (e *Engine) revokeRecord(ctx context.Context, s logical.Storage, id string, since time.Time) error {
	unlock, err := e.recordLocks.lock(ctx, id)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := record(ctx, s, id)
	if err != nil || r == nil {
		return err
	}
	site, release, err := e.siteFor(ctx, s, r.origin())
	if err != nil {
		return err
	}
	defer release()
	err = e.endAtProvider(ctx, site, r, since)
	e.metrics.revoked(r.Connection, err)
	if err != nil {
		return err
	}
	return dropRecord(context.WithoutCancel(ctx), s, r)
}

// endAtProvider revokes the key, and sees it dead where its role asks for that.
func (e *Engine) endAtProvider(ctx context.Context, site *site, r *Record, since time.Time) error {
	if err := e.revokeAtProvider(ctx, site, r); err != nil {
		return err
	}
	if !r.VerifyRevocation || !site.client.CanConfirm(r.Handle) {
		return nil
	}
	return e.seenDead(ctx, site, r, since)
}

// revokeAtProvider succeeds when the provider says that the key is gone. Some
// refuse to delete what is gone already with another status than their
// definition knows, so a refusal is checked against what the provider lists.
func (e *Engine) revokeAtProvider(ctx context.Context, site *site, r *Record) error {
	err := site.client.Revoke(ctx, r.Handle)
	if providers.KindOf(err) != providers.Refused || !site.definition.Capabilities.Lookup {
		return err
	}
	if e.now().Sub(r.IssuedAt) < listLag {
		return err // the list may not show a key this young
	}
	found, findErr := site.client.Find(ctx, r.Scope, providers.Look{Name: r.Handle.Name})
	if findErr != nil || !found.Absent() {
		return err
	}
	return nil
}

// seenDead asks the provider whether a revoked key is dead: its word for the
// revocation is no proof. After a while the word has to do.
func (e *Engine) seenDead(ctx context.Context, site *site, r *Record, since time.Time) error {
	liveness, err := site.client.Confirm(ctx, r.Handle, r.Scope)
	if err == nil && liveness == providers.Dead {
		return nil
	}
	if e.now().Sub(since) > aliveBound {
		e.log.Warn("a revoked key was never seen dead; the provider's word is taken for it", "connection", r.Connection, "key_name", r.Handle.Name)
		return nil
	}
	if err != nil {
		return fmt.Errorf("confirming that the key is dead: %w", err)
	}
	return errStillAlive
}

// revokeUnheld revokes a key in the ledger that nobody received.
func (e *Engine) revokeUnheld(ctx context.Context, s logical.Storage, r *Record) error {
	return e.revokeSoon(context.WithoutCancel(ctx), s, r, "nobody received the key")
}

// work carries out one queue entry; on success the entry is off the queue.
func (e *Engine) work(ctx context.Context, entry QueueEntry) error {
	ctx, cancel := context.WithTimeout(ctx, e.workTimeout(ctx, entry.Connection))
	defer cancel()
	done := true
	var err error
	switch entry.Kind {
	case queueRevoke:
		err = e.revokeRecord(ctx, e.storage, entry.ID, entry.Since)
	case queueRetire:
		err = e.retireQueued(ctx, entry)
	default:
		done, err = e.cleanUp(ctx, entry)
	}
	if err != nil {
		return err
	}
	if !done {
		return errNotSettled
	}
	if err := e.queue.remove(context.WithoutCancel(ctx), e.storage, entry.ID); err != nil {
		return err
	}
	e.activity.end(entry.Connection, entry.KeyName)
	return nil
}

// errNotSettled keeps an entry on the queue of which nothing was found yet.
var errNotSettled = errors.New("no such key is listed so far; it is looked for once more before that is believed")

// workTimeout allows a try its connection's request timeout and some retries.
func (e *Engine) workTimeout(ctx context.Context, connection string) time.Duration {
	site, err := e.site(ctx, e.storage, connection)
	if err != nil {
		return 2 * defaultRequestTimeout
	}
	return site.connection.longestMint()
}

// cleanUp makes sure that the key of a mint without a known outcome does not
// exist.
func (e *Engine) cleanUp(ctx context.Context, entry QueueEntry) (done bool, err error) {
	site, release, err := e.siteFor(ctx, e.storage, entry.origin())
	if err != nil {
		return false, err
	}
	defer release()
	if entry.Undo != nil {
		if err := site.client.Undo(ctx, *entry.Undo); err != nil || entry.Undo.Rotation {
			return err == nil, err
		}
	}
	return e.revokeByName(ctx, site, &entry)
}

// revokeByName revokes the key that an entry is about, if it exists. gone is
// true once it cannot exist any more: found and revoked, or not found at a time
// when the mint cannot be in flight and the list cannot lag.
func (e *Engine) revokeByName(ctx context.Context, site *site, entry *QueueEntry) (gone bool, err error) {
	settled := !e.now().Before(entry.SettledAt)
	if entry.Handle != nil {
		err := e.removeLeftOver(ctx, site, entry, *entry.Handle, nil)
		if entry.Kind == queueIntent && errors.Is(err, errHeld) {
			return true, nil // the mint did finish
		}
		return err == nil && settled, err
	}
	if !site.definition.Capabilities.Lookup {
		if !entry.ExpiresAt.IsZero() && e.now().After(entry.ExpiresAt) {
			return true, nil
		}
		return false, fmt.Errorf("key %q cannot be looked for, because %s offers no list; look for it there yourself, then write queue/%s/give-up", entry.KeyName, site.definition.Title, entry.ID)
	}
	found, began, err := e.findMade(ctx, site, entry)
	if err = errors.Join(append(found.Unreadable, err)...); err != nil {
		return false, err
	}
	for _, listed := range found.Keys {
		if err := e.removeLeftOver(ctx, site, entry, listed.Handle, found.Keys); err != nil {
			return false, err
		}
	}
	settled = !began.Before(entry.SettledAt)
	return settled && found.Steady || len(found.Keys) > 0, nil
}

// findMade finds what a mint made, by the name that was asked for or, should the
// provider have changed that, by the fixed part of it. began is the moment of
// which the answer tells.
func (e *Engine) findMade(ctx context.Context, site *site, entry *QueueEntry) (found providers.Found, began time.Time, err error) {
	look := e.searches.of(entry.ID, site.client, e.now(), func() *providers.Search {
		return site.client.Search(entry.Scope, providers.Look{Name: entry.KeyName, Containing: entry.ID})
	})
	found, err = look.search.Run(ctx)
	if err == nil {
		e.searches.end(entry.ID)
	}
	return found, look.began, err
}

// removeLeftOver removes what a mint that failed left at the provider; beside is
// all that is listed under its name.
func (e *Engine) removeLeftOver(ctx context.Context, site *site, entry *QueueEntry, handle providers.Handle, beside []providers.Listed) error {
	o := objectOf(site, handle)
	for _, other := range beside {
		o.beside = append(o.beside, other.Handle.ID)
	}
	return e.removeUnheld(ctx, e.storage, removal{
		object: o,
		claim:  claim{part: entry.ID, failed: entry.Kind != queueIntent},
		work:   "clean_up",
		why:    entry.Reason,
		remove: func(ctx context.Context) error { return site.client.Revoke(ctx, handle) },
	})
}
