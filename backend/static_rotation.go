package backend

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/keyname"
	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// RotateStatic replaces a static role's key now. On an error the current key
// works on.
func (e *Engine) RotateStatic(ctx context.Context, s logical.Storage, name string) error {
	if err := e.refuseIfPassive("the rotation"); err != nil {
		return err
	}
	unlock, err := e.locks.rotations.Lock(ctx, staticJobPrefix+name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := e.StaticRole(ctx, s, name)
	if err != nil {
		return err
	}
	if r == nil {
		return unknownStaticRole(name)
	}
	keys, err := e.staticKeys(ctx, s, name)
	if err != nil {
		return err
	}
	return e.rotateStatic(context.WithoutCancel(ctx), s, name, r, keys)
}

// unknownStaticRole offers no name instead, as unknownRole does not.
func unknownStaticRole(name string) error {
	return usererror.Errorf("there is no static role %q; check the name, or have static-roles/%s written first", name, name)
}

// rotateStatic replaces the key, notes a failure for the role's readers, and
// sets the next time.
func (e *Engine) rotateStatic(ctx context.Context, s logical.Storage, name string, r *StaticRole, keys *StaticKeys) error {
	defer e.rotations.installing.Begin(name)()
	next, err := e.replaceStatic(ctx, s, name, r, keys)
	e.metrics.rotatedStatic(r.Connection, name, err)
	e.rotations.failing.note(staticJobPrefix+name, err)
	if err != nil {
		e.tellRotated(name, r.Connection, "", err)
		return errors.Join(err, e.noteStaticFailure(ctx, s, name, err))
	}
	e.tellRotated(name, r.Connection, next.Current.Name, nil)
	e.log.Info("the key of a static role was rotated", "static_role", name, "connection", r.Connection, "key_name", next.Current.Name)
	if r.Overlap > 0 {
		return nil
	}
	if err := e.endPrevious(ctx, s, name, next); err != nil {
		return err
	}
	return e.scheduleStatic(ctx, s, name, r, next)
}

// noteStaticFailure keeps a failure with whichever keys storage has: a write that
// failed may have been carried out.
func (e *Engine) noteStaticFailure(ctx context.Context, s logical.Storage, name string, outcome error) error {
	keys, err := e.staticKeys(ctx, s, name)
	if err != nil {
		return err
	}
	keys.failed(outcome, e.now())
	return e.storeKeys(ctx, s, name, keys)
}

// replaceStatic stores a new key beside the old one. When it fails, the old one
// still is the current key, or the new one is stored all the same: both live until
// storage has told which, and the reaper ends the new one if no role holds it.
func (e *Engine) replaceStatic(ctx context.Context, s logical.Storage, name string, r *StaticRole, keys *StaticKeys) (*StaticKeys, error) {
	settle, err := e.doubtInPlace(ctx, s, name, r, keys)
	if err != nil {
		return nil, err
	}
	made, err := e.issueStatic(ctx, s, name, r, keys.Current)
	if err != nil {
		return nil, settle(err)
	}
	next := keys.with(made.key, r.overlap())
	if made.record.InPlace {
		return next, settle(e.storeStatic(ctx, s, name, next))
	}
	// The timetable first, so that no crash leaves the old key beyond its time.
	if err := e.scheduleStatic(ctx, s, name, r, next); err != nil {
		return nil, errors.Join(err, e.revokeUndelivered(ctx, s, made.record))
	}
	return next, e.storeStatic(ctx, s, name, next)
}

// madeStatic is a new static key that no role holds yet.
type madeStatic struct {
	key    *StaticKey
	record *ledger.Record
}

// issueStatic issues a key for a static role and sees it work. before is the one in whose
// place it comes; nil for none.
func (e *Engine) issueStatic(ctx context.Context, s logical.Storage, name string, r *StaticRole, before *StaticKey) (*madeStatic, error) {
	unlock, err := e.lockInPlace(ctx, s, name, r)
	if err != nil {
		return nil, err
	}
	defer unlock()
	o, key, err := e.issue(ctx, s, func() (*mintPlan, error) { return e.planStaticMint(ctx, s, name, r) })
	if err != nil {
		return nil, err
	}
	err = r.suffices(&o.record)
	if err != nil && before != nil && before.ExpiresAt.Before(o.record.ExpiresAt) && !before.ExpiresAt.IsZero() {
		e.log.Warn("a new static key ends before its role would have it replaced; it is taken all the same, since the one before ends earlier", "static_role", name, "connection", o.bound.name, "error", err)
		err = nil
	}
	if err == nil {
		err = e.confirmAlive(ctx, o.bound, key)
	}
	if err != nil && o.record.InPlace {
		e.log.Warn("a credential that was replaced in place may be of no use; it is kept all the same, since the one before has ended", "static_role", name, "connection", o.bound.name, "error", err)
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, e.revokeUndelivered(ctx, s, &o.record))
	}
	return &madeStatic{
		record: &o.record,
		key: &StaticKey{
			RecordID:  o.record.ID,
			Name:      o.request.Name,
			Secret:    key.Secret,
			IssuedAt:  e.now(),
			ExpiresAt: o.record.EarliestEnd(),
			AskedEnd:  o.askedEnd(),
		},
	}, nil
}

