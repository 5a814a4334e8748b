package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/backend/keyed"
	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/providers"
)

// A copy that starts within minutes of its snapshot finds a fresh sign of life,
// as a new leader does after a crash. What tells them apart is at the provider:
// the original goes on minting. So a process that follows one without a release
// keeps a lookout for a while. Before it ends, replaces or removes anything that
// it has not made itself, it looks at what the provider lists.
//
// The name of a key tells which process made it, and when. A process signs before
// it makes its first key, and storage tells of the time until which it may have
// made some: its sign of life and the windows of its marks, which are not cleared
// before a sign of life covers them. So a key of this mount by a maker of whom this
// storage does not know, or by one that it knows but from a later time, was made by
// somebody who goes on with another copy. Neither a twin, nor a key that died and
// is still listed, nor a clock that was wrong looks like that. When such a key is
// still listed after the list's lag, the mount is passive.
const (
	// lookoutFor is how long after a start the lookout is kept.
	lookoutFor = 24 * time.Hour
	// shortestLookAge is how old, at least, the last look may be. It may be a
	// quarter as old as the lookout is long, up to a bound, and some times what a look takes.
	shortestLookAge = 2 * time.Second
	longestLookAge  = time.Minute
	lookAgePerTook  = 20
	// blindTries and blindBound are how often and for how long a list must fail
	// before the work goes on without it.
	blindTries = 3
	blindBound = 2 * time.Minute
	// originalFirst is how much later than its time a connection's credential is rotated
	// while a lookout is kept. An original that lives has rotated it by then, at the same
	// schedule, so that a copy's credential is dead and can take nothing from it.
	originalFirst = time.Minute
	// nodesApart is how far the clocks of two nodes may be apart.
	nodesApart = 2 * time.Second
	// mostEvidence bounds the names that are kept: storage takes no large entries.
	mostEvidence = 10
	// mostMakers bounds those that a lookout knows: before the last so many, all
	// that was made counts as this mount's own.
	mostMakers = 200
)

// errSuspect is why something waits: it cannot be told yet who made a key.
var errSuspect = errors.New("the provider lists a key of this mount of which nothing here tells, so another mount with a copy of this storage may be alive; it is looked at again soon")

// lookout is what this process has seen of others at the providers.
type lookout struct {
	looking keyed.Locks // by location

	mu    sync.Mutex
	kept  bool
	began time.Time // steady
	start time.Time // by the wall clock
	sign  time.Time // the last of the process before
	// former are those that had a part in this storage since then.
	former    []makerNote
	locations map[string]*lookedAt
}

// lookedAt is how the looks at one location went.
type lookedAt struct {
	clearAt  time.Time
	took     time.Duration
	failures int
	failedAt time.Time // the first in a row
	// suspects are when the keys that nobody here has made were first seen, by name.
	suspects map[string]time.Time
	// ends are when the provider ends the keys, by the fixed parts of their names, where
	// that is listed.
	ends map[string]listedEnd
}

// behindOriginal is when a copy comes to what its original does first. A schedule of minutes,
// from the last time on, is kept.
func behindOriginal(next, last time.Time) time.Time {
	return next.Add(min(originalFirst, next.Sub(last)/4))
}

func newLookout() *lookout {
	return &lookout{looking: keyed.New(), locations: map[string]*lookedAt{}}
}

// lookoutNote is a lookout that outlasts its process: a copy that is restarted in
// good order is one all the same.
type lookoutNote struct {
	Began time.Time `json:"began"`
	// Sign is the last sign of life of the process that stopped without a release.
	Sign time.Time `json:"sign"`
}

// lookout is what a process is to keep after one with this signature; nil for none.
func (g *signature) lookout(now time.Time) *lookoutNote {
	switch {
	case g == nil:
		return nil
	case g.Lookout != nil && now.Sub(g.Lookout.Began) < lookoutFor:
		return g.Lookout
	case g.Released:
		return nil
	}
	return &lookoutNote{Began: now, Sign: g.Seen}
}

// keepLookout begins a lookout, or goes on with it.
func (e *Engine) keepLookout(note *lookoutNote, former []makerNote) {
	l := e.guard.lookout
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.began, l.start, l.sign, l.former = true, e.now(), e.clock.start, note.Sign, former
}

// end ends the lookout: an operator knows better.
func (l *lookout) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.drop()
}

