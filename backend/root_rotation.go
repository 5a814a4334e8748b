package backend

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// Rotating a connection's admin credential goes through the stages below, each of
// them in a note on disk before the next step is taken. A crash, a failed write or
// a lost answer anywhere leaves a note from which the rotation is finished or
// undone. Before anything is decided storage is read again, since a write that
// failed may have been carried out, and nothing is removed at the provider that
// the connection holds by what storage says at that moment. Only where a provider
// swaps its own choice in place can a credential be lost: the new one exists
// nowhere but in the answer.
const (
	// rotationPrefix is seal-wrapped: notes hold credentials.
	rotationPrefix    = "rotation/"
	defaultAcceptance = 30 * time.Second
	acceptancePause   = 500 * time.Millisecond
	rootStatePrefix   = "rotation-state/"
	rootJobPrefix     = rootKind + "/"
	credentialName    = "vault-root"
	// longestCredential is just under the 365 days that several providers allow.
	longestCredential = 364 * 24 * time.Hour
	// longestDoubt is how long a new credential of which the provider will not say
	// whether it works keeps the next rotation away.
	longestDoubt = 24 * time.Hour
)

// RotateOptions say how an admin credential is replaced.
type RotateOptions struct {
	// Force has it replaced although keys that somebody holds end with it.
	Force bool
	// Warn is told of those; nil for nobody.
	Warn func(text string)
	// scheduled says that the timetable asks, so that a refusal is noted for the
	// connection's readers.
	scheduled bool
}

// RotateRoot replaces the admin credential of a connection. On an error the
// connection still holds a working credential. Where the provider ends keys with it,
// the error is a *usererror.Error for as long as somebody holds one.
func (e *Engine) RotateRoot(ctx context.Context, s logical.Storage, name string) error {
	return e.RotateRootAs(ctx, s, name, RotateOptions{})
}

// RotateRootAs is RotateRoot with options.
func (e *Engine) RotateRootAs(ctx context.Context, s logical.Storage, name string, o RotateOptions) error {
	done, err := e.rotateRootNow(ctx, s, name, o)
	if done {
		return nil
	}
	return err
}

// rotateRootNow is RotateRoot. Once the connection holds a new credential it is
// done, and an error is about what is left to do.
func (e *Engine) rotateRootNow(ctx context.Context, s logical.Storage, name string, o RotateOptions) (done bool, err error) {
	if err := e.refuseIfPassive("the rotation"); err != nil {
		return false, err
	}
	ending, err := e.endingRotationOf(ctx, s, name)
	if err != nil {
		return false, err
	}
	if _, err := e.mayEndKeys(ctx, s, ending, o); err != nil { // before mints wait for it
		return false, err
	}
	release, err := ending.alone(ctx, &e.locks.admissions)
	if err != nil {
		return false, err
	}
	defer release()
	unlock, err := e.locks.rotations.Lock(ctx, rootJobPrefix+name)
	if err != nil {
		return false, err
	}
	defer unlock()
	held, err := e.mayEndKeys(ctx, s, ending, o)
	if err != nil {
		return false, err
	}
	done, err = e.rotateRootLocked(ctx, s, name, ending)
	if done && held != "" {
		e.log.Warn("keys ended with the admin credential that was replaced", "connection", name, "held", held)
		if o.Warn != nil {
			o.Warn("Before the rotation " + held + ": they ended with the old admin credential. Static roles get new keys by themselves; leases stay until they end, with keys that are dead.")
		}
	}
	return done, err
}

// rotateRootLocked is rotateRootNow for a caller that keeps other rotations away, and
// mints where keys end with the credential.
func (e *Engine) rotateRootLocked(ctx context.Context, s logical.Storage, name string, ending *endingRotation) (done bool, err error) {
	bound, err := e.rebind(ctx, s, name)
	if err != nil {
		return false, err
	}
	if !bound.definition.Capabilities.RotateRoot {
		return false, usererror.Errorf("%s cannot replace its own admin credential; write a new one to config/%s and delete the old one there", bound.definition.Title, name)
	}
	if bound.definition.Capabilities.RotateRevokesKeys && ending == nil {
		return false, errReplan
	}
	// What is begun is carried through, even when the caller hangs up.
	ctx = context.WithoutCancel(ctx)
	done, err = e.replaceRootCredential(ctx, s, bound)
	switch {
	case !done:
		return false, errors.Join(err, e.noteRootFailure(ctx, s, name, err))
	case err != nil:
		err = fmt.Errorf("the admin credential was rotated, and what is left of the rotation is done later: %w", err)
		e.log.Warn("a rotation is not finished", "connection", name, "error", err)
	}
	return true, errors.Join(err, e.urgeUnfinished(ctx, s, name))
}

