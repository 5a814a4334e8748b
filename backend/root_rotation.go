package backend

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/origin"
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

// rotationStage is how far a rotation has come.
type rotationStage string

const (
	// rotationBegun: the provider may have been asked. What it made, if anything,
	// is known by its name, or is what we chose for it.
	rotationBegun rotationStage = "begun"
	// rotationMade: the provider answered. The new credential is in the note, and
	// may be in the connection.
	rotationMade rotationStage = "made"
	// rotationStored: the connection held the new credential when it was read
	// back. The old one is to be retired.
	rotationStored rotationStage = "stored"
	// rotationAbandoned: the new credential is not going to be used, and is to be
	// removed.
	rotationAbandoned rotationStage = "abandoned"
)

// RotationState is what a connection's or static role's reader is told.
type RotationState struct {
	// LastRotated is when a rotation last succeeded; zero for never.
	LastRotated time.Time `json:"last_rotated,omitzero"`
	// NextRotation is when the next one comes by itself; zero for never.
	NextRotation time.Time `json:"-"`
	// Notice is what rotations left for the operator to do.
	Notice string `json:"notice,omitempty"`
	// Failures are those since the last success.
	Failures int `json:"failures,omitempty"`
	// LastError is why the last of them failed, and LastFailure when; empty and zero
	// after a success.
	LastError   string    `json:"last_error,omitempty"`
	LastFailure time.Time `json:"last_failure,omitzero"`
}

func (r *RotationState) failed(err error, now time.Time) {
	r.Failures++
	r.LastError, r.LastFailure = err.Error(), now
}

// rotationNote is a rotation that is under way.
type rotationNote struct {
	Stage rotationStage `json:"stage,omitempty"`
	// Origin is what was asked for it; in notes of earlier versions only what is
	// known of the connection.
	Origin origin.Origin `json:"origin,omitzero"`
	// Name is the new credential's at the provider.
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	// Candidate holds what we chose ourselves, such as a password.
	Candidate providers.Values `json:"candidate,omitempty"`
	// Replaces is the name of the credential before, where a rotation made that one.
	Replaces string `json:"replaces,omitempty"`
	// ExpiresAt is the end that is asked for it; zero where none is.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Made is the new credential, once the provider has answered.
	Made *providers.Rotation `json:"made,omitempty"`
	// Undo is what removes Made as long as nothing uses it; nil where the
	// definition has no undo for it.
	Undo *providers.Leftover `json:"undo,omitempty"`
}

// stage is the note's; notes of earlier versions have none.
func (n *rotationNote) stage() rotationStage {
	switch {
	case n.Stage != "":
		return n.Stage
	case n.Made != nil:
		return rotationMade
	}
	return rotationBegun
}

// entryID is the id of what a rotation leaves on the queue: the part of the
// credential's name that no provider's alphabet touches.
func (n *rotationNote) entryID() string { return n.Name[max(0, len(n.Name)-keyname.PartLength):] }

// RotateRoot replaces the admin credential of a connection. On an error the
// connection still holds a working credential.
func (e *Engine) RotateRoot(ctx context.Context, s logical.Storage, name string) error {
	done, err := e.rotateRootNow(ctx, s, name)
	if done {
		return nil
	}
	return err
}

