package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"

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
	trusted := !e.now().Before(entry.TrustAbsenceAfter)
	if entry.Handle != nil {
		err := e.removeLeftOver(ctx, bound, entry, *entry.Handle, nil)
		if entry.Kind == queue.Intent && errors.Is(err, errHeld) {
			return false, errFinished
		}
		alsoNamed := entry.Told && trusted && err == nil && bound.definition.Capabilities.Lookup
		if !isAnothers(err, entry.ID) && !alsoNamed {
			return err == nil && trusted, err
		}
		// The answer told the id of what was there before, or may have. What was made, if
		// anything was, is then known by its name alone.
	}
	if !bound.definition.Capabilities.Lookup {
		if e.isOver(bound, entry) {
			return true, nil
		}
		return false, lasting{fmt.Errorf("key %q cannot be looked for, because %s offers no list; look for it there yourself, then write queue/%s/give-up", entry.KeyName, bound.definition.Title, entry.ID)}
	}
	found, began, err := e.findMade(ctx, bound, entry)
	if err = errors.Join(append(found.Unreadable, err)...); err != nil {
		return false, err
	}
	removed := 0
	for _, listed := range found.Keys {
		err := e.removeLeftOver(ctx, bound, entry, listed.Handle, found.Keys)
		if isAnothers(err, entry.ID) {
			continue // it is what was there before, or goes with the key whose answer told its id
		}
		if err != nil {
			return false, err
		}
		removed++
	}
	if removed > 0 && !trusted {
		return false, &unproven{reason: "the key was found and revoked; it is looked for once more, should the request have been carried out twice", until: entry.TrustAbsenceAfter}
	}
	return found.Steady && !began.Before(entry.TrustAbsenceAfter), nil
}

// removeLeftOver removes what a mint that failed left at the provider; beside is
// all that is listed under its name.
func (e *Engine) removeLeftOver(ctx context.Context, bound *boundConnection, entry *queue.Entry, handle providers.Handle, beside []providers.Listed) error {
	return e.removeUnlessHeld(ctx, e.storage, e.leftOver(bound, entry, handle, beside, func(ctx context.Context) error { return bound.client.Revoke(ctx, handle) }))
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
