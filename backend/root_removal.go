package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// What a rotation removes at the provider is removed here: the credential that it
// replaced, and one that it made and that nobody is going to use. Each time
// storage is read first, and what the connection holds at that moment stays.

// retireByHand is for a provider that cannot tell which credential the old one is.
const retireByHand = "the old admin credential cannot be told from others at the provider; delete it there by hand"

// swappedByHand is for one that was swapped in place before another was written.
const swappedByHand = "the admin credential that the provider made in the last rotation is not in use, since another one was written, and may be alive at the provider; delete it there by hand"

var (
	errHeldAgain  = errors.New("the connection holds the credential that was to be removed")
	errStillWorks = errors.New("the provider says that the old admin credential is gone, and it still works; delete it there by hand")
	errCannotAsk  = errors.New("the provider says that the old admin credential is gone, and cannot be asked with it whether that is so; look for it there by hand, then give this entry up")
	errNotNamed   = errors.New("the connection no longer holds what the rotation made, so that the provider cannot be told which credential to remove; look for it there by hand, then give this entry up")
)

// retireReplaced removes the credential that a rotation replaced, by the queue if
// need be, and then the note.
func (e *Engine) retireReplaced(ctx context.Context, s logical.Storage, name string, note *rotationNote) error {
	bound, err := e.rebind(ctx, s, name)
	if err != nil {
		return err
	}
	if bound.definition.Capabilities.RotateInPlace {
		if err := e.replaceEndedKeys(ctx, s, bound, note.Made); err != nil {
			return err
		}
		return e.dropNote(ctx, s, name) // the old one has ended
	}
	e.removeTwins(ctx, bound, note)
	err = e.retire(ctx, s, bound, credentialRemoval{rotation: *note.Made, name: note.Replaces, part: note.entryID(), why: "it was replaced", began: note.Started})
	if err == nil || errors.Is(err, providers.ErrRetireByHand) {
		if err := e.replaceEndedKeys(ctx, s, bound, note.Made); err != nil {
			return err
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, errHeldAgain):
		e.log.Warn("the replaced admin credential was written to its connection again, so it is not removed", "connection", name)
	case errors.Is(err, providers.ErrRetireByHand):
		e.log.Warn(retireByHand, "connection", name)
		if err := e.noteNotice(ctx, s, name, retireByHand); err != nil {
			return err
		}
	case !bound.client.RetireNamesOld() && !errors.Is(err, errNotNamed):
		// Another rotation would take away what tells the old one from the new.
		return fmt.Errorf("retiring the old admin credential: %w", err)
	default:
		e.log.Warn("the old admin credential could not be retired yet; it is queued", "connection", name, "error", err)
		entry := note.entry(bound, queue.Retire, "the admin credential before it was rotated")
		entry.Retire, entry.RetireName, entry.MadeAt = note.Made, note.Replaces, note.Started
		if err := e.enqueue(ctx, s, entry, false); err != nil {
			return err // the note stays, and the rotation is taken up again
		}
		e.triggerQueue()
	}
	return e.dropNote(ctx, s, name)
}

func (e *Engine) noteNotice(ctx context.Context, s logical.Storage, name, notice string) error {
	state, err := e.rootState(ctx, s, name)
	if err != nil {
		return err
	}
	state.Notice = notice
	return e.noteRootState(ctx, s, name, state)
}

// retireQueued tries again with whatever credential the connection has by now.
func (e *Engine) retireQueued(ctx context.Context, entry queue.Entry) error {
	// The process before may have gone on after this one read the connection.
	if _, err := e.rebind(ctx, e.storage, entry.Connection); err != nil {
		return err
	}
	bound, release, err := e.boundFor(ctx, e.storage, entry.Origin())
	if err != nil {
		return err
	}
	defer release()
	began := entry.MadeAt
	if began.IsZero() { // entered by an earlier version of the engine
		began = entry.Since
	}
	another := entry.Account != bound.connection.Account
	err = e.retire(ctx, e.storage, bound, credentialRemoval{rotation: *entry.Retire, name: entry.RetireName, part: entry.ID, why: entry.Reason, began: began, another: another})
	switch {
	case err == nil:
		return e.replaceEndedKeys(ctx, e.storage, bound, entry.Retire)
	case errors.Is(err, errHeldAgain):
		e.log.Warn("an admin credential that was to be removed was written to its connection again, so it is not removed", "connection", entry.Connection)
		return nil
	}
	return err
}

