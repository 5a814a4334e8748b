package backend

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

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
