package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

// Storage that was restored beside its living original looks, to the engine that
// starts on it, like the storage of a leader that has just died. What the
// original has renewed, made or rotated since the snapshot is not in it, so an
// engine that went on as after a failover would end what others hold.
//
// So whoever acts on a storage signs it: with an epoch of its own at the start,
// with a sign of life every minute, and with a release when it stops in good
// order. A snapshot of a living mount never carries a release, and one that is
// more than a few minutes old carries an old sign of life. A mount that finds
// neither a release nor a fresh sign is passive: it reads, mints, and keeps its
// books, and ends, replaces and removes nothing, until an operator says that it
// is the only one.
const (
	ownershipPath = "ownership"

	// signInterval is the pause between two signs of life.
	signInterval = time.Minute
	// longestFailover is how old the last sign of life may be when a process
	// that stopped without a release is followed by another one.
	longestFailover = 10 * time.Minute
	// longestStop is how old a release may be. Who was stopped for longer is
	// asked: a clock that is far ahead looks the same.
	longestStop = 7 * 24 * time.Hour
)

// errPassive is why a mount that may be a copy leaves something undone.
var errPassive = errors.New("this mount may be a copy of another one that is alive, so it ends, replaces and removes nothing (read ownership)")

// signature is who acts on this storage, as it is stored.
type signature struct {
	Epoch string `json:"epoch"`
	// Released says that the process stopped in good order and left the mount to
	// whoever comes next.
	Released bool `json:"released,omitempty"`
	// Doubt makes the mount passive.
	Doubt *Doubt `json:"doubt,omitempty"`
	// Lookout is kept by this process and those after it, until it is over.
	Lookout *lookoutNote `json:"lookout,omitempty"`
	makerNote
	// Former are the makers before this one of which a lookout has to know.
	Former []makerNote `json:"former,omitempty"`
}

// Doubt is why a mount is passive.
type Doubt struct {
	// Since is when the doubt arose, and Reason why, as a part of a sentence.
	Since  time.Time `json:"since"`
	Reason string    `json:"reason"`
	// LastSign is the last sign of life that was found when a sign too old is the
	// reason.
	LastSign time.Time `json:"last_sign,omitzero"`
	// Evidence are the names of keys that somebody else has made.
	Evidence []string `json:"evidence,omitempty"`
	// Yielded says that an operator left the mount to another one: it stays
	// passive until somebody claims it.
	Yielded bool `json:"yielded,omitempty"`
	// Before are the makers that had a part in this storage when the doubt arose:
	// what they made is not this mount's own, whatever the time in its name says.
	Before []string `json:"before,omitempty"`
}

// ownership is what this process knows of its right to act.
type ownership struct {
	epoch string

	// writing keeps two writes of the signature apart, and is taken before mu.
	writing sync.Mutex

	mu sync.Mutex
	// decided is set once the signature that was found is judged, and signed once
	// the own one is on disk.
	decided, signed bool
	own             signature
	lastSigned      time.Time
	superseded      bool
	// hurried says that something waits for the next signature, and ahead is what
	// it is to tell of windows that a clock which was ahead has left.
	hurried bool
	ahead   marks.Windows
}

// findOwnership judges what the last process left, and signs the storage.
func (e *Engine) findOwnership(ctx context.Context, s logical.Storage) error {
	o := &e.guard.ownership
	o.writing.Lock()
	defer o.writing.Unlock()
	if o.isSigned() || !e.writable() {
		return nil
	}
	if err := e.judgeSignature(ctx, s); err != nil {
		return err
	}
	return e.sign(ctx, s, o.signature())
}

