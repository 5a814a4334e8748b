package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"sync"
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
	rootJobPrefix     = "root/"
	credentialName    = "vault-root"
	// longestCredential is just under the 365 days that several providers allow.
	longestCredential = 364 * 24 * time.Hour
)

// RotationState is what a connection's or static role's reader is told.
type RotationState struct {
	LastRotated  time.Time `json:"last_rotated,omitzero"`
	NextRotation time.Time `json:"-"`
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
}

// RotateRoot replaces the admin credential of a connection. On an error the
// connection still holds a working credential.
func (e *Engine) RotateRoot(ctx context.Context, s logical.Storage, name string) error {
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
	name, err := keyName(site.definition.KeyName, credentialName, nameData{}, fixedPart(mount.Tag, e.now()))
	if err != nil {
		return nil, err
	}
	candidate, err := site.client.Candidate()
	if err != nil {
		return nil, err
	}
	note := &rotationNote{Name: name, Started: e.now(), Candidate: candidate, ExpiresAt: e.credentialEnd(site), Settled: e.now().Add(site.connection.longestMint() + listLag)}
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
	return &next
}

// renewed is the connection with its new credential, and a client for it.
func (e *Engine) renewed(site *site, note *rotationNote) (*Connection, *providers.Client, error) {
	next := site.connection.rotated(note)
	client, err := providers.NewClient(site.definition, next.settings())
	if err != nil {
		return nil, nil, fmt.Errorf("using the new credential: %w", err)
	}
	return next, client, nil
}

// supersede has a rotation that is not finished undone, when a new credential
// was written by hand: that one stays.
func (e *Engine) supersede(ctx context.Context, s logical.Storage, name string, before, after *Connection, fields providers.Fields) error {
	if before == nil || before.Provider == after.Provider && sameSecrets(fields, before.Fields, after.Fields) {
		return nil
	}
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
	if err := write(ctx, s, rootStatePrefix+site.name, &RotationState{LastRotated: note.Started}); err != nil {
		return fmt.Errorf("noting when connection %q was rotated: %w", site.name, err)
	}
	return e.retire(ctx, s, site, client, note)
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
func (e *Engine) retire(ctx context.Context, s logical.Storage, site *site, client *providers.Client, note *rotationNote) error {
	err := client.Retire(ctx, *note.Made)
	switch {
	case errors.Is(err, providers.ErrRetireByHand):
		e.log.Warn("the old admin credential cannot be told from others at the provider; delete it there by hand", "connection", site.name)
	case err != nil:
		e.log.Warn("the old admin credential could not be retired yet; it is queued", "connection", site.name, "error", err)
		entry := QueueEntry{
			ID:         note.Name[len(note.Name)-fixedLength:],
			Kind:       queueRetire,
			Connection: site.name,
			KeyName:    note.Name,
			Reason:     "the admin credential before it was rotated",
			Retire:     note.Made,
		}
		if err := e.queue.add(ctx, s, entry, false); err != nil {
			return err // the note stays, and the rotation is taken up again
		}
		e.wake()
	}
	return e.dropNote(ctx, s, site.name)
}

// retireQueued tries again with whatever credential the connection has by now.
func (e *Engine) retireQueued(ctx context.Context, entry QueueEntry) error {
	site, err := e.site(ctx, e.storage, entry.Connection)
	if err != nil {
		return err
	}
	return site.client.Retire(ctx, *entry.Retire)
}

func (e *Engine) dropNote(ctx context.Context, s logical.Storage, name string) error {
	if err := s.Delete(ctx, rotationPrefix+name); err != nil {
		return fmt.Errorf("removing the note of a finished rotation: %w", err)
	}
	return nil
}

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
	err := e.queue.add(ctx, s, QueueEntry{
		ID:         note.Name[len(note.Name)-fixedLength:],
		Kind:       queueUndo,
		Connection: site.name,
		KeyName:    note.Name,
		Reason:     "a step of a failed rotation could not be undone",
		Undo:       leftover,
	}, false)
	e.wake()
	return err
}