// credentialRemoval is a credential that is to be removed at the provider.
type credentialRemoval struct {
	rotation providers.Rotation
	// name is the credential's at the provider; empty where it is not known.
	name string
	// part is the fixed part of the name that the rotation chose.
	part string
	why  string
	// began is when the rotation did that replaced it; zero for one that was never in use.
	began time.Time
	// another says that it is removed by a credential that an operator wrote since, which may
	// be of another account.
	another bool
}

// object is the credential as it can be compared with what is held: by its name,
// by what the provider knows it by, and by its own values.
func (c credentialRemoval) object(bound *boundConnection) object {
	o := object{bound: bound, name: c.name}
	for _, value := range c.rotation.Saved {
		if text, ok := providers.TextOf(value); ok {
			o.ids = append(o.ids, text)
		}
	}
	for name, value := range c.rotation.Previous {
		field := bound.definition.Connection.Lookup(name)
		if text, ok := providers.TextOf(value); ok && field != nil && field.Sensitive {
			o.ids = append(o.ids, text)
		}
	}
	return o
}

// retire removes a credential at the provider, unless a connection holds it. An
// answer that there is no such credential proves nothing: only the provider's no
// to that credential itself does. Nor does the word of what may be another account, that it
// removed one, where the credential itself can be asked.
func (e *Engine) retire(ctx context.Context, s logical.Storage, bound *boundConnection, c credentialRemoval) error {
	stored, err := e.storedConnection(ctx, s, bound)
	if err != nil {
		return err
	}
	has := stored.holds(bound.definition.Connection, &c.rotation)
	switch {
	case has == holdsOld && !c.rotation.Orphan:
		return errHeldAgain
	case has != holdsNew && !c.rotation.Orphan && !bound.client.RetireNamesOld():
		return errNotNamed
	}
	own, err := bound.client.IsOwn(ctx, c.rotation)
	if err != nil {
		return fmt.Errorf("asking the provider for the connection's own credential: %w", err)
	}
	if own {
		return errHeldAgain
	}
	if err := e.refuseToEndLaterKeys(ctx, s, bound, c); err != nil {
		return err
	}
	missing := false
	err = e.removeUnlessHeld(ctx, s, removal{
		object: c.object(bound),
		claim:  claim{part: c.part},
		work:   "rotation",
		why:    c.why,
		remove: func(ctx context.Context) (err error) {
			missing, err = bound.client.RetireOrMissing(ctx, c.rotation)
			return err
		},
	})
	doubted := missing || c.another && bound.definition.Capabilities.Check && !c.rotation.Orphan
	if err != nil || !doubted {
		return err
	}
	return e.confirmEnded(ctx, bound, stored, &c.rotation)
}

// undo removes what a rotation made by what its definition says undoes it.
func (e *Engine) undo(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote, left *providers.Leftover) error {
	own := claim{part: note.entryID()}
	return e.removeUnlessHeld(ctx, s, removal{
		object: object{bound: bound, name: note.Name},
		claim:  own,
		work:   "rotation",
		why:    "the rotation was not finished",
		remove: func(ctx context.Context) error {
			return bound.client.Undo(ctx, *left, e.spares(s, bound, own), !e.underWay(bound, note))
		},
	})
}

