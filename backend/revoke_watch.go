package backend

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/providers"
)

// A provider's word that a key is revoked is no proof, and a definition whose revoke
// is misspelt says so of every key. So keys are looked for once the provider has had
// the time to hide them: all of one location in one reading of its list, which comes
// round no more often than that time, whatever number was revoked. Vault does not
// wait for it. A key that is still there goes back into the ledger and on the queue.
//
// So it is with keys that are tried, and not looked for: each is, once it is old enough,
// where it was seen dead so young that its provider may not have known it.
//
// What is to be seen is kept in memory: of the last minutes before a crash the
// provider's word is taken.

const (
	// mostWatched bounds how many keys are looked for at a time, and with it the
	// memory for them; of others the provider's word is taken.
	mostWatched = 20_000
	// watchShare is how much longer than a reading the pause after it is at least.
	watchShare = 20
	// longestWatch is the longest pause between two looks at keys that stay.
	longestWatch = time.Hour
)

var errStillShown = errors.New("the provider says that the key is revoked, and still shows it; " +
	"check the definition's revoke, or, if its list shows keys of the past, have list leave those out or set verify_revocation=off on the role")

// watched are the keys that providers say they have revoked, until they were looked
// for.
type watched struct {
	running sync.WaitGroup

	mu         sync.Mutex
	byLocation map[string]*watchedLocation
	count      int
	full       bool // that there were too many was told
}

// watchedLocation holds the keys that one reading shows.
type watchedLocation struct {
	of      origin.Origin
	scope   providers.ListingScope
	lag     time.Duration
	next    time.Time // not looked at before
	looking bool
	keys    map[string]*watchedKey // by watchedAs
}

type watchedKey struct {
	record ledger.Record
	since  time.Time // of the provider's word
}

// watchedAs tells a key from others that are looked for: one that is made after it may have
// the id of its record by then, where they have one value.
func watchedAs(r *ledger.Record) string { return r.ID + " " + r.Handle.Name }

// watch has a key looked for of which the provider says that it is revoked. The error
// is for one that it has shown after it had said so before.
func (e *Engine) watch(w way, r *ledger.Record) error {
	looks := r.VerifyRevocation.Looks() || r.VerifyRevocation == ledger.ByProbe // of which the key cannot be tried
	if !looks || !w.looksFor(r) || !w.client.CanConfirm(r.Handle) {
		return nil
	}
	e.lookLater(w, r)
	if r.SeenAfter { // which may be over: nothing shows that before the next look
		return &unproven{reason: errStillShown.Error(), until: e.now().Add(e.lagOf(w.boundConnection))}
	}
	return nil
}

// watchYoung has a key asked about once more that was seen dead when its provider may not
// have known it yet.
func (e *Engine) watchYoung(w way, r *ledger.Record) {
	if w.looksFor(r) {
		e.lookLater(w, r)
	}
}

// looksFor reports whether the list that this way shows would show a key that it ended.
func (w way) looksFor(r *ledger.Record) bool {
	of, _ := w.looksAt(r)
	return !r.Unrecorded && !w.elsewhere && len(of.Doubts(w.origin())) == 0
}

// looksAt is where a key is looked for that was ended this way: by the definition that ended
// it, be that the one which made it or a correction.
func (w way) looksAt(r *ledger.Record) (origin.Origin, providers.ListingScope) {
	of := r.Origin()
	if !w.corrected {
		return of, r.Scope
	}
	of.Definition = w.definition.Hash()
	return of, r.HandleScope(w.definition)
}

func (e *Engine) lookLater(w way, r *ledger.Record) {
	of, scope := w.looksAt(r)
	if e.pending.watched.add(r, of, scope, e.lagOf(w.boundConnection), e.now()) {
		e.log.Warn("more keys were revoked than can be looked for; of some the provider's word is taken", "connection", r.Connection)
	}
}

// add takes a key in that is looked for there, where there is room, and reports whether there is none since.
func (w *watched) add(r *ledger.Record, of origin.Origin, scope providers.ListingScope, lag time.Duration, now time.Time) (overflows bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.byLocation == nil {
		w.byLocation = map[string]*watchedLocation{}
	}
	key := of.Connection + "\x00" + of.Provider + "\x00" + of.Definition + "\x00" + of.BaseURL + "\x00" + of.Account + "\x00" + scope.String()
	location := w.byLocation[key]
	if location == nil {
		location = &watchedLocation{of: of, scope: scope, lag: lag, keys: map[string]*watchedKey{}}
		w.byLocation[key] = location
	}
	switch id := watchedAs(r); {
	case location.keys[id] != nil:
	case w.count < mostWatched:
		w.count++
		location.keys[id] = &watchedKey{record: *r, since: now}
	default:
		overflows, w.full = !w.full, true
	}
	return overflows
}

