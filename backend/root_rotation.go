package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// Rotating a connection's admin credential goes: note the attempt on disk →
// issue the new credential → note it on disk → check with it → store it in the
// connection → retire the old one with it → drop the note. A crash anywhere
// leaves a note from which the rotation is finished or undone, and a working
// credential in the connection, except where a provider swaps its own choice in
// place: there the new credential exists nowhere but in the answer.
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
)

// RotationState is what a connection's or static role's reader is told.
type RotationState struct {
	LastRotated  time.Time `json:"last_rotated,omitzero"`
	NextRotation time.Time `json:"-"`
	// Notice is what the last success left for the operator to do.
	Notice string `json:"notice,omitempty"`
	// Failures are those since the last success.
	Failures    int       `json:"failures,omitempty"`
	LastError   string    `json:"last_error,omitempty"`
	LastFailure time.Time `json:"last_failure,omitzero"`
}

func (r *RotationState) failed(err error, now time.Time) {
	r.Failures++
	r.LastError, r.LastFailure = err.Error(), now
}

// rotationNote is a rotation that is under way.
type rotationNote struct {
	// Name is the new credential's at the provider.
	Name    string    `json:"name"`
	Started time.Time `json:"started"`
	// Candidate holds what we chose ourselves, such as a password.
	Candidate providers.Values `json:"candidate,omitempty"`
	// ExpiresAt is the end that is asked for it; zero where none is.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// Made is the new credential, once the provider has answered.
	Made *providers.Rotation `json:"made,omitempty"`
	// Settled is when a call that is in flight must be over.
	Settled time.Time `json:"settled"`
	// Origin is what makes the credential; empty in a note of an earlier version
	// of the engine.
	Origin origin `json:"origin,omitzero"`
}

// RotateRoot replaces the admin credential of a connection. On an error the
// connection still holds a working credential.
func (e *Engine) RotateRoot(ctx context.Context, s logical.Storage, name string) error {
	if err := e.refuseIfPassive("the rotation"); err != nil {
		return err
	}
	unlock, err := e.rotationLocks.lock(ctx, rootJobPrefix+name)
	if err != nil {
		return err
	}
	defer unlock()
	site, err := e.site(ctx, s, name)
	if err != nil {
		return err
	}
	if !site.definition.Capabilities.RotateRoot {
		return mistake("%s cannot replace its own admin credential; write a new one to config/%s and delete the old one there", site.definition.Title, name)
	}
	// What is begun is carried through, even when the caller hangs up.
	ctx = context.WithoutCancel(ctx)
	err = e.rotateRoot(ctx, s, site)
	return errors.Join(err, e.noteRootRotation(ctx, s, name, err))
}

func (e *Engine) rotateRoot(ctx context.Context, s logical.Storage, site *site) error {
	pending, err := read[rotationNote](ctx, s, rotationPrefix+site.name)
	if err != nil {
		return err
	}
	if pending != nil {
		done, err := e.resumeRotation(ctx, s, site, pending)
		if err != nil || done {
			return err
		}
	}
	note, err := e.beginRotation(ctx, s, site)
	if err != nil {
		return err
	}
	callCtx, cancel := context.WithTimeout(ctx, site.connection.longestMint())
	defer cancel()
	request := providers.RotateRequest{Name: note.Name, Candidate: note.Candidate, ExpiresAt: note.ExpiresAt}
	made, err := site.client.Rotate(callCtx, request)
	if err != nil {
		return e.failedRotation(ctx, s, site, note, err)
	}
	note.Made = made
	if err := e.keepNote(ctx, s, site, note); err != nil {
		return err
	}
	return e.finishRotation(ctx, s, site, note)
}

// credentialEnd is the end of a new admin credential where the provider lets it
// be chosen: well after its own rotation, and within a year, which is the most
// that several allow; zero elsewhere.
func (e *Engine) credentialEnd(site *site) time.Time {
	if !site.definition.Capabilities.RotateExpiry {
		return time.Time{}
	}
	life := longestCredential
	if schedule := site.connection.Schedule; schedule.automatic() {
		life = min(life, schedule.longestGap(e.now())+staticReserve)
	}
	return e.now().Add(life).Truncate(time.Second)
}

// beginRotation notes on disk what is about to be asked of the provider.
func (e *Engine) beginRotation(ctx context.Context, s logical.Storage, site *site) (*rotationNote, error) {
	mount, err := e.mount(ctx, s)
	if err != nil {
		return nil, err
	}
	name, err := keyName(site.definition.KeyName, credentialName, nameData{}, credentialFixedPart(mount.Tag, e.now()))
	if err != nil {
		return nil, err
	}
	candidate, err := site.client.Candidate()
	if err != nil {
		return nil, err
	}
	note := &rotationNote{Name: name, Started: e.now(), Candidate: candidate, ExpiresAt: e.credentialEnd(site), Settled: e.now().Add(site.connection.longestMint() + listLag), Origin: site.origin()}
	if err := write(ctx, s, rotationPrefix+site.name, note); err != nil {
		return nil, fmt.Errorf("noting the rotation of connection %q: %w", site.name, err)
	}
	return note, nil
}

// keepNote puts a new credential on disk. When storage refuses, the credential
// is removed at the provider again; one that was swapped in place is the only
// one that works, so it is in use at once, and stored as soon as storage lets
// it.
func (e *Engine) keepNote(ctx context.Context, s logical.Storage, site *site, note *rotationNote) error {
	e.useUnsaved(site, note)
	err := write(ctx, s, rotationPrefix+site.name, note)
	if err == nil {
		return nil
	}
	err = fmt.Errorf("storing the new credential of connection %q: %w", site.name, err)
	if site.definition.Capabilities.RotateInPlace {
		return err
	}
	return errors.Join(err, e.discard(ctx, s, site, note))
}

