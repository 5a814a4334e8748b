package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// errFinished means that there is nothing to clean up: the mint did finish.
var errFinished = errors.New("the mint finished")

// cleanUp makes sure that the key of a mint without a known outcome does not
// exist.
func (e *Engine) cleanUp(ctx context.Context, entry queue.Entry) (done bool, err error) {
	w, release, err := e.wayTo(ctx, e.storage, entry.Origin())
	if err != nil {
		return false, err
	}
	defer release()
	if entry.Undo != nil {
		if err := e.undoLeft(ctx, w, &entry); err != nil || entry.Undo.Rotation {
			return err == nil, err
		}
	}
	done, err = e.revokeByName(ctx, w.boundConnection, &entry)
	switch {
	case errors.Is(err, errFinished):
		return true, nil
	case !done || err != nil:
		return false, err
	}
	if !e.believes(w, &entry) {
		return false, &unproven{reason: "no such key is found, which is no proof that there is none, since " + strings.Join(w.doubts, " and ")}
	}
	return true, nil
}

// undoLeft undoes what a failed mint or rotation left to be undone.
func (e *Engine) undoLeft(ctx context.Context, w way, entry *queue.Entry) error {
	own := claim{part: entry.ID, failed: !entry.Undo.Rotation}
	return e.removeUnlessHeld(ctx, e.storage, removal{
		object: object{bound: w.boundConnection, name: entry.KeyName},
		claim:  own,
		work:   "clean_up",
		why:    entry.Reason,
		remove: func(ctx context.Context) error {
			return w.client.Undo(ctx, *entry.Undo, e.spares(e.storage, w.boundConnection, own), e.believes(w, entry))
		},
	})
}

// believes reports whether what is not found this way does not exist: what made
// it was asked, or the provider has ended it by now, and it cannot be too young.
func (e *Engine) believes(w way, entry *queue.Entry) bool {
	return !e.now().Before(entry.TrustAbsenceAfter) && (len(w.doubts) == 0 || e.isOver(w.boundConnection, entry))
}

// isOver reports whether the provider itself has ended what the entry is about.
func (e *Engine) isOver(bound *boundConnection, entry *queue.Entry) bool {
	return !entry.ExpiresAt.IsZero() && e.now().After(entry.ExpiresAt.Add(e.lagOf(bound)))
}

// revokeByName revokes the key that an entry is about, if it exists. gone is
// true once it cannot exist any more, be it that it was found and revoked or not:
// the mint cannot be in flight, the list cannot lag, and no second key of the
// same name can come to light.
//
//life:doubtful gone found and revoked it
func (e *Engine) revokeByName(ctx context.Context, bound *boundConnection, entry *queue.Entry) (gone bool, err error) {
	// What was removed by its id is looked for by its name, and not removed by its id again,
	// which may be another's by then.
	if entry.Handle != nil && !entry.Removed && !e.wasRemoved(bound, entry.KeyName) {
		gone, named, err := e.revokeByHandle(ctx, bound, entry)
		if !named {
			return gone, err
		}
	}
	if !bound.definition.Capabilities.Lookup {
		if e.isOver(bound, entry) {
			return true, nil
		}
		return false, lasting{fmt.Errorf("key %q cannot be looked for, because %s", entry.KeyName, leftToPeople(bound, entry.ID))}
	}
	found, err := e.findMade(ctx, bound, entry)
	if err = errors.Join(append(found.Unreadable, err)...); err != nil {
		return false, err
	}
	unknown, removed, err := e.revokeFound(ctx, bound, entry, found.Keys)
	trusted := !e.now().Before(entry.TrustAbsenceAfter)
	switch {
	case err != nil:
		return false, err
	case removed && !trusted:
		return false, &unproven{reason: "the key was found and revoked; it is looked for once more, should the request have been carried out twice", until: entry.TrustAbsenceAfter}
	case removed && unknown == nil:
		err := e.refuseWord(bound, entry.KeyName)
		return err == nil, err
	case !found.Steady || found.began.Before(entry.TrustAbsenceAfter):
		return false, nil
	case unknown != nil:
		return e.leaveMissing(ctx, entry, *unknown)
	case len(found.Keys) == 0 && !found.others:
		err := e.refuseIfBlind(ctx, bound, entry.Scope, absence{named: found.Named, began: found.began, doubted: doubtedSince(entry), trusted: entry.TrustAbsenceAfter})
		return err == nil, err
	}
	return true, nil
}

// doubtedSince is since when it has been in doubt whether what an entry is about exists. One that
// a revocation left was entered right after that: what the provider deleted then counts.
func doubtedSince(entry *queue.Entry) time.Time {
	if entry.MadeAt.IsZero() {
		return entry.Since
	}
	return entry.Since.Add(-revokePatience)
}