// due are the locations with keys that it is time to look for. Each is to be given back
// by done.
func (w *watched) due(now time.Time) []*watchedLocation {
	w.mu.Lock()
	defer w.mu.Unlock()
	var due []*watchedLocation
	for key, location := range w.byLocation {
		switch {
		case len(location.keys) == 0 && !now.Before(location.next):
			delete(w.byLocation, key)
		case !location.looking && !now.Before(location.next) && len(location.ripe(now)) > 0:
			location.looking = true
			due = append(due, location)
		}
	}
	return due
}

// ripe are the keys that the provider has had the time to hide, and is old enough to
// know: no key was revoked before it was made.
func (p *watchedLocation) ripe(now time.Time) map[string]*watchedKey {
	ripe := map[string]*watchedKey{}
	for id, key := range p.keys {
		if !now.Before(key.since.Add(p.lag)) {
			ripe[id] = key
		}
	}
	return ripe
}

// done takes the keys out that need be looked for no longer, and has the next look
// wait.
func (w *watched) done(location *watchedLocation, settled []string, next time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range settled {
		delete(location.keys, id)
		w.count--
	}
	location.looking, location.next = false, next
	w.full = w.full && w.count >= mostWatched
}

// lookForEnded looks for the keys whose time has come, each location by itself.
func (e *Engine) lookForEnded(ctx context.Context) {
	if e.passive() {
		return
	}
	now := e.now()
	for _, location := range e.pending.watched.due(now) {
		e.pending.watched.running.Go(func() {
			e.pending.watched.mu.Lock()
			keys := location.ripe(now)
			e.pending.watched.mu.Unlock()
			var settled []string
			err := guarded(func() (err error) { settled, err = e.lookForAll(ctx, location, keys); return err })
			if err != nil {
				e.log.Debug("revoked keys could not be looked for yet", "connection", location.of.Connection, "error", err)
			}
			ended := e.now()
			e.pending.watched.done(location, settled, ended.Add(location.pause(keys, ended.Sub(now), ended)))
		})
	}
}

// pause is how long the next look waits after one that took so long: for its share of
// the provider's time, and for longer where all that it is about stays.
func (p *watchedLocation) pause(keys map[string]*watchedKey, took time.Duration, now time.Time) time.Duration {
	pause := max(p.lag, watchShare*took)
	var youngest time.Time
	for _, key := range keys {
		if key.since.After(youngest) {
			youngest = key.since
		}
	}
	return max(pause, min(longestWatch, now.Sub(youngest)/4))
}

// lookForAll asks for keys of one location, and returns those that need be asked for no
// more.
func (e *Engine) lookForAll(ctx context.Context, location *watchedLocation, keys map[string]*watchedKey) (settled []string, err error) {
	w, release, err := e.wayTo(ctx, e.storage, location.of)
	if err != nil || len(w.doubts) > 0 {
		if err == nil {
			release()
		}
		e.log.Info("revoked keys were not looked for, since their connection no longer leads to them; the provider's word is taken", "connection", location.of.Connection, "keys", len(keys))
		return slices.Collect(maps.Keys(keys)), nil
	}
	defer release()
	seen, err := e.lookAt(ctx, w, location.scope, keys)
	unseen := map[string]*watchedKey{}
	for id, key := range keys {
		liveness, ok := seen[id]
		if !ok {
			unseen[id] = key
			continue
		}
		done, failed := e.settleWatched(ctx, w, key, liveness)
		if done {
			settled = append(settled, id)
		}
		err = errors.Join(err, failed)
	}
	return append(settled, e.letOldGo(w, unseen)...), err
}

// letOldGo are those of which, after a while in which nobody could be asked, the
// provider's word has to do.
func (e *Engine) letOldGo(w way, keys map[string]*watchedKey) (settled []string) {
	for id, key := range keys {
		if !key.record.SeenAfter && e.now().Sub(key.since) > aliveBound+e.lagOf(w.boundConnection) {
			settled = append(settled, id)
		}
	}
	if len(settled) > 0 {
		e.log.Warn("revoked keys were never looked for; the provider's word is taken for them", "connection", w.name, "keys", len(settled))
	}
	return settled
}

// lookAt tells by their ids here what is seen of the keys: in one reading of the provider's
// list where it has one, else of each by itself, as of those that are tried. Those are left
// out that could not be asked for.
func (e *Engine) lookAt(ctx context.Context, w way, scope providers.ListingScope, keys map[string]*watchedKey) (map[string]providers.Liveness, error) {
	lists := w.definition.Capabilities.Reconcile || w.definition.Capabilities.Candidates
	seen, listed := map[string]providers.Liveness{}, map[string]*watchedKey{}
	var failed error
	for id, key := range keys {
		if lists && !(e.isTried(w, &key.record) && w.client.CanProbe(key.record.Handle)) {
			listed[id] = key
			continue
		}
		liveness, err := w.client.Confirm(ctx, key.record.Handle, scope)
		if err == nil && liveness != providers.Unclear {
			seen[id] = liveness
		}
		failed = errors.Join(failed, err)
	}
	if len(listed) == 0 {
		return seen, failed
	}
	found, err := e.lookInList(ctx, w, scope, listed)
	maps.Copy(seen, found)
	return seen, errors.Join(failed, err)
}