// judgeSignature decides once: a signature whose writing failed may be on disk.
func (e *Engine) judgeSignature(ctx context.Context, s logical.Storage) error {
	o := &e.guard.ownership
	if o.isDecided() {
		return nil
	}
	found, err := stored.Read[signature](ctx, s, ownershipPath)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return err
	}
	stake, stakeErr := e.hasStake(ctx, s)
	if stakeErr != nil {
		return stakeErr
	}
	var doubt *Doubt
	switch {
	case err != nil:
		doubt = &Doubt{Since: e.now(), Reason: "the signature of whoever acted on this storage last cannot be read"}
	default:
		doubt = found.doubt(e.now(), stake)
	}
	note := found.lookout(e.now())
	former, err := e.formerMakers(ctx, s, found, note)
	if err != nil {
		return err
	}
	if doubt != nil && doubt.Before == nil {
		doubt.Before = makersOf(former)
	}
	if note != nil && doubt == nil {
		e.keepLookout(note, former)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.decided = true
	o.own = signature{Epoch: o.epoch, makerNote: makerNote{Maker: e.guard.namer.Maker}, Doubt: doubt, Lookout: note, Former: former}
	if doubt != nil {
		e.logDoubt(doubt)
	}
	return nil
}

func (e *Engine) logDoubt(doubt *Doubt) {
	e.log.Error("this mount is passive: it may be a copy of another one that is alive. If it is the only one, write ownership/claim; if another one is the owner, write ownership/yield",
		"reason", doubt.Reason, "evidence", doubt.Evidence, "since", doubt.Since)
	e.tell(eventPassive, "ownership", true, "reason", doubt.Reason)
}

// doubt is why a process that starts on a storage with this signature is to be
// passive; nil where it takes over. stake says that there is anything which the
// original of a copy could lose.
func (g *signature) doubt(now time.Time, stake bool) *Doubt {
	switch {
	case g == nil:
		return nil
	case g.Doubt != nil:
		return g.Doubt
	case !stake:
		return nil
	}
	absent, longest, how := now.Sub(g.Seen), longestFailover, "without a release"
	if g.Released {
		longest, how = longestStop, "in good order"
	}
	if absent <= longest {
		return nil
	}
	return &Doubt{
		Since: now,
		Reason: fmt.Sprintf("whoever acted on this storage last stopped %s, and gave its last sign of life %s ago, at %s",
			how, absent.Round(time.Second), g.Seen.UTC().Format(time.RFC3339)),
		LastSign: g.Seen,
	}
}

// hasStake reports whether the storage tells of anything at a provider.
func (e *Engine) hasStake(ctx context.Context, s logical.Storage) (bool, error) {
	for _, prefix := range []string{connectionPrefix, ledger.Prefix, ledger.SealedPrefix, queue.Prefix, marks.Prefix} {
		found, err := s.List(ctx, prefix)
		if err != nil {
			return false, fmt.Errorf("finding out what this mount answers for: %w", err)
		}
		if len(found) > 0 {
			return true, nil
		}
	}
	return false, nil
}