// askedEnd is the end that was asked for, by the clock by which EarliestEnd tells the key's.
func (o *mintPlan) askedEnd() time.Time {
	if o.request.ExpiresAt.IsZero() {
		return time.Time{}
	}
	return o.request.ExpiresAt.Add(-o.record.Ahead)
}

// storeStatic puts the keys in storage and reads them back: a write that failed
// may have been carried out.
func (e *Engine) storeStatic(ctx context.Context, s logical.Storage, name string, next *StaticKeys) error {
	err := stored.Write(ctx, s, staticKeyPrefix+name, next)
	stored, readErr := e.staticKeys(ctx, s, name)
	if readErr == nil && stored.Current != nil && stored.Current.RecordID == next.Current.RecordID {
		return nil
	}
	return fmt.Errorf("storing the new key of static role %q: %w", name, errors.Join(err, readErr))
}

// with is the keys after current has taken its place.
func (k *StaticKeys) with(current *StaticKey, overlap time.Duration) *StaticKeys {
	next := &StaticKeys{
		Current:       current,
		Previous:      slices.Clone(k.Previous),
		RotationState: RotationState{LastRotated: current.IssuedAt},
	}
	if k.Current != nil {
		old := *k.Current
		old.Until = current.IssuedAt.Add(overlap)
		next.Previous = slices.Insert(next.Previous, 0, &old)
	}
	return next
}

// planStaticMint is a mint without a lease.
func (e *Engine) planStaticMint(ctx context.Context, s logical.Storage, name string, r *StaticRole) (*mintPlan, error) {
	bound, err := e.bound(ctx, s, r.Connection)
	if err != nil {
		return nil, err
	}
	if !bound.connection.allows(name) {
		return nil, usererror.Errorf("role %q may not use connection %q; add it to allowed_roles of config/%s", name, r.Connection, r.Connection)
	}
	expiresAt, err := r.expiresAt(bound.definition, e.clock.latest())
	if err != nil {
		return nil, err
	}
	o, err := e.newMintPlan(ctx, s, bound, name, &r.Role, keyname.Data{RoleName: name, DisplayName: "static"}, r.KeyCIDRs, expiresAt)
	if err != nil {
		return nil, err
	}
	o.record.StaticRole = name
	o.storeWithin = e.acceptance + installation
	o.record.DisplayName = "static role " + name
	return o, nil
}

// expiresAt is the provider-side end of a static key: well after its next
// rotation and overlap, within what the provider can do.
func (r *StaticRole) expiresAt(definition *providers.Definition, now time.Time) (time.Time, error) {
	needed := r.gap(now) + r.overlap() + staticReserve
	if longest := definition.Expiry.LongestLease(); longest > 0 {
		needed = min(needed, longest)
	}
	return definition.Expiry.At(now, now.Add(needed))
}

// suffices refuses a key that the provider ends before its successor has taken
// over. Who rotates by hand sees its end.
func (r *StaticRole) suffices(key *ledger.Record) error {
	needed := r.gap(key.IssuedAt) + r.overlap()
	if key.ExpiresAt.IsZero() || !r.Schedule.Automatic() || key.ExpiresAt.Sub(key.IssuedAt) > needed-expiryMargin {
		return nil
	}
	return usererror.Errorf("%s ends a new key of static role %q after %s, and the role needs it for %s; rotate it more often, overlap included",
		key.Provider, key.StaticRole, key.ExpiresAt.Sub(key.IssuedAt).Truncate(time.Second), needed)
}