// rotateRootNow is RotateRoot. Once the connection holds a new credential it is
// done, and an error is about what is left to do.
func (e *Engine) rotateRootNow(ctx context.Context, s logical.Storage, name string) (done bool, err error) {
	if err := e.refuseIfPassive("the rotation"); err != nil {
		return false, err
	}
	unlock, err := e.locks.rotations.Lock(ctx, rootJobPrefix+name)
	if err != nil {
		return false, err
	}
	defer unlock()
	bound, err := e.rebind(ctx, s, name)
	if err != nil {
		return false, err
	}
	if !bound.definition.Capabilities.RotateRoot {
		return false, usererror.Errorf("%s cannot replace its own admin credential; write a new one to config/%s and delete the old one there", bound.definition.Title, name)
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

// credentialEnd is the end of a new admin credential where the provider lets it
// be chosen: well after its own rotation, and within a year, which is the most
// that several allow; zero elsewhere.
func (e *Engine) credentialEnd(bound *boundConnection) time.Time {
	if !bound.definition.Capabilities.RotateExpiry {
		return time.Time{}
	}
	life := longestCredential
	if schedule := bound.connection.Schedule; schedule.Automatic() {
		life = min(life, schedule.LongestGap(e.now())+staticReserve)
	}
	return e.now().Add(life).Truncate(time.Second)
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

// rotated is the connection with what a rotation made.
func (c *Connection) rotated(note *rotationNote) *Connection {
	next := *c
	next.Fields = maps.Clone(c.Fields)
	maps.Copy(next.Fields, note.Made.Connection)
	maps.DeleteFunc(next.Fields, func(_ string, value any) bool { return value == nil })
	next.CredentialName, next.CredentialExpiresAt = note.Name, note.ExpiresAt
	return &next
}

// before is the connection as it was before a rotation.
func (c *Connection) before(made *providers.Rotation) *Connection {
	former := *c
	former.Fields = maps.Clone(c.Fields)
	maps.Copy(former.Fields, made.Previous)
	maps.DeleteFunc(former.Fields, func(_ string, value any) bool { return value == nil })
	return &former
}

// renewed is the connection with its new credential, and a client for it.
func (e *Engine) renewed(bound *boundConnection, note *rotationNote) (*Connection, *providers.Client, error) {
	next := bound.connection.rotated(note)
	client, err := e.newClient(bound.definition, next)
	if err != nil {
		return nil, nil, fmt.Errorf("using the new credential: %w", err)
	}
	return next, client, nil
}

// holding says which credential of a rotation a connection holds.
type holding int

const (
	holdsOther holding = iota // written by hand meanwhile
	holdsOld
	holdsNew
)

// holds compares the connection's secrets with those before and after a rotation.
func (c *Connection) holds(fields providers.Fields, made *providers.Rotation) holding {
	has := func(values providers.Values) bool {
		compared := 0
		for name := range made.Connection {
			if field := fields.Lookup(name); field == nil || !field.Sensitive {
				continue
			}
			if !sameValue(c.Fields[name], values[name]) {
				return false
			}
			compared++
		}
		return compared > 0
	}
	switch {
	case has(made.Connection):
		return holdsNew
	case has(made.Previous):
		return holdsOld
	}
	return holdsOther
}

func sameSecrets(fields providers.Fields, a, b providers.Values) bool {
	return !slices.ContainsFunc(fields, func(f *providers.Field) bool {
		return f.Sensitive && !sameValue(a[f.Name], b[f.Name])
	})
}

// sameValue compares two values of a field, of which either may come from storage.
func sameValue(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	one, err := json.Marshal(a)
	other, otherErr := json.Marshal(b)
	return err == nil && otherErr == nil && bytes.Equal(one, other)
}

// finishRotation goes on from a credential that the provider has made: it is
// checked, and stored, and the old one is retired. done is true when the
// connection holds the new one. As long as the provider has not said that the new
// credential does not work, both are kept: the connection may hold either.
func (e *Engine) finishRotation(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) (done bool, err error) {
	held, err := e.storedConnection(ctx, s, bound)
	if err != nil {
		return false, err
	}
	switch held.holds(bound.definition.Connection, note.Made) {
	case holdsNew:
		return true, e.credentialStored(ctx, s, bound, note)
	case holdsOther:
		return false, e.giveUpCredential(ctx, s, bound, note)
	}
	next, client, err := e.renewed(bound, note)
	if err != nil {
		return false, err
	}
	defer client.Close()
	if err := e.accepted(ctx, client); err != nil && !bound.definition.Capabilities.RotateInPlace {
		return false, e.notAccepted(ctx, s, bound, note, err)
	}
	writeErr := stored.Write(ctx, s, connectionPrefix+bound.name, next)
	e.ResetConnection(bound.name)
	// It is read back: a write that failed may have been carried out.
	held, err = e.storedConnection(ctx, s, bound)
	if err == nil && held.holds(bound.definition.Connection, note.Made) == holdsNew {
		return true, e.credentialStored(ctx, s, bound, note)
	}
	e.useUnsaved(bound, note)
	return false, fmt.Errorf("storing the new credential of connection %q: %w; the rotation is finished once storage works", bound.name, errors.Join(writeErr, err))
}

// notAccepted sorts out why a new credential could not be seen to work.
func (e *Engine) notAccepted(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote, err error) error {
	err = fmt.Errorf("the new credential does not work, so the old one stays in use: %w", err)
	switch {
	case providers.KindOf(err) == providers.Unauthorized:
	case e.known(bound, note) >= longestDoubt && bound.client.Check(ctx) == nil:
		// Nobody has ever used the new one, and the old one works.
	default:
		return err
	}
	return errors.Join(err, e.giveUpCredential(ctx, s, bound, note))
}

// giveUpCredential gives a new credential up that the connection does not hold.
func (e *Engine) giveUpCredential(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) error {
	note.Stage = rotationAbandoned
	if err := stored.Write(ctx, s, rotationPrefix+bound.name, note); err != nil {
		return fmt.Errorf("noting that the new credential of connection %q is given up: %w", bound.name, err)
	}
	e.clients.unsaved.drop(bound.name)
	e.ResetConnection(bound.name)
	return e.discard(ctx, s, bound, note)
}

// credentialStored goes on from a connection that was seen to hold its new
// credential.
func (e *Engine) credentialStored(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) error {
	e.clients.unsaved.drop(bound.name)
	e.ResetConnection(bound.name)
	if note.stage() != rotationStored {
		// Before the note goes, so that no crash has it done again.
		if err := e.noteRootSuccess(ctx, s, bound.name, note); err != nil {
			return err
		}
		note.Stage = rotationStored
		if err := stored.Write(ctx, s, rotationPrefix+bound.name, note); err != nil {
			return fmt.Errorf("noting that the new credential of connection %q is stored: %w", bound.name, err)
		}
	}
	return e.retireReplaced(ctx, s, bound.name, note)
}

// accepted waits until the provider knows the new credential.
func (e *Engine) accepted(ctx context.Context, client *providers.Client) error {
	ctx, cancel := context.WithTimeout(ctx, e.acceptance)
	defer cancel()
	for {
		err := client.Check(ctx)
		if err == nil || providers.KindOf(err) != providers.Unauthorized {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(acceptancePause):
		}
	}
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