// drop forgets what a lookout needs and has seen. The caller holds mu.
func (l *lookout) drop() { l.kept, l.former, l.locations = false, nil, map[string]*lookedAt{} }

// forget forgets what was seen where a connection led that there is no more.
func (l *lookout) forget(connection string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	maps.DeleteFunc(l.locations, func(key string, _ *lookedAt) bool { return strings.HasPrefix(key, connection+" ") })
}

func (l *lookout) isKept(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept && now.Sub(l.began) >= lookoutFor {
		l.drop()
	}
	return l.kept
}

// mayEnd reports whether a key may be ended that nobody asks for by name: nil, or
// why it has to wait.
func (e *Engine) mayEnd(ctx context.Context, r *ledger.Record) error {
	maker, err := e.makerOf(ctx, r.Handle.Name)
	if err != nil {
		return err
	}
	if e.passive() {
		return e.guard.ownership.mayEnd(r, maker)
	}
	if !e.guard.lookout.isKept(e.now()) || maker == e.guard.namer.Maker {
		return nil
	}
	bound, release, err := e.boundFor(ctx, e.storage, r.Origin())
	if err != nil {
		return err
	}
	defer release()
	scope := r.HandleScope(bound.definition)
	if err := e.alone(ctx, bound, []providers.ListingScope{scope}); err != nil {
		return err
	}
	return e.refuseIfExtended(ctx, bound, scope, r)
}

// mayReplace is mayEnd for what a connection's rotation, or that of a static role
// with it, replaces.
func (e *Engine) mayReplace(ctx context.Context, connection string) error {
	if e.passive() {
		return errPassive
	}
	if err := e.refuseIfSuperseded(ctx, e.storage, claim{}); err != nil {
		return err
	}
	if !e.guard.lookout.isKept(e.now()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recoveryPatience)
	defer cancel()
	stored, err := e.Connection(ctx, e.storage, connection)
	if err != nil || stored == nil {
		return err
	}
	bound, err := e.bound(ctx, e.storage, connection)
	if err != nil {
		return err
	}
	holdings, release, err := e.sharedHoldings(ctx, e.storage)
	if err != nil {
		return err // of a long ledger not all locations are known yet
	}
	defer release()
	scopes, err := e.scopesInUse(ctx, e.storage, bound, holdings)
	if err != nil {
		return err
	}
	err = e.alone(ctx, bound, scopes)
	if providers.KindOf(err) == providers.Unauthorized {
		// The credential in storage is dead, so it replaces nothing; an interrupted
		// rotation may hold the one that works.
		return nil
	}
	return err
}

// alone looks whether anybody else mints in these locations under this mount's tag.
func (e *Engine) alone(ctx context.Context, bound *boundConnection, scopes []providers.ListingScope) error {
	if !bound.definition.Capabilities.Reconcile {
		return nil
	}
	for _, scope := range scopes {
		if err := e.look(ctx, bound, scope); err != nil {
			return err
		}
	}
	return nil
}

// lookKey names a location that is looked at.
func lookKey(bound *boundConnection, scope providers.ListingScope) string {
	return bound.name + " " + scope.String()
}

// look is one look at a location, unless one was just taken.
func (e *Engine) look(ctx context.Context, bound *boundConnection, scope providers.ListingScope) error {
	key := lookKey(bound, scope)
	unlock, err := e.guard.lookout.looking.Lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	began := e.now()
	if e.guard.lookout.isClear(key, began) {
		return nil
	}
	mount, err := e.mount(ctx, e.storage)
	if err != nil {
		return err
	}
	holdings, release, err := e.sharedHoldings(ctx, e.storage)
	switch {
	case errors.Is(err, errLedgerReading): // as a rule nothing is listed that has to be looked for in it
	case err != nil:
		return err
	default:
		defer release()
	}
	listed, err := e.listOurs(ctx, bound, scope, mount.Tag, "lookout "+key)
	if queue.OutOfReach(err) {
		return err // what the look is for cannot be done either
	}
	if err != nil {
		return e.guard.lookout.blind(key, e.now(), fmt.Errorf("looking whether another mount with a copy of this storage is alive: %w", err))
	}
	return e.examine(ctx, bound, scope, listed, holdings)
}

