package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/stored"
)

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
	// Signed is when the sign of life was given, by the clock that nobody sets between a
	// process's start and its end: Seen may be ahead of it. Zero in those of earlier versions.
	Signed time.Time `json:"signed,omitzero"`
	// ClaimAfterCrash says that operators want to be asked after every process that
	// stopped without a release.
	ClaimAfterCrash bool `json:"claim_after_crash,omitempty"`
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
	signed := g.Seen
	if !g.Signed.IsZero() && g.Signed.Before(signed) {
		signed = g.Signed
	}
	absent, longest, how := now.Sub(signed), longestFailover, "without a release"
	if g.Released {
		longest, how = longestStop, "in good order"
	}
	if absent <= longest && (g.Released || !g.ClaimAfterCrash) {
		return nil
	}
	if absent <= longest {
		how += " (claim_after_crash is set)"
	}
	return &Doubt{
		Since: now,
		Reason: fmt.Sprintf("whoever acted on this storage last stopped %s, and gave its last sign of life %s ago, at %s",
			how, absent.Round(time.Second), signed.UTC().Format(time.RFC3339)),
		LastSign: signed,
	}
}

// sign writes the signature with a new sign of life. The caller holds writing.
func (e *Engine) sign(ctx context.Context, s logical.Storage, g signature) error {
	now := e.now()
	o := &e.guard.ownership
	g.Seen, g.Signed = e.clock.latest(), now.Round(0)
	g.Ahead = o.aheadOf(g)
	if err := stored.Write(ctx, s, ownershipPath, &g); err != nil {
		return fmt.Errorf("signing the mount's storage: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.signed {
		o.firstSigned = e.now()
	}
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

func (o *ownership) signature() signature {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.own
}

// leftOfBefore is for how long something may yet be under way that a process before this one
// began, and that takes that long at most: until this one signed, that one could begin it.
func (o *ownership) leftOfBefore(longest time.Duration, now time.Time) time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.decided || !o.signed:
		return longest
	case !o.succeeds:
		return 0
	}
	return max(0, o.firstSigned.Add(longest).Sub(now))
}

func (o *ownership) isSigned() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.signed
}

func (o *ownership) isDue(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	since := now.Sub(o.lastSigned)
	return o.signed && (o.hurried || since >= signInterval || since < 0)
}
