package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// A copy that starts within minutes of its snapshot finds a fresh sign of life,
// as a new leader does after a crash. What tells them apart is at the provider:
// the original goes on minting. So a process that follows one without a release
// keeps a lookout for a while. Before it ends, replaces or removes anything that
// it has not made itself, it looks at what the provider lists: a key of this
// mount which is newer than the last sign of life, which nobody here holds or is
// minting, and for which no dirty mark accounts, was made by somebody else. When
// it is still listed after the list's lag, the mount is passive.
const (
	// lookoutFor is how long after a start the lookout is kept.
	lookoutFor = 24 * time.Hour
	// shortestLookAge is how old, at least, the last look may be. It may be a
	// quarter as old as the lookout is long, and some times what a look takes.
	shortestLookAge = 2 * time.Second
	lookAgePerTook  = 20
	// blindTries and blindBound are how often and for how long a list must fail
	// before the work goes on without it.
	blindTries = 3
	blindBound = 2 * time.Minute
	// nodesApart is how far the clocks of two nodes may be apart.
	nodesApart = 2 * time.Second
	// mostEvidence bounds the names that are kept: storage takes no large entries.
	mostEvidence = 10
	// ownRemembered is for how long the own keys are known as such.
	ownRemembered = 30 * time.Minute
)

// errSuspect is why something waits: it cannot be told yet who made a key.
var errSuspect = errors.New("the provider lists a key of this mount of which nothing here tells, so another mount with a copy of this storage may be alive; it is looked at again soon")

// lookout is what this process has seen of others at the providers.
type lookout struct {
	looking keyedLocks // by place

	mu     sync.Mutex
	kept   bool
	began  time.Time // steady
	start  time.Time // by the wall clock
	sign   time.Time // the last of the process before
	places map[string]*lookedAt
	// windows are when that process may have left keys, by connection.
	windows map[string]windows
	// own are the keys that this process minted of late, by the fixed part of their
	// names: when they are revoked, a list may still show them.
	own     map[string]time.Time
	clearAt int // how many of own are looked through for old ones next
}

// lookedAt is how the looks at one place went.
type lookedAt struct {
	clearAt  time.Time
	took     time.Duration
	failures int
	failedAt time.Time // the first in a row
	// suspects are when the keys that nobody here has made were first seen, by name.
	suspects map[string]time.Time
}

func newLookout() *lookout {
	return &lookout{looking: newKeyedLocks(), places: map[string]*lookedAt{}, windows: map[string]windows{}, own: map[string]time.Time{}}
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
func (e *Engine) keepLookout(ctx context.Context, s logical.Storage, note *lookoutNote) error {
	marks, err := e.activity.inheritedMarks(ctx, s)
	if err != nil && !errors.Is(err, errUnreadable) {
		return err
	}
	l := e.lookout
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.began, l.start, l.sign = true, e.now(), e.clock.start, note.Sign
	for _, m := range marks {
		l.windows[m.connection] = append(l.windows[m.connection], m.mark.Windows...)
	}
	return nil
}

// end ends the lookout: an operator knows better.
func (l *lookout) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept, l.own = false, nil
}

func (l *lookout) isKept(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept && now.Sub(l.began) >= lookoutFor {
		l.kept, l.own = false, nil
	}
	return l.kept
}

// minting notes a key of this process's own.
func (l *lookout) minting(part string, now time.Time) {
	if !l.isKept(now) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.own == nil {
		return
	}
	l.own[part] = now
	if len(l.own) >= l.clearAt {
		maps.DeleteFunc(l.own, func(_ string, at time.Time) bool { return now.Sub(at) > ownRemembered })
		l.clearAt = max(1000, 2*len(l.own))
	}
}

// made reports whether this process has made what was issued then.
func (l *lookout) made(issued time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return issued.After(l.start)
}

// mayEnd reports whether a key may be ended that nobody asks for by name: nil, or
// why it has to wait.
func (e *Engine) mayEnd(ctx context.Context, r *Record) error {
	if e.passive() {
		return e.ownership.mayEnd(r)
	}
	if !e.lookout.isKept(e.now()) || e.lookout.made(r.IssuedAt) {
		return nil
	}
	site, release, err := e.siteFor(ctx, e.storage, r.origin())
	if err != nil {
		return err
	}
	defer release()
	return e.alone(ctx, site, []providers.Scope{r.handleScope(site.definition)})
}