// examine judges what a location lists. The holdings are nil as long as a long ledger is
// being read: what only that could tell of has to wait for it.
func (e *Engine) examine(ctx context.Context, bound *boundConnection, scope providers.ListingScope, listed *listing, h *holdings) error {
	if !e.guard.lookout.isKept(e.now()) {
		return nil
	}
	if err := e.books.queue.Whole(); err != nil {
		return err // what is not read yet may tell of a key that looks like a stranger's
	}
	var foreign []*Orphan
	for _, found := range listed.keys() {
		if !e.isOfNobodyKnown(found) {
			continue
		}
		if h == nil {
			return errLedgerReading
		}
		if e.held(h, found.object, claim{}) == nil {
			foreign = append(foreign, found)
		}
	}
	proof := e.guard.lookout.saw(lookKey(bound, scope), foreign, listed.began, e.now(), e.lagOf(bound))
	if len(proof) > 0 {
		return e.becomePassive(ctx, bound, "lists keys of this mount that nobody here has made", proof)
	}
	e.guard.lookout.noteEnds(lookKey(bound, scope), listed)
	if len(foreign) > 0 {
		return errSuspect
	}
	return nil
}

// isOfNobodyKnown reports whether a listed key was made by a process of which this storage
// does not tell: where nobody holds it either, only somebody can have made it who is not
// of this storage.
func (e *Engine) isOfNobodyKnown(found *Orphan) bool {
	maker := keyname.MakerIn(found.part)
	return maker != e.guard.namer.Maker && !e.guard.lookout.accountsFor(maker, found.Issued)
}

// becomePassive stops all work on what the mount has not made for certain. what is what its
// connection does, and proof are the names of the keys that show it.
func (e *Engine) becomePassive(ctx context.Context, bound *boundConnection, what string, proof []string) error {
	doubt := &Doubt{
		Since:    e.clock.latest(),
		Reason:   fmt.Sprintf("connection %q %s, so another mount with a copy of this storage is alive", bound.name, what),
		Evidence: proof,
	}
	o := &e.guard.ownership
	o.writing.Lock()
	defer o.writing.Unlock()
	// Who has taken over makes and extends keys of which nothing here tells, and signs.
	if theirs, err := e.signedByAnother(ctx, e.storage); err == nil && theirs {
		return errPassive
	}
	o.mu.Lock()
	doubt.Before = makersOf(o.own.Former)
	o.own.Doubt = doubt
	doubted := o.own
	o.mu.Unlock()
	e.logDoubt(doubt)
	return errors.Join(errPassive, e.sign(context.WithoutCancel(ctx), e.storage, doubted))
}

func (l *lookout) at(key string) *lookedAt {
	one := l.locations[key]
	if one == nil {
		one = &lookedAt{suspects: map[string]time.Time{}}
		l.locations[key] = one
	}
	return one
}

// isClear reports whether the last look at a location is good for now.
func (l *lookout) isClear(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.at(key)
	age := max(shortestLookAge, min(now.Sub(l.began)/4, longestLookAge), lookAgePerTook*one.took)
	return !one.clearAt.IsZero() && now.Sub(one.clearAt) < age
}

// blind notes that a location could not be listed. A provider that will not list
// must not keep keys alive for ever: after a while the work goes on.
func (l *lookout) blind(key string, now time.Time, err error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.at(key)
	if one.failures == 0 {
		one.failedAt = now
	}
	one.failures++
	if one.failures < blindTries || now.Sub(one.failedAt) < blindBound {
		return err
	}
	one.clearAt = now
	return nil
}

// saw notes the suspects of one look, and returns the names of those that were
// listed so long that they are proof.
func (l *lookout) saw(key string, foreign []*Orphan, began, now time.Time, lag time.Duration) (proof []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.at(key)
	one.failures = 0
	one.took = now.Sub(began)
	suspects := map[string]time.Time{}
	for _, found := range foreign {
		part := found.Name
		first, seen := one.suspects[part]
		if !seen {
			first = began
		}
		suspects[part] = first
		if seen && began.Sub(first) >= lag {
			proof = append(proof, found.Name)
		}
	}
	one.suspects = suspects
	one.clearAt = time.Time{}
	if len(foreign) == 0 {
		one.clearAt = began
	}
	slices.Sort(proof)
	return proof[:min(len(proof), mostEvidence)]
}