// confirmAlive waits until the provider accepts the new key, where it can be asked from
// here: a key that is bound to addresses may work nowhere near Vault.
func (e *Engine) confirmAlive(ctx context.Context, bound *boundConnection, key *providers.Key) error {
	if !bound.definition.Capabilities.Probe || key.Handle.Bound {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, e.acceptance)
	defer cancel()
	for {
		liveness, err := bound.client.Probe(ctx, key.Secret)
		if err == nil && liveness == providers.Alive {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("the new key did not work within %s, so the current one stays in use", e.acceptance), err)
		case <-time.After(acceptancePause):
		}
	}
}

// scheduleStatic sets when the role needs attention next: for its next rotation
// or for the end of a previous key, whichever comes first.
func (e *Engine) scheduleStatic(ctx context.Context, s logical.Storage, name string, r *StaticRole, keys *StaticKeys) error {
	due := e.now()
	if keys.Current != nil && !keys.InDoubt {
		due = r.replaceAt(keys.Current, e.now())
	}
	for _, key := range keys.Previous {
		if due.IsZero() || key.Until.Before(due) {
			due = key.Until
		}
	}
	if due.IsZero() {
		return e.books.timetable.Drop(ctx, s, staticJobPrefix+name)
	}
	return e.books.timetable.Set(ctx, s, staticJobPrefix+name, due)
}

// replaceAt is when the current key is to be replaced: by the role's schedule,
// or before the provider ends the key where that comes first. Zero is never by
// itself.
func (r *StaticRole) replaceAt(current *StaticKey, now time.Time) time.Time {
	if early := r.beforeItsEnd(current, now); !early.IsZero() {
		return early
	}
	return r.planned(current, now)
}

// planned is when the schedule has the current key replaced.
func (r *StaticRole) planned(current *StaticKey, now time.Time) time.Time {
	if r.Schedule.Period > 0 {
		return r.Schedule.Next(current.IssuedAt)
	}
	return r.Schedule.Next(now)
}

// handOver is for how long before its successor is needed a key is replaced at least: the
// timetable comes with the next tick, and the provider takes a moment. longestHandOver is
// for how long at most: a provider that is out of order is tried again meanwhile.
const (
	handOver        = 15 * time.Second
	longestHandOver = 5 * time.Minute
)

// handOverOf is for how long before its successor is needed a key that lives so long is
// replaced.
func handOverOf(life time.Duration) time.Duration {
	return max(handOver, min(life/10, longestHandOver))
}

// longestHeadStart is how long before its end a key is replaced at most.
const longestHeadStart = 24 * time.Hour

// beforeItsEnd is when a key is to be replaced that the provider ends before its
// successor has taken over, as after the schedule was made slower, or so soon after that
// a provider which is out of order for a moment could do so; zero for any other.
func (r *StaticRole) beforeItsEnd(key *StaticKey, now time.Time) time.Time {
	planned := r.planned(key, now)
	if planned.IsZero() || key.ExpiresAt.IsZero() {
		return time.Time{}
	}
	life := key.ExpiresAt.Sub(key.IssuedAt)
	needed, reserve := planned.Add(r.overlap()), handOverOf(life)
	if r.Schedule.Period == 0 {
		reserve = 0 // one that names hours would replace the key again when its hour comes
	}
	if !needed.Add(reserve).After(key.ExpiresAt) {
		return time.Time{}
	}
	// It is handed out beside its successor for as long as both are to work.
	headStart := min(life/10, longestHeadStart)
	if needed.Add(-expiryMargin).Before(key.ExpiresAt) {
		headStart = 0 // the schedule suits, but for the provider's clock and rounding
	}
	early := key.ExpiresAt.Add(-max(headStart, min(r.overlap()+handOverOf(life), life/2), 0))
	if !early.Before(planned) {
		return time.Time{}
	}
	return early
}