// lookInList is lookAt for keys that one reading of the provider's list tells of. Where all
// of them are dead by the provider's word one reading will do; a key that was seen after
// that is dead only by a list that holds still.
func (e *Engine) lookInList(ctx context.Context, w way, scope providers.ListingScope, keys map[string]*watchedKey) (map[string]providers.Liveness, error) {
	seen := map[string]providers.Liveness{}
	look := providers.Look{IDs: map[string]bool{}, Once: true}
	for _, key := range keys {
		look.IDs[key.record.Handle.ID] = true
		look.Once = look.Once && !key.record.SeenAfter
	}
	found, err := w.client.Find(ctx, scope, look)
	switch {
	case err != nil:
		return nil, err
	case !found.Whole:
		return nil, errors.New(found.Doubt)
	}
	mount, err := e.mount(ctx, e.storage)
	if err != nil {
		return nil, err
	}
	for id, key := range keys {
		switch {
		case slices.ContainsFunc(found.Keys, func(one providers.Listed) bool { return isSameKey(mount.Tag, one.Handle, &key.record) }):
			seen[id] = providers.Alive
		case found.Steady:
			seen[id] = providers.Dead
		default:
			seen[id] = providers.Unclear
		}
	}
	return seen, nil
}

// isSameKey tells a key from a later one that has got its id. Its provider may have made
// another name of its own; a person may have given it any, which tells only where nothing else
// can have the id, and the answer told its own.
func isSameKey(tag string, listed providers.Handle, r *ledger.Record) bool {
	made := r.Handle
	switch {
	case listed.ID != made.ID:
		return false
	case listed.Name == "" || made.Name == "" || listed.Name == made.Name:
		return true
	}
	own, _, ours := keyname.FindKeyPart(tag, made.Name)
	part, _, found := keyname.FindKeyPart(tag, listed.Name)
	if found {
		return ours && part == own
	}
	return ours && !r.Misnamed && isUnique(&made, own) && !keyname.IsOfSomeMount(listed.Name)
}

// settleWatched draws the conclusion of one look, and reports whether it was the last.
func (e *Engine) settleWatched(ctx context.Context, w way, key *watchedKey, seen providers.Liveness) (done bool, err error) {
	ctx = context.WithoutCancel(ctx)
	unlock, err := e.locks.records.Lock(ctx, key.record.ID)
	if err != nil {
		return false, err
	}
	defer unlock()
	r, err := ledger.GetNamed(ctx, e.storage, key.record.ID, key.record.Handle.Name)
	if err != nil {
		return false, err
	}
	switch {
	case r == nil && key.record.SeenAfter:
		return true, nil // an operator gave it up
	case r != nil && r.SeenAfter && seen == providers.Dead:
		return e.forgetSeen(ctx, r)
	case key.record.SeenAfter:
		return false, nil
	case seen != providers.Alive || key.record.HasEnded(e.now(), e.lagOf(w.boundConnection)):
		return true, nil
	case r != nil && !r.SeenAfter:
		return true, nil // its revocation failed after all, and is tried again
	}
	return e.keepSeen(ctx, w, key)
}

// forgetSeen ends a revocation that was not believed.
func (e *Engine) forgetSeen(ctx context.Context, r *ledger.Record) (done bool, err error) {
	if err := e.books.ledger.Delete(ctx, e.storage, r); err != nil {
		return false, err
	}
	e.pending.ended.add(r.ID + r.Handle.Name)
	return true, e.books.queue.Remove(ctx, e.storage, r.ID)
}

// keepSeen puts a key back into the ledger that lives on, and has its revocation tried
// again. One that is tried goes with that, so that it need be looked for no more.
func (e *Engine) keepSeen(ctx context.Context, w way, key *watchedKey) (done bool, err error) {
	mount, err := e.mount(ctx, e.storage)
	if err != nil {
		return false, err
	}
	restored, cause := key.record, errStillAlive
	tried := e.isTried(w, &restored)
	if !tried {
		restored.SeenAfter, cause = true, errStillShown
	}
	if err := e.books.ledger.PutBack(ctx, e.storage, mount, &restored); err != nil {
		return false, err
	}
	e.log.Warn("a key lives on that the provider says it has revoked; its revocation is tried again", "connection", restored.Connection, "role", restored.Role, "key_name", restored.Handle.Name)
	key.record = restored
	_, err = e.postpone(ctx, e.storage, &restored, "it was revoked, and lives on", cause)
	return tried && err == nil, err
}