// useUnsaved has the engine work with a credential that was swapped in place
// before storage has it, since the old one is dead.
func (e *Engine) useUnsaved(site *site, note *rotationNote) {
	if !site.definition.Capabilities.RotateInPlace {
		return
	}
	e.unsaved.put(site.name, note)
	e.ResetConnection(site.name)
}

// rotated is the connection with what a rotation made.
func (c *Connection) rotated(note *rotationNote) *Connection {
	next := *c
	next.Fields = maps.Clone(c.Fields)
	maps.Copy(next.Fields, note.Made.Connection)
	maps.DeleteFunc(next.Fields, func(_ string, value any) bool { return value == nil })
	next.CredentialExpiresAt = note.ExpiresAt
	next.CredentialName = note.Name
	return &next
}

// renewed is the connection with its new credential, and a client for it.
func (e *Engine) renewed(site *site, note *rotationNote) (*Connection, *providers.Client, error) {
	next := site.connection.rotated(note)
	client, err := e.newClient(site.definition, next)
	if err != nil {
		return nil, nil, fmt.Errorf("using the new credential: %w", err)
	}
	return next, client, nil
}

// supersede has a rotation that is not finished undone, when a new credential
// was written by hand: that one stays.
func (e *Engine) supersede(ctx context.Context, s logical.Storage, name string, before, after *Connection, fields providers.Fields) error {
	if before == nil {
		return nil
	}
	if before.Provider == after.Provider && sameSecrets(fields, before.Fields, after.Fields) {
		after.CredentialName = before.CredentialName
		return nil
	}
	after.CredentialName = ""
	note, err := read[rotationNote](ctx, s, rotationPrefix+name)
	if err != nil || note == nil {
		return err
	}
	if before.Provider != after.Provider {
		err = e.dropNote(ctx, s, name) // the new provider knows nothing of it
	} else {
		note.Made, note.Candidate = nil, nil
		err = write(ctx, s, rotationPrefix+name, note)
	}
	if err != nil {
		return fmt.Errorf("ending the rotation that was under way: %w", err)
	}
	e.unsaved.drop(name)
	return nil
}

func sameSecrets(fields providers.Fields, a, b providers.Values) bool {
	return !slices.ContainsFunc(fields, func(f *providers.Field) bool {
		return f.Sensitive && !reflect.DeepEqual(a[f.Name], b[f.Name])
	})
}

// finishRotation checks the new credential, stores it and retires the old one.
func (e *Engine) finishRotation(ctx context.Context, s logical.Storage, site *site, note *rotationNote) error {
	next, client, err := e.renewed(site, note)
	if err != nil {
		return err
	}
	defer client.Close()
	if err := e.accepted(ctx, client); err != nil && !site.definition.Capabilities.RotateInPlace {
		err = fmt.Errorf("the new credential does not work, so the old one stays in use: %w", err)
		return errors.Join(err, e.discard(ctx, s, site, note))
	}
	if err := write(ctx, s, connectionPrefix+site.name, next); err != nil {
		e.useUnsaved(site, note)
		return fmt.Errorf("storing the new credential of connection %q: %w; the rotation is finished once storage works", site.name, err)
	}
	e.unsaved.drop(site.name)
	e.ResetConnection(site.name)
	// Before the note goes, so that no crash has it done again.
	state := &RotationState{LastRotated: note.Started}
	if err := e.noteRootState(ctx, s, site.name, state); err != nil {
		return err
	}
	return e.retire(ctx, s, site, client, note, state)
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

// retire removes the old credential at the provider, by the queue if need be,
// and then the note.
func (e *Engine) retire(ctx context.Context, s logical.Storage, site *site, client *providers.Client, note *rotationNote, state *RotationState) error {
	err := client.Retire(ctx, *note.Made)
	switch {
	case errors.Is(err, providers.ErrRetireByHand):
		e.log.Warn(retireByHand, "connection", site.name)
		state.Notice = retireByHand
		if err := e.noteRootState(ctx, s, site.name, state); err != nil {
			return err
		}
	case err != nil:
		e.log.Warn("the old admin credential could not be retired yet; it is queued", "connection", site.name, "error", err)
		entry := QueueEntry{
			ID:      note.Name[len(note.Name)-fixedLength:],
			Kind:    queueRetire,
			KeyName: note.Name,
			Reason:  "the admin credential before it was rotated",
			Retire:  note.Made,
		}
		entry.setOrigin(site.origin())
		if err := e.queue.add(ctx, s, entry, false); err != nil {
			return err // the note stays, and the rotation is taken up again
		}
		e.wake()
	}
	return e.dropNote(ctx, s, site.name)
}

// retireByHand is for a provider that cannot tell which credential the old one is.
const retireByHand = "the old admin credential cannot be told from others at the provider; delete it there by hand"

// retireQueued tries again with whatever credential the connection has by now.
func (e *Engine) retireQueued(ctx context.Context, entry QueueEntry) error {
	site, release, err := e.siteFor(ctx, e.storage, entry.origin())
	if err != nil {
		return err
	}
	defer release()
	return site.client.Retire(ctx, *entry.Retire)
}

func (e *Engine) dropNote(ctx context.Context, s logical.Storage, name string) error {
	if err := s.Delete(ctx, rotationPrefix+name); err != nil {
		return fmt.Errorf("removing the note of a finished rotation: %w", err)
	}
	return nil
}