// confirmEnded asks with a replaced credential whether it is dead.
func (e *Engine) confirmEnded(ctx context.Context, bound *boundConnection, stored *Connection, replaced *providers.Rotation) error {
	if !bound.definition.Capabilities.Check || replaced.Orphan {
		return errCannotAsk
	}
	client, err := e.newClient(bound.definition, stored.before(replaced))
	if err != nil {
		return fmt.Errorf("asking with the old admin credential: %w", err)
	}
	defer client.Close()
	err = client.Check(ctx)
	switch {
	case err == nil:
		return errStillWorks
	case providers.KindOf(err) == providers.Unauthorized:
		return nil
	}
	return fmt.Errorf("the provider says that the old admin credential is gone, and does not say whether it works: %w", err)
}

// removeTwins removes what carries the name of the connection's credential and is
// another one: somebody between us and the provider sent the request twice. Where
// the provider does not tell the connection's own from them, nothing is removed.
func (e *Engine) removeTwins(ctx context.Context, bound *boundConnection, note *rotationNote) {
	if !bound.client.RotationListable() {
		return
	}
	search, err := bound.client.FindOrphanCredentials(ctx, note.Name, note.entryID())
	found := search.Found
	if err != nil || len(found) < 2 {
		return
	}
	var twins []providers.Rotation
	for _, one := range found {
		own, err := bound.client.IsOwn(ctx, one)
		if err != nil {
			return
		}
		if !own {
			twins = append(twins, one)
		}
	}
	if len(twins) == len(found) {
		e.log.Warn("several admin credentials carry the name of the connection's own, which cannot be told from the others; look for them at the provider", "connection", bound.name, "credential_name", note.Name)
		return
	}
	for _, twin := range twins {
		// Without its name, which is the connection's too: the provider has told
		// the two apart.
		if err := e.retire(ctx, e.storage, bound, credentialRemoval{rotation: twin, part: note.entryID(), why: "it was made twice"}); err != nil {
			e.log.Warn("an admin credential of the same name as the connection's own could not be removed; look for it at the provider", "connection", bound.name, "credential_name", note.Name, "error", err)
		}
	}
}

// removeOrphanCredentials removes what a rotation may have made before its answer was lost,
// wherever the provider can be asked for it by name. found says that there was something,
// and telling that the list would have shown it.
func (e *Engine) removeOrphanCredentials(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) (found, telling bool, err error) {
	orphans, err := bound.client.FindOrphanCredentials(ctx, note.Name, note.entryID())
	if err != nil {
		return false, false, fmt.Errorf("looking for the unused credential %q: %w", note.Name, err)
	}
	for _, orphan := range orphans.Found {
		unused := credentialRemoval{rotation: orphan, name: note.Name, part: note.entryID(), why: "the rotation was not finished"}
		if err := e.retire(ctx, s, bound, unused); err != nil {
			return false, false, fmt.Errorf("removing the unused credential %q: %w", note.Name, err)
		}
	}
	return len(orphans.Found) > 0, orphans.Telling, nil
}

// discard removes a new credential that was given up, and then the note.
func (e *Engine) discard(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) error {
	stored, err := e.storedConnection(ctx, s, bound)
	if err != nil {
		return err
	}
	if note.Made != nil && stored.holds(bound.definition.Connection, note.Made) == holdsNew {
		return e.credentialStored(ctx, s, bound, note) // the write that failed came through
	}
	gone, err := e.removeMade(ctx, s, bound, note)
	switch {
	case err != nil:
		return err
	case !gone && bound.definition.Capabilities.RotateInPlace:
		return e.leaveSwapped(ctx, s, bound)
	case !gone:
		return e.leaveByHand(ctx, s, bound, note)
	}
	return e.dropNote(ctx, s, bound.name)
}