// notRotated tells what the operator can mend from what nobody can.
func notRotated(site *site, err error) error {
	switch providers.KindOf(err) {
	case providers.Refused, providers.Unauthorized:
		return mistake("connection %q keeps its credential: %s", site.name, err)
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

// noteRootRotation sets the next time, or keeps a failure for the connection's
// readers.
func (e *Engine) noteRootRotation(ctx context.Context, s logical.Storage, name string, outcome error) error {
	if outcome != nil {
		return e.noteRootFailure(ctx, s, name, outcome)
	}
	connection, err := e.Connection(ctx, s, name)
	if err != nil || connection == nil || !connection.Schedule.automatic() {
		return err
	}
	return e.scheduler.set(ctx, s, rootJobPrefix+name, connection.Schedule.next(e.now()))
}

func (e *Engine) noteRootFailure(ctx context.Context, s logical.Storage, name string, outcome error) error {
	state, err := e.rootState(ctx, s, name)
	if err != nil {
		return err
	}
	if err := e.urgeUnfinished(ctx, s, name); err != nil {
		return err
	}
	state.failed(outcome, e.now())
	return write(ctx, s, rootStatePrefix+name, state)
}

// urgeUnfinished has a rotation that left a note taken up again soon.
func (e *Engine) urgeUnfinished(ctx context.Context, s logical.Storage, name string) error {
	note, err := read[rotationNote](ctx, s, rotationPrefix+name)
	if note != nil {
		e.scheduler.urge(rootJobPrefix + name)
	}
	return err
}

// RootRotation is the state of a connection's rotation.
func (e *Engine) RootRotation(ctx context.Context, s logical.Storage, name string) (RotationState, error) {
	state, err := e.rootState(ctx, s, name)
	if err != nil {
		return RotationState{}, err
	}
	state.NextRotation = e.scheduler.dueAt(rootJobPrefix + name)
	return *state, nil
}

func (e *Engine) rootState(ctx context.Context, s logical.Storage, name string) (*RotationState, error) {
	state, err := read[RotationState](ctx, s, rootStatePrefix+name)
	if state == nil {
		state = &RotationState{}
	}
	return state, err
}

// scheduleRoot sets or drops a connection's rotation when it is written.
func (e *Engine) scheduleRoot(ctx context.Context, s logical.Storage, name string, before, after *Connection) error {
	key := rootJobPrefix + name
	switch {
	case !after.Schedule.automatic():
		return e.scheduler.drop(ctx, s, key)
	case before != nil && before.Schedule == after.Schedule && !e.scheduler.dueAt(key).IsZero():
		return nil
	}
	return e.scheduler.set(ctx, s, key, after.Schedule.next(e.now()))
}

// runRoot is a connection's rotation by schedule, and what an interrupted one
// leaves to be done.
func (e *Engine) runRoot(ctx context.Context, name string, due time.Time) error {
	connection, err := e.Connection(ctx, e.storage, name)
	if err != nil {
		return err
	}
	finished, err := e.resumeInterrupted(ctx, name, connection)
	if err != nil {
		return err
	}
	key := rootJobPrefix + name
	switch {
	case connection == nil || !connection.Schedule.automatic():
		return e.scheduler.drop(ctx, e.storage, key)
	case finished:
		return nil // the next time is set
	case connection.Schedule.missed(due, e.now()):
		return e.scheduler.set(ctx, e.storage, key, connection.Schedule.next(e.now()))
	}
	state, err := e.rootState(ctx, e.storage, name)
	if err != nil {
		return err
	}
	// A leader that died may have rotated and not come to move the timetable.
	if next := connection.Schedule.next(state.LastRotated); !state.LastRotated.IsZero() && e.now().Before(next) {
		return e.scheduler.set(ctx, e.storage, key, next)
	}
	return e.RotateRoot(ctx, e.storage, name)
}

// forgetRotation removes all that is kept of a deleted connection's rotation.
func (e *Engine) forgetRotation(ctx context.Context, s logical.Storage, name string) error {
	e.unsaved.drop(name)
	if err := e.dropNote(ctx, s, name); err != nil {
		return err
	}
	if err := s.Delete(ctx, rootStatePrefix+name); err != nil {
		return fmt.Errorf("forgetting the rotations of connection %q: %w", name, err)
	}
	return e.scheduler.drop(ctx, s, rootJobPrefix+name)
}

// findInterrupted has the rotations taken up that a former process left
// unfinished.
func (e *Engine) findInterrupted(ctx context.Context, s logical.Storage) error {
	names, err := s.List(ctx, rotationPrefix)
	if err != nil {
		return fmt.Errorf("listing unfinished rotations: %w", err)
	}
	for _, name := range names {
		e.scheduler.urge(rootJobPrefix + name)
	}
	return nil
}

// resumeInterrupted takes up the rotation that a note tells of, if there is one.
// finished is true when the connection has its new credential.
func (e *Engine) resumeInterrupted(ctx context.Context, name string, connection *Connection) (finished bool, err error) {
	unlock, err := e.rotationLocks.lock(ctx, rootJobPrefix+name)
	if err != nil {
		return false, err
	}
	defer unlock()
	note, err := read[rotationNote](ctx, e.storage, rotationPrefix+name)
	if err != nil || note == nil {
		return false, err
	}
	if connection == nil {
		return false, e.dropNote(ctx, e.storage, name)
	}
	site, err := e.site(ctx, e.storage, name)
	if err != nil {
		return false, err
	}
	finished, err = e.resumeRotation(ctx, e.storage, site, note)
	if finished || err != nil {
		err = errors.Join(err, e.noteRootRotation(ctx, e.storage, name, err))
	}
	return finished, err
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