// runStatic does what is due for a static role: previous keys end, and the
// current one is replaced.
func (e *Engine) runStatic(ctx context.Context, name string, due time.Time) error {
	unlock, err := e.locks.rotations.Lock(ctx, staticJobPrefix+name)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := e.StaticRole(ctx, e.storage, name)
	if err != nil {
		return err
	}
	keys, err := e.staticKeys(ctx, e.storage, name)
	if err != nil {
		return err
	}
	if r != nil {
		if err := e.mayReplace(ctx, r.Connection); err != nil {
			return err
		}
	}
	if r == nil { // deleted, or never stored
		return e.finishDeletion(ctx, e.storage, name, keys)
	}
	if keys.setBack(e.now()) {
		if err := e.storeKeys(ctx, e.storage, name, keys); err != nil {
			return err
		}
	}
	ended, err := e.endedByRotation(ctx, e.storage, r, keys)
	if err != nil {
		return err
	}
	isDue := ended || r.isDue(keys, due, e.now()) // before those are gone that may be due instead
	if err := e.endPrevious(ctx, e.storage, name, keys); err != nil {
		return err
	}
	if !isDue {
		return e.scheduleStatic(ctx, e.storage, name, r, keys)
	}
	if ended {
		atOnce := *r
		atOnce.Overlap = 0
		r = &atOnce
	} else if wait, err := e.leavesToOriginal(ctx, name, r, keys); err != nil || wait {
		return err
	}
	return keys.inTime(e.rotateStatic(ctx, e.storage, name, r, keys), r.overlap(), e.now())
}

// inTime has a rotation that failed tried again in time for the current key: soon where
// that may have ended already and nobody refuses another one, and before its provider ends it,
// or, where there still is time for it, before that cuts the overlap short.
func (k *StaticKeys) inTime(failed error, overlap time.Duration, now time.Time) error {
	if failed == nil || k.Current == nil {
		return failed
	}
	if kind := providers.KindOf(failed); k.InDoubt && kind != providers.Refused && kind != providers.Unauthorized {
		return timetable.RetryBy(failed, now.Add(retry.LongestUnreachable))
	}
	if !k.Current.ExpiresAt.After(now) {
		return failed
	}
	left := k.Current.ExpiresAt.Add(-handOver).Sub(now)
	if left > overlap {
		left -= overlap
	}
	return timetable.RetryBy(failed, now.Add(max(left/2, handOver/3)))
}

// setBack puts times right that were noted by a clock which was ahead and has been
// set back since, and reports whether there were any. The current key counts as
// issued now, and what is left of an overlap is never longer than the overlap.
func (k *StaticKeys) setBack(now time.Time) bool {
	if k.Current == nil || !k.Current.IssuedAt.After(now.Add(timetable.ClockSlack)) {
		return false
	}
	successor := k.Current.IssuedAt
	for _, key := range k.Previous {
		if overlap := key.Until.Sub(successor); successor.After(now) && key.Until.After(now.Add(overlap)) {
			key.Until = now.Add(overlap)
		}
		successor = key.IssuedAt
	}
	k.Current.IssuedAt, k.LastRotated = now, now
	return true
}

// isDue reports whether the current key is to be replaced at this time, to which the
// timetable has come for what was due. A window counts from that, which may be later
// than the schedule's time after a failure, but not from the end of a previous key.
func (r *StaticRole) isDue(keys *StaticKeys, due, now time.Time) bool {
	if keys.Current == nil || keys.InDoubt {
		return true
	}
	if early := r.beforeItsEnd(keys.Current, now); !early.IsZero() && !now.Before(early) {
		return true // no window is waited for: the key would end meanwhile
	}
	planned := r.Schedule.Next(keys.Current.IssuedAt)
	if planned.IsZero() || now.Before(planned) {
		return false
	}
	if due.After(planned) && !keys.endsOne(due) {
		planned = due
	}
	return !r.Schedule.Missed(planned, now)
}

// endsOne reports whether that is when a previous key ends.
func (k *StaticKeys) endsOne(at time.Time) bool {
	return slices.ContainsFunc(k.Previous, func(key *StaticKey) bool { return key.Until.Equal(at) })
}

// endPrevious revokes the previous keys whose overlap is over.
func (e *Engine) endPrevious(ctx context.Context, s logical.Storage, name string, keys *StaticKeys) error {
	var left []*StaticKey
	for _, key := range keys.Previous {
		if e.now().Before(key.Until) {
			left = append(left, key)
			continue
		}
		if err := e.endStaticKey(ctx, s, key, "its overlap is over"); err != nil {
			return err
		}
	}
	if len(left) == len(keys.Previous) {
		return nil
	}
	keys.Previous = left
	return e.storeKeys(ctx, s, name, keys)
}