// removeMade removes a credential that the provider made and nobody uses. gone is
// false where it can neither be removed nor seen to be dead.
func (e *Engine) removeMade(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) (gone bool, err error) {
	found := false
	switch {
	case bound.client.RotationListable():
		found, _, err = e.removeOrphanCredentials(ctx, s, bound, note)
	case note.Undo != nil:
		err = e.undo(ctx, s, bound, note, note.Undo)
	}
	if err != nil || found {
		return err == nil, err
	}
	if note.Made == nil {
		return note.Undo != nil, nil
	}
	_, client, err := e.renewed(bound, note)
	if err != nil {
		return false, err
	}
	defer client.Close()
	if !bound.definition.Capabilities.Check {
		return note.Undo != nil, nil
	}
	err = client.Check(ctx)
	switch {
	case providers.KindOf(err) == providers.Unauthorized && err != nil:
		return true, nil
	case err == nil && !bound.client.RotationListable() && note.Undo == nil:
		return false, nil
	case err == nil && e.known(bound, note) >= longestBlind:
		return false, nil // it is where the connection leads no more, or is not shown
	case err == nil:
		return false, fmt.Errorf("the unused credential %q was removed, or is not listed, and still works", note.Name)
	}
	return false, fmt.Errorf("asking whether the unused credential %q works: %w", note.Name, err)
}

// removeUnanswered ends a rotation whose answer is lost at a provider that has no
// list: by the undo that needs no answer, where there is one. Otherwise what it
// may have made is somebody's to look for.
func (e *Engine) removeUnanswered(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) error {
	undo := bound.client.UndoUnanswered(note.Name)
	if undo == nil {
		return e.leaveByHand(ctx, s, bound, note)
	}
	if err := e.undo(ctx, s, bound, note, undo); err != nil {
		return fmt.Errorf("removing what the rotation may have made: %w", err)
	}
	return e.dropNote(ctx, s, bound.name)
}

// leaveByHand tells the operator of an admin credential that may be alive at the
// provider and that the engine cannot remove, and ends the rotation: an entry of
// the queue stays until he gives it up.
func (e *Engine) leaveByHand(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) error {
	entry := note.entry(bound, queue.ByHand, "")
	entry.Reason = fmt.Sprintf("an admin credential named %q may be alive at the provider, made by a rotation that was not finished; look for it there and delete it, then write queue/%s/give-up", entry.KeyName, entry.ID)
	e.log.Warn("an admin credential may be alive at the provider that nobody holds and that has to be looked for by hand", "connection", bound.name, "credential_name", note.Name, "queue_entry", entry.ID)
	if err := e.enqueue(ctx, s, entry, false); err != nil {
		return err
	}
	return e.dropNote(ctx, s, bound.name)
}

// leaveSwapped is leaveByHand for a credential that a provider swapped in place,
// which has no name there: it was the connection's until another one was written.
func (e *Engine) leaveSwapped(ctx context.Context, s logical.Storage, bound *boundConnection) error {
	e.log.Warn(swappedByHand, "connection", bound.name)
	if err := e.noteNotice(ctx, s, bound.name, swappedByHand); err != nil {
		return err
	}
	return e.dropNote(ctx, s, bound.name)
}

// entry is what a rotation leaves on the queue.
func (n *rotationNote) entry(bound *boundConnection, waitsFor queue.Kind, reason string) queue.Entry {
	entry := queue.Entry{ID: n.entryID(), Kind: waitsFor, KeyName: n.Name, Reason: reason, ExpiresAt: n.ExpiresAt}
	entry.SetOrigin(bound.origin())
	if n.Origin.Provider != "" {
		entry.SetOrigin(n.Origin)
	}
	return entry
}

// processByHand looks whether an entry that waits for an operator is over: the
// provider itself has ended the credential by now.
func (e *Engine) processByHand(entry queue.Entry) error {
	if !entry.ExpiresAt.IsZero() && e.now().After(entry.ExpiresAt.Add(expiryMargin)) {
		return nil
	}
	return fmt.Errorf("%w: %s", queue.ErrByHand, entry.Reason)
}

// dropNote ends a rotation. A delete that fails may have been carried out, so
// storage is read before that counts as a failure.
func (e *Engine) dropNote(ctx context.Context, s logical.Storage, name string) error {
	err := s.Delete(ctx, rotationPrefix+name)
	if err != nil {
		left, readErr := s.Get(ctx, rotationPrefix+name)
		if readErr != nil || left != nil {
			return fmt.Errorf("removing the note of a finished rotation: %w", err)
		}
	}
	e.rotations.known.forget(name)
	return nil
}
