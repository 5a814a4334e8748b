package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// failedRotation sorts out a call for a new credential that failed. done is true
// when the connection has its new credential all the same.
func (e *Engine) failedRotation(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote, failure error) (done bool, err error) {
	over := providers.NothingMade(failure)
	if over && !mayHaveTaken(bound, note, failure) {
		return false, errors.Join(notRotated(bound, failure), e.dropNote(ctx, s, bound.name))
	}
	var failed *providers.Error
	if errors.As(failure, &failed) && failed.Leftover != nil {
		if bound.client.UndoUnanswered(note.Name) != nil {
			// It says not which credential it removes: no other rotation may begin
			// before it is done.
			note.Undo = failed.Leftover
			return false, errors.Join(failure, e.giveUpCredential(ctx, s, bound, note))
		}
		if err := e.queueRotationUndo(ctx, s, bound, note, failed.Leftover); err != nil {
			return false, errors.Join(failure, err) // the note stays
		}
		if !bound.client.RotationListable() {
			return false, errors.Join(failure, e.dropNote(ctx, s, bound.name))
		}
	}
	done, err = e.resumeBegun(ctx, s, bound, note, over)
	switch {
	case done:
		return true, err
	case over:
		return false, errors.Join(notRotated(bound, failure), err)
	}
	return false, errors.Join(failure, err)
}

// mayHaveTaken reports whether a refusal leaves room for doubt: what is between
// us and the provider may have sent the request twice. A credential that we
// chose is refused the second time because the first one set it, and another one since
// there is one of its name.
func mayHaveTaken(bound *boundConnection, note *rotationNote, failure error) bool {
	var failed *providers.Error
	if !errors.As(failure, &failed) || failed.Status == 0 {
		return false
	}
	return len(note.Candidate) > 0 || failed.Status == http.StatusConflict && bound.client.RotationListable()
}

// queueRotationUndo queues what a failed rotation made and could not undo.
func (e *Engine) queueRotationUndo(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote, leftover *providers.Leftover) error {
	entry := note.entry(bound, queue.Undo, "a step of a failed rotation could not be undone")
	entry.Undo = leftover
	err := e.enqueue(ctx, s, entry, false)
	e.triggerQueue()
	return err
}

// notRotated tells what the operator can mend from what nobody can.
func notRotated(bound *boundConnection, err error) error {
	switch providers.KindOf(err) {
	case providers.Refused, providers.Unauthorized:
		return usererror.Errorf("connection %q keeps its credential: %w", bound.name, err)
	}
	return fmt.Errorf("connection %q keeps its credential: %w", bound.name, err)
}

// resumeRotation finishes or undoes a rotation that an error or a crash
// interrupted. done is true when the connection has its new credential; an error
// is then about what is left to do. The site is as storage has it.
func (e *Engine) resumeRotation(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote) (done bool, err error) {
	if unsaved := e.clients.unsaved.get(bound.name); unsaved != nil {
		note = unsaved
		if err := e.keepMade(ctx, s, bound, note); err != nil {
			return false, err
		}
	}
	if note.Origin.Provider != "" && note.Origin.Provider != bound.definition.Name {
		return false, e.leaveByHand(ctx, s, bound, note) // this provider knows nothing of it
	}
	e.known(bound, note)
	switch note.stage() {
	case rotationMade:
		return e.finishRotation(ctx, s, bound, note)
	case rotationStored:
		return true, e.credentialStored(ctx, s, bound, note)
	case rotationAbandoned:
		err = e.discard(ctx, s, bound, note)
	default:
		done, err = e.resumeBegun(ctx, s, bound, note, false)
	}
	if err != nil && !done && e.known(bound, note) >= longestDoubt && e.works(ctx, bound.client, bound) {
		return false, errors.Join(err, e.leaveByHand(ctx, s, bound, note))
	}
	return done, err
}

// works reports whether the provider takes the client's credential, as far as it
// can be asked.
func (e *Engine) works(ctx context.Context, client *providers.Client, bound *boundConnection) bool {
	return !bound.definition.Capabilities.Check || client.Check(ctx) == nil
}

