package backend

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// failedRotation sorts out an issue of a new credential that failed.
func (e *Engine) failedRotation(ctx context.Context, s logical.Storage, site *site, note *rotationNote, err error) error {
	if providers.NothingMade(err) {
		return errors.Join(notRotated(site, err), e.dropNote(ctx, s, site.name))
	}
	var failed *providers.Error
	if errors.As(err, &failed) && failed.Leftover != nil {
		if queueErr := e.queueRotationUndo(ctx, s, site, note, failed.Leftover); queueErr != nil {
			return errors.Join(err, queueErr) // the note stays
		}
	}
	_, resumeErr := e.resumeRotation(ctx, s, site, note)
	return errors.Join(err, resumeErr)
}

// queueRotationUndo queues what a failed rotation made and could not undo.
func (e *Engine) queueRotationUndo(ctx context.Context, s logical.Storage, site *site, note *rotationNote, leftover *providers.Leftover) error {
	entry := QueueEntry{
		ID:      note.Name[len(note.Name)-fixedLength:],
		Kind:    queueUndo,
		KeyName: note.Name,
		Reason:  "a step of a failed rotation could not be undone",
		Undo:    leftover,
	}
	entry.setOrigin(site.origin())
	err := e.queue.add(ctx, s, entry, false)
	e.wake()
	return err
}

// notRotated tells what the operator can mend from what nobody can.
func notRotated(site *site, err error) error {
	switch providers.KindOf(err) {
	case providers.Refused, providers.Unauthorized:
		return mistake("connection %q keeps its credential: %w", site.name, err)
	}
	return fmt.Errorf("connection %q keeps its credential: %w", site.name, err)
}

// resumeRotation finishes or undoes a rotation that an error or a crash
// interrupted. done is true when the connection has its new credential.
func (e *Engine) resumeRotation(ctx context.Context, s logical.Storage, site *site, note *rotationNote) (done bool, err error) {
	if unsaved := e.unsaved.get(site.name); unsaved != nil {
		note = unsaved
		if err := e.keepNote(ctx, s, site, note); err != nil {
			return false, err
		}
	}
	if note.Made != nil {
		return true, e.finishRotation(ctx, s, site, note)
	}
	adopted, err := e.adoptCandidate(ctx, s, site, note)
	if err != nil || adopted {
		return adopted, err
	}
	return false, e.discard(ctx, s, site, note)
}

// adoptCandidate finds out whether a credential that we chose has taken effect
// at the provider, and finishes its rotation if so.
func (e *Engine) adoptCandidate(ctx context.Context, s logical.Storage, site *site, note *rotationNote) (bool, error) {
	changed, known, err := site.client.CandidateConnection(note.Candidate)
	if err != nil || !known {
		return false, err
	}
	previous := providers.Values{}
	for name := range changed {
		previous[name] = site.connection.Fields[name]
	}
	note.Made = &providers.Rotation{Connection: changed, Previous: previous}
	_, client, err := e.renewed(site, note)
	if err != nil {
		return false, err
	}
	defer client.Close()
	switch err := client.Check(ctx); {
	case err == nil:
		return true, e.finishRotation(ctx, s, site, note)
	case providers.KindOf(err) == providers.Unauthorized, providers.KindOf(err) == providers.Refused:
		note.Made = nil
		return false, nil
	default:
		note.Made = nil
		return false, fmt.Errorf("finding out whether the rotation took effect: %w", err)
	}
}

// discard removes a new credential that is not going to be used, wherever the
// provider can be asked for it by name, and then the note.
func (e *Engine) discard(ctx context.Context, s logical.Storage, site *site, note *rotationNote) error {
	if site.client.RotationListable() {
		strays, err := site.client.FindStray(ctx, note.Name)
		if err != nil {
			return fmt.Errorf("looking for the unused credential %q: %w", note.Name, err)
		}
		for _, stray := range strays {
			if err := site.client.Retire(ctx, stray); err != nil {
				return fmt.Errorf("removing the unused credential %q: %w", note.Name, err)
			}
		}
		if len(strays) == 0 && note.Made == nil && e.now().Before(note.Settled) {
			return fmt.Errorf("the outcome of the rotation is unknown; credential %q is looked for again after %s", note.Name, note.Settled.UTC().Format(time.RFC3339))
		}
	} else if err := site.client.Check(ctx); err != nil {
		return fmt.Errorf("the outcome of the rotation is unknown and the stored credential does not work; write a working one to config/%s: %w", site.name, err)
	}
	return e.dropNote(ctx, s, site.name)
}

// unsavedCredentials are those that a provider swapped in place and that are not
// in their connection yet: as long as storage refuses them, this process is the
// only one that knows them.
type unsavedCredentials struct {
	mu     sync.Mutex
	byName map[string]*rotationNote
}

func (u *unsavedCredentials) put(name string, note *rotationNote) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.byName == nil {
		u.byName = map[string]*rotationNote{}
	}
	u.byName[name] = note
}

// get is nil when there is none.
func (u *unsavedCredentials) get(name string) *rotationNote {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.byName[name]
}

func (u *unsavedCredentials) drop(name string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.byName, name)
}