// replaceRootCredential is done when the connection holds a new credential; an error is then
// about what is left to do.
func (e *Engine) replaceRootCredential(ctx context.Context, s logical.Storage, bound *boundConnection) (done bool, err error) {
	pending, err := stored.Read[rotationNote](ctx, s, rotationPrefix+bound.name)
	if err != nil {
		return false, err
	}
	if pending != nil {
		wasStored := pending.stage() == rotationStored
		done, err := e.resumeRotation(ctx, s, bound, pending)
		if err != nil || done && !wasStored {
			return done && !wasStored, err
		}
		if bound, err = e.rebind(ctx, s, bound.name); err != nil {
			return false, err
		}
	}
	note, err := e.beginRotation(ctx, s, bound)
	if err != nil {
		return false, err
	}
	callCtx, cancel := context.WithTimeout(ctx, bound.connection.longestMint())
	defer cancel()
	request := providers.RotateRequest{
		Name: note.Name, Candidate: note.Candidate, ExpiresAt: note.ExpiresAt,
		Spare: e.spares(s, bound, claim{part: note.entryID()}),
	}
	made, undo, err := bound.client.RotateUndoably(callCtx, request)
	if err != nil {
		return e.failedRotation(ctx, s, bound, note, err)
	}
	note.Stage, note.Made, note.Undo = rotationMade, made, undo
	if err := e.keepMade(ctx, s, bound, note); err != nil {
		return false, err
	}
	return e.finishRotation(ctx, s, bound, note)
}

// beginRotation notes on disk what is about to be asked of the provider.
func (e *Engine) beginRotation(ctx context.Context, s logical.Storage, bound *boundConnection) (*rotationNote, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, err
	}
	name, err := keyname.New(bound.definition.KeyName, credentialName, keyname.Data{}, keyname.CredentialPart(mount.Tag, e.now()))
	if err != nil {
		return nil, err
	}
	candidate, err := bound.client.Candidate()
	if err != nil {
		return nil, err
	}
	note := &rotationNote{Stage: rotationBegun, Origin: bound.origin(), Name: name, Started: e.now(), Candidate: candidate, Replaces: bound.connection.CredentialName, ExpiresAt: e.credentialEnd(bound)}
	e.rotations.known.since(bound.name, note.Name, e.now())
	if err := stored.Write(ctx, s, rotationPrefix+bound.name, note); err != nil {
		err = fmt.Errorf("noting the rotation of connection %q: %w", bound.name, err)
		// Nothing was asked of the provider, so the note may go if it is there.
		return nil, errors.Join(err, e.dropNote(ctx, s, bound.name))
	}
	return note, nil
}

// keepMade puts a new credential on disk. When storage refuses, and has not
// written it all the same, the credential is removed at the provider again; one
// that was swapped in place is the only one that works, so it is in use at once,
// and stored as soon as storage lets it.
func (e *Engine) keepMade(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) error {
	e.useUnsaved(bound, note)
	err := stored.Write(ctx, s, rotationPrefix+bound.name, note)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("storing the new credential of connection %q: %w", bound.name, err)
	if bound.definition.Capabilities.RotateInPlace {
		e.log.Warn("the provider swapped the admin credential and storage does not take the new one; it is used from memory, and stored as soon as that works", "connection", bound.name, "error", err)
		return err
	}
	stored, readErr := stored.Read[rotationNote](ctx, s, rotationPrefix+bound.name)
	switch {
	case readErr != nil:
		return errors.Join(err, readErr) // whatever the note says, it is taken up again
	case stored != nil && stored.stage() == rotationMade && stored.Name == note.Name:
		return nil // carried out all the same
	}
	note.Stage = rotationAbandoned // it was never written to the connection
	return errors.Join(err, e.discard(ctx, s, bound, note))
}

// useUnsaved has the engine work with a credential that was swapped in place
// before storage has it, since the old one is dead.
func (e *Engine) useUnsaved(bound *boundConnection, note *rotationNote) {
	if !bound.definition.Capabilities.RotateInPlace {
		return
	}
	e.clients.unsaved.put(bound.name, note)
	e.ResetConnection(bound.name)
}

// rebind is the connection as storage has it now, with its cached client
// where that one uses the same.
func (e *Engine) rebind(ctx context.Context, s logical.Storage, name string) (*boundConnection, error) {
	cached, err := e.bound(ctx, s, name)
	if err != nil {
		return nil, err
	}
	stored, err := e.storedConnection(ctx, s, cached)
	if err != nil {
		return nil, err
	}
	if unsaved := e.clients.unsaved.get(name); unsaved != nil {
		stored = stored.rotated(unsaved)
	}
	if reflect.DeepEqual(stored, cached.connection) {
		return cached, nil
	}
	e.ResetConnection(name)
	return e.bound(ctx, s, name)
}

// storedConnection reads what storage says of the site's connection now.
func (e *Engine) storedConnection(ctx context.Context, s logical.Storage, bound *boundConnection) (*Connection, error) {
	stored, err := e.Connection(ctx, s, bound.name)
	if err == nil && stored == nil {
		err = e.unknownConnection(ctx, s, bound.name)
	}
	return stored, err
}