// mayReplace is mayEnd for what a connection's rotation, or that of a static role
// with it, replaces.
func (e *Engine) mayReplace(ctx context.Context, connection string) error {
	if e.passive() {
		return errPassive
	}
	if !e.lookout.isKept(e.now()) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, recoveryPatience)
	defer cancel()
	stored, err := e.Connection(ctx, e.storage, connection)
	if err != nil || stored == nil {
		return err
	}
	site, err := e.site(ctx, e.storage, connection)
	if err != nil {
		return err
	}
	holdings, release, err := e.sharedHoldings(ctx, e.storage)
	if err != nil {
		return err
	}
	defer release()
	scopes, err := e.scopesInUse(ctx, e.storage, site, holdings)
	if err != nil {
		return err
	}
	err = e.alone(ctx, site, scopes)
	if providers.KindOf(err) == providers.Unauthorized {
		// The credential in storage is dead, so it replaces nothing; an interrupted
		// rotation may hold the one that works.
		return nil
	}
	return err
}

// alone looks whether anybody else mints in these places under this mount's tag.
func (e *Engine) alone(ctx context.Context, site *site, scopes []providers.Scope) error {
	if !site.definition.Capabilities.Reconcile {
		return nil
	}
	for _, scope := range scopes {
		if err := e.look(ctx, site, scope); err != nil {
			return err
		}
	}
	return nil
}

// look is one look at a place, unless one was just taken.
func (e *Engine) look(ctx context.Context, site *site, scope providers.Scope) error {
	key := site.name + " " + scope.String()
	unlock, err := e.lookout.looking.lock(ctx, key)
	if err != nil {
		return err
	}
	defer unlock()
	began := e.now()
	if e.lookout.isClear(key, began) {
		return nil
	}
	holdings, release, err := e.sharedHoldings(ctx, e.storage)
	if err != nil {
		return err
	}
	defer release()
	listed, err := e.listOurs(ctx, site, scope, holdings.tag, "lookout "+key)
	if outOfReach(err) {
		return err // what the look is for cannot be done either
	}
	if err != nil {
		return e.lookout.blind(key, e.now(), fmt.Errorf("looking whether another mount with a copy of this storage is alive: %w", err))
	}
	return e.examine(ctx, site, scope, listed, holdings)
}

// examine judges what a place lists.
func (e *Engine) examine(ctx context.Context, site *site, scope providers.Scope, listed *listing, h *holdings) error {
	if !e.lookout.isKept(e.now()) {
		return nil
	}
	var foreign []*Orphan
	for _, found := range listed.keys() {
		if e.isForeign(site, h, found) {
			foreign = append(foreign, found)
		}
	}
	proof := e.lookout.saw(site.name+" "+scope.String(), foreign, listed.began, e.now(), e.lagOf(site))
	if len(proof) > 0 {
		return e.becomePassive(ctx, site, proof)
	}
	if len(foreign) > 0 {
		return errSuspect
	}
	return nil
}

// isForeign reports whether a listed key can only have been made by somebody who
// is not of this storage.
func (e *Engine) isForeign(site *site, h *holdings, found *Orphan) bool {
	part, _, _ := fixedPartOf(h.tag, found.Name)
	return !e.lookout.accountsFor(site.name, part, found.Issued, e.clock.latest()) && e.held(h, found.object, claim{}) == nil
}

// accountsFor reports whether a key is this process's own, or may be the former
// leader's: made before this process started or, where the clock was set back
// since, in what is still the future.
func (l *lookout) accountsFor(connection, part string, issued, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, own := l.own[part]; own || !issued.After(l.sign) {
		return true
	}
	sinceStart := issued.After(l.start.Add(nodesApart)) && !issued.After(now.Add(nodesApart))
	return l.windows[connection].contain(issued) && !sinceStart
}

// becomePassive stops all work on what the mount has not made for certain.
func (e *Engine) becomePassive(ctx context.Context, site *site, proof []string) error {
	doubt := &Doubt{
		Since:    e.clock.latest(),
		Reason:   fmt.Sprintf("connection %q lists keys of this mount that nobody here has made, so another mount with a copy of this storage is alive", site.name),
		Evidence: proof,
	}
	o := &e.ownership
	o.writing.Lock()
	defer o.writing.Unlock()
	o.mu.Lock()
	o.own.Doubt = doubt
	doubted := o.own
	o.mu.Unlock()
	e.logDoubt(doubt)
	return errors.Join(errPassive, e.sign(context.WithoutCancel(ctx), e.storage, doubted))
}

func (l *lookout) at(key string) *lookedAt {
	one := l.places[key]
	if one == nil {
		one = &lookedAt{suspects: map[string]time.Time{}}
		l.places[key] = one
	}
	return one
}

// isClear reports whether the last look at a place is good for now.
func (l *lookout) isClear(key string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.at(key)
	age := max(shortestLookAge, now.Sub(l.began)/4, lookAgePerTook*one.took)
	return !one.clearAt.IsZero() && now.Sub(one.clearAt) < age
}

// blind notes that a place could not be listed. A provider that will not list
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