// sign writes the signature with a new sign of life. The caller holds writing.
func (e *Engine) sign(ctx context.Context, s logical.Storage, g signature) error {
	now := e.now()
	o := &e.guard.ownership
	g.Seen = e.clock.latest()
	g.Ahead = o.aheadOf(g)
	if err := stored.Write(ctx, s, ownershipPath, &g); err != nil {
		return fmt.Errorf("signing the mount's storage: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.own, o.signed, o.lastSigned, o.hurried = g, true, now, false
	o.ahead = slices.DeleteFunc(o.ahead, func(w marks.Window) bool { return slices.Contains(g.Ahead, w) })
	return nil
}

// aheadOf is what a signature tells of windows after its sign of life.
func (o *ownership) aheadOf(g signature) marks.Windows {
	o.mu.Lock()
	defer o.mu.Unlock()
	all := slices.Clone(g.Ahead)
	for _, w := range o.ahead {
		if !slices.Contains(all, w) {
			all = append(all, w)
		}
	}
	all = slices.DeleteFunc(all, func(w marks.Window) bool { return !w.Until.After(g.Seen) })
	return all.AtMost(marks.MostWindows)
}

// signBeforeUse has this process signed for before it makes a key: what nobody
// has signed for, the lookout takes for a stranger's.
func (e *Engine) signBeforeUse(ctx context.Context, s logical.Storage) error {
	if e.guard.ownership.isSigned() {
		return nil
	}
	return e.findOwnership(ctx, s)
}

// accountsForOwn reports whether the signature on disk tells that this process
// has made keys in the windows. Where it does not, the next one will.
func (e *Engine) accountsForOwn(made marks.Windows) bool {
	latest := e.clock.latest()
	o := &e.guard.ownership
	o.mu.Lock()
	defer o.mu.Unlock()
	told := true
	for _, w := range made {
		if o.signed && (!w.Until.After(o.own.Seen) || o.own.Ahead.Cover(w)) {
			continue
		}
		told, o.hurried = false, true
		if w.Until.After(latest.Add(marks.WindowLength)) && !slices.Contains(o.ahead, w) {
			o.ahead = append(o.ahead, w)
		}
	}
	return told
}

// keepSigning gives a sign of life when one is due. A storage that somebody else
// has signed since is theirs: this process was the leader before.
func (e *Engine) keepSigning(ctx context.Context, s logical.Storage) error {
	o := &e.guard.ownership
	if !o.isDue(e.now()) {
		return nil
	}
	o.writing.Lock()
	defer o.writing.Unlock()
	theirs, err := e.signedByAnother(ctx, s)
	if err != nil || theirs {
		return err
	}
	return e.sign(ctx, s, o.signature())
}

func (e *Engine) signedByAnother(ctx context.Context, s logical.Storage) (bool, error) {
	o := &e.guard.ownership
	found, err := stored.Read[signature](ctx, s, ownershipPath)
	if errors.Is(err, stored.ErrUnreadable) {
		return false, nil // it is written anew
	}
	if err != nil {
		return false, err
	}
	theirs := found != nil && found.Epoch != o.epoch
	o.mu.Lock()
	defer o.mu.Unlock()
	if theirs && !o.superseded {
		e.log.Warn("another process has taken this mount over; this one ends, replaces and removes nothing any more")
		e.tell(eventPassive, "ownership", true, "reason", "another process has taken this mount over")
	}
	o.superseded = theirs
	return theirs, nil
}

// refuseIfSuperseded is errPassive once another process has taken over, as of
// this moment. What a mint of this very process left is its own to clear up.
func (e *Engine) refuseIfSuperseded(ctx context.Context, s logical.Storage, by claim) error {
	if by.failed {
		return nil
	}
	theirs, err := e.signedByAnother(ctx, s)
	if err == nil && theirs {
		err = errPassive
	}
	return err
}

// releaseTimeout bounds what stopping waits for storage.
const releaseTimeout = 3 * time.Second

// release leaves the mount to whoever comes next, and with it no mark of connections
// with nothing in flight, so that nothing has to be recovered from. The signature
// comes first, since it is what then tells of the keys that were just made. A
// process that was killed comes to nothing of this, nor does the original of a
// snapshot; one that has a successor leaves everything to that.
func (e *Engine) release(ctx context.Context) {
	o := &e.guard.ownership
	if !o.isSigned() || !e.writable() {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTimeout)
	defer cancel()
	o.writing.Lock()
	defer o.writing.Unlock()
	if theirs, err := e.signedByAnother(ctx, e.storage); err != nil || theirs {
		return
	}
	released := o.signature()
	released.Released = true
	released.Ahead = append(slices.Clone(released.Ahead), e.books.marks.Windows()...)
	if err := e.sign(ctx, e.storage, released); err != nil {
		e.log.Debug("the mount stops without a release", "error", err)
		return
	}
	if err := e.books.marks.CleanStopped(ctx, e.storage); err != nil {
		e.log.Debug("the mount stops with a mark, from which the next start recovers", "error", err)
	}
}

// passive reports whether this mount is to end, replace and remove nothing at a
// provider. It is passive as long as storage does not say who acted last.
func (e *Engine) passive() bool {
	o := &e.guard.ownership
	if !o.isDecided() {
		if err := e.findOwnership(context.Background(), e.storage); err != nil {
			e.log.Debug("it cannot be told yet whether this mount is a copy of another one", "error", err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.decided || o.superseded || o.own.Doubt != nil
}

// mayEnd is nil for a key that a passive mount has made itself, since it is passive.
func (o *ownership) mayEnd(r *ledger.Record, maker string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	doubt := o.own.Doubt
	if doubt != nil && !o.superseded && r.IssuedAt.After(doubt.Since.Add(nodesApart)) && !slices.Contains(doubt.Before, maker) {
		return nil
	}
	return errPassive
}

// refuseIfPassive is a *usererror.Error for whoever asks a passive mount for what it may
// not do.
func (e *Engine) refuseIfPassive(what string) error {
	if !e.passive() {
		return nil
	}
	return usererror.Errorf("%s is not done, because this mount may be a copy of another one that is alive; read ownership for the reason, and if this mount is the only one, write ownership/claim", what)
}

// Ownership is whether a mount acts, and what waits while it does not.
type Ownership struct {
	// Epoch tells this process from others that use the same storage.
	Epoch string
	// Passive says that the mount ends, replaces and removes nothing.
	Passive bool
	// Doubt is why the mount is passive; nil where it is not, or where another
	// process has taken over.
	Doubt *Doubt
	// Superseded says that another process has taken over.
	Superseded bool
	// PastDeadline counts the keys that the reaper would have ended, and Queued
	// the revocations that wait; both are 0 where the mount is not passive.
	PastDeadline, Queued int
}

// Ownership tells whether the mount acts.
func (e *Engine) Ownership(ctx context.Context, s logical.Storage) (Ownership, error) {
	passive := e.passive()
	o := &e.guard.ownership
	o.mu.Lock()
	told := Ownership{Epoch: o.epoch, Passive: passive, Doubt: o.own.Doubt, Superseded: o.superseded}
	o.mu.Unlock()
	if !passive {
		return told, nil
	}
	told.Queued = e.books.queue.Len()
	for r, err := range ledger.All(ctx, s) {
		if errors.Is(err, stored.ErrUnreadable) {
			continue
		}
		if err != nil {
			return told, err
		}
		held, err := e.heldByStaticRole(ctx, r)
		if err != nil {
			return told, err
		}
		if !held && !e.now().Before(r.Deadline) {
			told.PastDeadline++
		}
	}
	return told, nil
}

// ClaimOwnership has the mount act: an operator says that it is the only one. By
// a clock that was wrong at the start, which may be what made the mount passive,
// it would end what is held.
func (e *Engine) ClaimOwnership(ctx context.Context, req *logical.Request) error {
	if moved := e.clock.moved(); e.passive() && moved > sooner {
		return usererror.Errorf("the clock was set by %s since this mount was started; have it started anew (vault plugin reload -mounts=...) and write ownership/claim then", moved.Round(time.Second))
	}
	return e.changeOwnership(ctx, req, nil, eventClaimed, "an operator says that this mount is the only one of its kind; it acts")
}

// YieldOwnership makes the mount passive until it is claimed: an operator says
// that another one is the owner of what it knows.
func (e *Engine) YieldOwnership(ctx context.Context, req *logical.Request) error {
	doubt := &Doubt{Since: e.now(), Reason: "an operator left what this mount knows to another one", Yielded: true}
	return e.changeOwnership(ctx, req, doubt, eventYielded, "an operator left what this mount knows to another one; it is passive")
}

func (e *Engine) changeOwnership(ctx context.Context, req *logical.Request, doubt *Doubt, event, said string) error {
	if err := e.findOwnership(ctx, req.Storage); err != nil {
		return err
	}
	o := &e.guard.ownership
	o.writing.Lock()
	defer o.writing.Unlock()
	changed := o.signature()
	if doubt != nil {
		doubt.Before = append(makersOf(changed.Former), changed.Maker)
	}
	changed.Doubt = doubt
	if doubt == nil {
		changed.Lookout = nil
	}
	if err := e.sign(ctx, req.Storage, changed); err != nil {
		return err
	}
	o.mu.Lock()
	o.superseded = false
	o.mu.Unlock()
	if doubt == nil {
		e.guard.lookout.end()
	}
	e.tell(event, "ownership", true)
	e.log.Warn(said, "entity_id", req.EntityID, "display_name", req.DisplayName, "request_id", req.ID)
	e.triggerQueue()
	return nil
}

func (o *ownership) isSigned() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.signed
}

func (o *ownership) isDecided() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.decided
}

func (o *ownership) signature() signature {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.own
}

func (o *ownership) isDue(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	since := now.Sub(o.lastSigned)
	return o.signed && (o.hurried || since >= signInterval || since < 0)
}
