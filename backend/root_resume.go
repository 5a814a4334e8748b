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

// failedRotation sorts out a call for a new credential that failed. done is true
// when the connection has its new credential all the same.
func (e *Engine) failedRotation(ctx context.Context, s logical.Storage, site *site, note *rotationNote, failure error) (done bool, err error) {
	answered := providers.NothingMade(failure)
	if answered && !mayHaveTaken(note, failure) {
		return false, errors.Join(notRotated(site, failure), e.dropNote(ctx, s, site.name))
	}
	var failed *providers.Error
	if errors.As(failure, &failed) && failed.Leftover != nil {
		if site.client.UndoUnanswered(note.Name) != nil {
			// It says not which credential it removes: no other rotation may begin
			// before it is done.
			note.Undo = failed.Leftover
			return false, errors.Join(failure, e.giveUpCredential(ctx, s, site, note))
		}
		if err := e.queueRotationUndo(ctx, s, site, note, failed.Leftover); err != nil {
			return false, errors.Join(failure, err) // the note stays
		}
		if !site.client.RotationListable() {
			return false, errors.Join(failure, e.dropNote(ctx, s, site.name))
		}
	}
	done, err = e.resumeBegun(ctx, s, site, note, answered)
	switch {
	case done:
		return true, err
	case answered:
		return false, errors.Join(notRotated(site, failure), err)
	}
	return false, errors.Join(failure, err)
}

// mayHaveTaken reports whether a refusal leaves room for doubt: what is between
// us and the provider may have sent the request twice, and a credential that we
// chose refuses the second time because the first one set it.
func mayHaveTaken(note *rotationNote, failure error) bool {
	var failed *providers.Error
	return len(note.Candidate) > 0 && errors.As(failure, &failed) && failed.Status != 0
}

// queueRotationUndo queues what a failed rotation made and could not undo.
func (e *Engine) queueRotationUndo(ctx context.Context, s logical.Storage, site *site, note *rotationNote, leftover *providers.Leftover) error {
	entry := note.entry(site, queueUndo, "a step of a failed rotation could not be undone")
	entry.Undo = leftover
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
// interrupted. done is true when the connection has its new credential; an error
// is then about what is left to do. The site is as storage has it.
func (e *Engine) resumeRotation(ctx context.Context, s logical.Storage, site *site, note *rotationNote) (done bool, err error) {
	if unsaved := e.unsaved.get(site.name); unsaved != nil {
		note = unsaved
		if err := e.keepMade(ctx, s, site, note); err != nil {
			return false, err
		}
	}
	if note.Origin.Provider != "" && note.Origin.Provider != site.definition.Name {
		return false, e.leaveByHand(ctx, s, site, note) // this provider knows nothing of it
	}
	e.known(site, note)
	switch note.stage() {
	case rotationMade:
		return e.finishRotation(ctx, s, site, note)
	case rotationStored:
		return true, e.credentialStored(ctx, s, site, note)
	case rotationAbandoned:
		err = e.discard(ctx, s, site, note)
	default:
		done, err = e.resumeBegun(ctx, s, site, note, false)
	}
	if err != nil && !done && e.known(site, note) >= longestDoubt && e.works(ctx, site.client, site) {
		return false, errors.Join(err, e.leaveByHand(ctx, s, site, note))
	}
	return done, err
}

// works reports whether the provider takes the client's credential, as far as it
// can be asked.
func (e *Engine) works(ctx context.Context, client *providers.Client, site *site) bool {
	return !site.definition.Capabilities.Check || client.Check(ctx) == nil
}

// resumeBegun finds out what became of a call whose answer is not known. As long
// as it may be under way nothing is concluded from what is not seen; answered says
// that it is not.
func (e *Engine) resumeBegun(ctx context.Context, s logical.Storage, site *site, note *rotationNote, answered bool) (done bool, err error) {
	candidate, chosen, err := e.candidateOf(site, note)
	if err != nil {
		return false, err
	}
	underWay := !answered && e.underWay(site, note)
	switch {
	case chosen:
		done, err = e.adoptCandidate(ctx, s, site, note, candidate)
		if done {
			return true, err
		}
	case site.client.RotationListable():
		var found int
		found, err = e.removeStrays(ctx, s, site, note)
		underWay = underWay && found == 0
	case site.definition.Capabilities.RotateInPlace:
		err = e.oldStillWorks(ctx, site)
	case !underWay:
		return false, e.removeUnanswered(ctx, s, site, note)
	}
	switch {
	case err != nil:
		return false, err
	case underWay:
		return false, fmt.Errorf("the outcome of the rotation is unknown; credential %q is looked for again for as long as its call may be under way", note.Name)
	}
	return false, e.dropNote(ctx, s, site.name)
}

// candidateOf is the rotation that sets what we chose; chosen is false where only
// the provider's answer tells the new credential.
func (e *Engine) candidateOf(site *site, note *rotationNote) (made *providers.Rotation, chosen bool, err error) {
	changed, chosen, err := site.client.CandidateConnection(note.Candidate)
	if err != nil || !chosen {
		return nil, false, err
	}
	made = &providers.Rotation{Connection: changed, Previous: providers.Values{}}
	for name := range changed {
		made.Previous[name] = site.connection.Fields[name]
	}
	return made, true, nil
}

// adoptCandidate asks which of two credentials works, that which we chose or that
// of the connection, and goes on from the answer. Without an error and not done,
// the chosen one was not in force when the other was seen to work: it is asked
// first.
func (e *Engine) adoptCandidate(ctx context.Context, s logical.Storage, site *site, note *rotationNote, candidate *providers.Rotation) (done bool, err error) {
	if !site.definition.Capabilities.Check {
		return false, fmt.Errorf("the outcome of the rotation is unknown and %s cannot be asked which credential works; write one that does to config/%s", site.definition.Title, site.name)
	}
	taken := *note
	taken.Stage, taken.Made = rotationMade, candidate
	_, client, err := e.renewed(site, &taken)
	if err != nil {
		return false, err
	}
	defer client.Close()
	err = client.Check(ctx)
	switch {
	case err == nil:
		*note = taken
		if err := e.keepMade(ctx, s, site, note); err != nil {
			return false, err
		}
		return e.finishRotation(ctx, s, site, note)
	case providers.KindOf(err) != providers.Unauthorized:
		return false, fmt.Errorf("finding out whether the rotation took effect: %w", err)
	}
	return false, e.oldStillWorks(ctx, site)
}

// oldStillWorks asks with the connection's own credential after a call for another
// one whose outcome is unknown.
func (e *Engine) oldStillWorks(ctx context.Context, site *site) error {
	if err := site.client.Check(ctx); err != nil {
		return fmt.Errorf("the outcome of the rotation is unknown and the stored credential does not work; write a working one to config/%s: %w", site.name, err)
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
func (e *Engine) known(site *site, note *rotationNote) time.Duration {
	now := e.now()
	return now.Sub(e.rotationsKnown.since(site.name, note.Name, now))
}

// underWay reports whether a call of the rotation may still take effect, or the
// provider not yet show that it has.
func (e *Engine) underWay(site *site, note *rotationNote) bool {
	longest := site.connection.longestMint() + e.lagOf(site)
	if len(note.Candidate) > 0 {
		longest = max(longest, longestLate)
	}
	return e.known(site, note) < longest
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