// resumeBegun finds out what became of a call whose answer is not known. As long
// as it may be under way nothing is concluded from what is not seen; over says
// that it is not.
func (e *Engine) resumeBegun(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote, over bool) (done bool, err error) {
	candidate, chosen, err := e.candidateOf(bound, note)
	if err != nil {
		return false, err
	}
	underWay := !over && e.underWay(bound, note)
	switch {
	case chosen:
		done, err = e.adoptCandidate(ctx, s, bound, note, candidate)
		if done {
			return true, err
		}
	case bound.client.RotationListable():
		var found, telling bool
		found, telling, err = e.removeOrphanCredentials(ctx, s, bound, note)
		switch underWay = underWay && !found; {
		case err != nil || underWay || telling:
		case e.known(bound, note) < longestBlind:
			err = fmt.Errorf("the outcome of the rotation is unknown: the list of admin credentials does not show %q, nor the connection's own", note.Name)
		default:
			return false, e.leaveByHand(ctx, s, bound, note)
		}
	case bound.definition.Capabilities.RotateInPlace:
		err = e.oldStillWorks(ctx, bound)
	case !underWay:
		return false, e.removeUnanswered(ctx, s, bound, note)
	}
	switch {
	case err != nil:
		return false, err
	case underWay:
		return false, fmt.Errorf("the outcome of the rotation is unknown; credential %q is looked for again for as long as its call may be under way", note.Name)
	}
	return false, e.dropNote(ctx, s, bound.name)
}

// candidateOf is the rotation that sets what we chose; chosen is false where only
// the provider's answer tells the new credential.
func (e *Engine) candidateOf(bound *boundConnection, note *rotationNote) (made *providers.Rotation, chosen bool, err error) {
	changed, chosen, err := bound.client.CandidateConnection(note.Candidate)
	if err != nil || !chosen {
		return nil, false, err
	}
	made = &providers.Rotation{Connection: changed, Previous: providers.Values{}}
	for name := range changed {
		made.Previous[name] = bound.connection.Fields[name]
	}
	return made, true, nil
}

// adoptCandidate asks which of two credentials works, that which we chose or that
// of the connection, and goes on from the answer. Without an error and not done,
// the chosen one was not in force when the other was seen to work: it is asked
// first.
func (e *Engine) adoptCandidate(ctx context.Context, s logical.Storage, bound *boundConnection, note *rotationNote, candidate *providers.Rotation) (done bool, err error) {
	if !bound.definition.Capabilities.Check {
		return false, fmt.Errorf("the outcome of the rotation is unknown and %s cannot be asked which credential works; write one that does to config/%s", bound.definition.Title, bound.name)
	}
	taken := *note
	taken.Stage, taken.Made = rotationMade, candidate
	_, client, err := e.renewed(bound, &taken)
	if err != nil {
		return false, err
	}
	defer client.Close()
	err = client.Check(ctx)
	switch {
	case err == nil:
		*note = taken
		if err := e.keepMade(ctx, s, bound, note); err != nil {
			return false, err
		}
		return e.finishRotation(ctx, s, bound, note)
	case providers.KindOf(err) != providers.Unauthorized:
		return false, fmt.Errorf("finding out whether the rotation took effect: %w", err)
	}
	return false, e.oldStillWorks(ctx, bound)
}

// oldStillWorks asks with the connection's own credential after a call for another
// one whose outcome is unknown.
func (e *Engine) oldStillWorks(ctx context.Context, bound *boundConnection) error {
	if err := bound.client.Check(ctx); err != nil {
		return fmt.Errorf("the outcome of the rotation is unknown and the stored credential does not work; write a working one to config/%s: %w", bound.name, err)
	}
	return nil
}

// knownRotations are when this process first knew of each unfinished rotation.
// What has been known for so long is told by the order of things here: no clock
// that jumps, on this node or another, makes it longer.
type knownRotations struct {
	mu     sync.Mutex
	byName map[string]knownRotation
}

type knownRotation struct {
	credential string
	since      time.Time
}

// since is when the rotation became known, now at the latest.
func (k *knownRotations) since(connection, credential string, now time.Time) time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byName == nil {
		k.byName = map[string]knownRotation{}
	}
	known, ok := k.byName[connection]
	if !ok || known.credential != credential || known.since.After(now) {
		known = knownRotation{credential: credential, since: now}
		k.byName[connection] = known
	}
	return known.since
}

func (k *knownRotations) forget(connection string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.byName, connection)
}

// known is for how long this process has known of the rotation.
func (e *Engine) known(bound *boundConnection, note *rotationNote) time.Duration {
	now := e.now()
	return now.Sub(e.rotations.known.since(bound.name, note.Name, now))
}

// underWay reports whether a call of the rotation may still take effect, or the
// provider not yet show that it has.
func (e *Engine) underWay(bound *boundConnection, note *rotationNote) bool {
	longest := bound.connection.longestMint() + e.lagOf(bound)
	if len(note.Candidate) > 0 {
		longest = max(longest, longestLate)
	}
	return e.known(bound, note) < longest
}

// longestLate is how long a credential that we chose may take to be in force: once
// it is forgotten, nobody could use the connection any more.
const longestLate = 10 * time.Minute

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