// revokeByHandle is revokeByName by an id that is known. named says that the key may be
// known by its name alone: the answer told the id of what was there before, or may have,
// or the provider says that it does not know the id.
func (e *Engine) revokeByHandle(ctx context.Context, bound *boundConnection, entry *queue.Entry) (gone, named bool, err error) {
	trusted := !e.now().Before(entry.TrustAbsenceAfter)
	missing, err := e.removeLeftOver(ctx, bound, entry, *entry.Handle, nil)
	removed := err == nil && !missing && bound.definition.Capabilities.Lookup
	if removed {
		err = e.noteRemoved(ctx, bound, entry)
	}
	switch {
	case entry.Kind == queue.Intent && errors.Is(err, errHeld):
		return false, false, errFinished
	case isAnothers(err, entry.ID):
		return false, true, nil
	case err != nil:
		return false, false, err
	case removed && !entry.Told:
		err := e.refuseWord(bound, entry.KeyName)
		return err == nil, false, err
	case !trusted:
		return false, false, nil
	case (entry.Told || missing) && bound.definition.Capabilities.Lookup:
		return false, true, nil
	case missing:
		gone, err = e.leaveMissing(ctx, entry, *entry.Handle)
		return gone, false, err
	}
	return true, false, nil // nothing but the provider's word can be had
}

// noteRemoved has an entry say what became of its handle, also to whoever leads after this
// process: the id may be another's by then.
func (e *Engine) noteRemoved(ctx context.Context, bound *boundConnection, entry *queue.Entry) error {
	if entry.Removed = looksByName(bound); !entry.Removed {
		return nil
	}
	return e.books.queue.Add(context.WithoutCancel(ctx), e.storage, *entry, false)
}

// looksByName reports whether what is removed can be looked for and ended by its name alone.
func looksByName(bound *boundConnection) bool {
	return bound.definition.EndsListed()
}

// revokeFound revokes what was found of a mint. unknown is what the provider lists and
// does not know when it is to be revoked; nil for nothing.
func (e *Engine) revokeFound(ctx context.Context, bound *boundConnection, entry *queue.Entry, found []providers.Listed) (unknown *providers.Handle, removed bool, err error) {
	for _, listed := range found {
		missing, err := e.removeLeftOver(ctx, bound, entry, listed.Handle, found)
		switch {
		case isAnothers(err, entry.ID): // it is what was there before, or goes with the key whose answer told its id
		case entry.Kind == queue.Intent && errors.Is(err, errHeld):
			return nil, false, errFinished
		case err != nil:
			return nil, false, err
		case missing:
			unknown, removed = &listed.Handle, true
		default:
			removed = true
		}
	}
	return unknown, removed, nil
}

// removeLeftOver removes what a mint that failed left at the provider; beside is
// all that is listed under its name. missing says that the provider knows no such thing.
func (e *Engine) removeLeftOver(ctx context.Context, bound *boundConnection, entry *queue.Entry, handle providers.Handle, beside []providers.Listed) (missing bool, err error) {
	err = e.removeUnlessHeld(ctx, e.storage, e.leftOver(bound, entry, handle, beside, func(ctx context.Context) (err error) {
		missing, err = bound.client.Delete(ctx, handle)
		return err
	}))
	if err == nil && !missing {
		e.pending.deletions.note(e.now(), deletionAt(bound.origin(), entry.Scope))
		e.dropLeft(ctx, entry, handle.ID)
	}
	return missing, err
}

// dropLeft removes the record that a failed mint left of a key which is gone: the write of it
// was answered with an error, and carried out. Another key may get the id.
func (e *Engine) dropLeft(ctx context.Context, entry *queue.Entry, keyID string) {
	if entry.Kind == queue.Intent {
		return
	}
	for _, id := range e.books.ledger.WithNames([]string{entry.KeyName}) {
		r, err := ledger.GetNamed(ctx, e.storage, id, entry.KeyName)
		if err == nil && r != nil && !r.InPlace && r.Handle.ID == keyID {
			e.dropWritten(ctx, e.storage, r)
		}
	}
}

// leftOver is the removal of what a mint that failed left at the provider.
func (e *Engine) leftOver(bound *boundConnection, entry *queue.Entry, handle providers.Handle, beside []providers.Listed, remove func(context.Context) error) removal {
	o := objectOf(bound, handle)
	for _, other := range beside {
		o.beside = append(o.beside, other.Handle.ID)
	}
	return removal{
		object: o,
		claim:  claim{part: entry.ID, failed: entry.Kind != queue.Intent},
		work:   "clean_up",
		why:    entry.Reason,
		remove: remove,
	}
}
