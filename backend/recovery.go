package backend

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"time"

	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/providers"
)

// What an earlier process left dirty is recovered location by location, each with its
// own tries: a location that cannot be listed holds up no other. A mark goes once
// all its locations are recovered.
const (
	// recoveryConcurrency bounds the recoveries in flight.
	recoveryConcurrency = 8
	// recoveryPatience is how long one try may take.
	recoveryPatience = 10 * time.Minute
	// absentTries and absentBound are how often and for how long a location must be
	// told not to exist before that is believed.
	absentTries = 5
	absentBound = 30 * time.Minute
)

// recoverDirty starts a reconcile of every location found dirty: at once, to end
// orphans early or, after a process that stopped without a release, to look for
// others, and again when nothing of the former leader can be in flight; only that
// one counts. It does not wait for them. Those that wait longest come first.
func (e *Engine) recoverDirty(ctx context.Context) {
	if e.passive() {
		return
	}
	e.pending.recoveries.mu.Lock()
	defer e.pending.recoveries.mu.Unlock()
	due := slices.SortedFunc(maps.Values(e.pending.recoveries.byLocation), func(a, b *recovery) int {
		return cmp.Or(a.nextTry.Compare(b.nextTry), strings.Compare(a.key(), b.key()))
	})
	for _, r := range due {
		if e.pending.recoveries.busy == recoveryConcurrency {
			return
		}
		if r.running || e.now().Before(r.nextTry) {
			continue
		}
		r.running = true
		e.pending.recoveries.busy++
		e.pending.recoveries.running.Go(func() {
			var lag time.Duration
			var cleared bool
			err := guarded(func() (err error) {
				lag, cleared, err = e.recover(ctx, r)
				return err
			})
			e.noteRecovery(r, lag, cleared, err)
		})
	}
}

// guarded turns a panic into an error: a definition that brings an evaluation
// down must not take everybody else's keys with it.
func guarded(do func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("a fault in the engine (%T); please report this", cause) // its text may quote a secret
			if fault, ok := cause.(runtime.Error); ok {
				err = fmt.Errorf("a fault in the engine: %w; please report this", fault)
			}
		}
	}()
	return do()
}

func (e *Engine) noteRecovery(r *recovery, lag time.Duration, cleared bool, err error) {
	e.pending.recoveries.mu.Lock()
	defer e.pending.recoveries.mu.Unlock()
	r.running = false
	e.pending.recoveries.busy--
	switch {
	case err != nil:
		r.attempts++
		r.lastError = err.Error()
		e.askForPlace(r, lag, err)
		r.nextTry = e.now().Add(e.jitter.Pause("recovery/"+r.key(), r.attempts, longestRecoveryPause(err)))
		e.log.Warn("a place that was in use at a crash could not be reconciled yet", "connection", r.connection, "scope", r.location.Scope, "error", err)
	case cleared:
		delete(e.pending.recoveries.byLocation, r.key())
		e.tellConnection(eventCrashRecovered, r.connection, nil)
	default:
		r.attempts, r.lastError = 0, ""
		r.nextTry = r.clearedAfter(lag)
	}
}

// longestRecoveryPause is that of the queue: what a reachable provider refuses
// can wait, what could not reach it is tried within a minute of its return.
func longestRecoveryPause(err error) time.Duration {
	var doubtful *unproven
	if errors.Is(err, errElsewhere) || errors.As(err, &doubtful) || providers.KindOf(err) == providers.Refused {
		return retry.LongestRefused
	}
	return retry.LongestUnreachable
}

// recover reconciles one location. cleared is true when nothing of it can be left.
func (e *Engine) recover(ctx context.Context, r *recovery) (lag time.Duration, cleared bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, recoveryPatience)
	defer cancel()
	now := e.now()
	stored, err := e.Connection(ctx, e.storage, r.connection)
	if err != nil {
		return 0, false, err
	}
	if stored == nil {
		return 0, true, e.leaveRecovery(ctx, r, time.Time{}, fmt.Sprintf("the connection was deleted; look for such keys at the provider, delete those that keys/ does not list, and write queue/%s/give-up", r.crashID()))
	}
	bound, release, err := e.boundFor(ctx, e.storage, r.location.Origin(r.connection))
	if errors.Is(err, errElsewhere) {
		return 0, false, e.askForCrash(r, "provider")
	}
	if err != nil {
		return 0, false, err
	}
	defer release()
	if !bound.definition.Capabilities.Reconcile {
		return 0, true, e.leaveRecovery(ctx, r, e.endOfAll(r, bound), leftToPeople(bound, r.crashID()))
	}
	lag = e.lagOf(bound)
	elsewhere := e.leadsElsewhere(r, bound)
	began, err := e.recoverLocation(ctx, bound, r)
	if err != nil {
		if !now.Before(r.clearedAfter(lag)) && e.isAbsent(ctx, bound, r, now, err) {
			e.log.Warn("the provider has said for long that there is no such place as was in use at a crash, and so nothing of what was made there", "connection", r.connection, "scope", r.location.Scope)
			return lag, true, e.dropMarks(ctx, r)
		}
		return lag, false, cmp.Or(elsewhere, err)
	}
	if r.absences = 0; elsewhere == nil {
		e.books.queue.Forget(r.crashID())
	}
	if began.Before(r.clearedAfter(lag)) {
		return lag, false, nil
	}
	if elsewhere != nil {
		return lag, false, elsewhere
	}
	return lag, true, e.dropMarks(ctx, r)
}

// recoverLocation revokes what the former leaders may have made in the place and
// nobody holds. began is the moment after which nothing of it is left.
func (e *Engine) recoverLocation(ctx context.Context, bound *boundConnection, r *recovery) (began time.Time, err error) {
	holdings, release, err := e.sharedHoldings(ctx, e.storage)
	if err != nil {
		return time.Time{}, err
	}
	defer release()
	listed, err := e.listOurs(ctx, bound, r.location.Scope, holdings.tag, "recovery "+r.key())
	if err != nil {
		return time.Time{}, err
	}
	failed := listed.doubt
	windows := r.windows()
	if e.guard.lookout.isKept(e.now()) {
		// Of what the original of a copy has minted nothing may be removed: while it
		// lives, it mints more before all calls of a dead leader are over.
		if err := e.examine(ctx, bound, r.location.Scope, listed, holdings); err != nil {
			return time.Time{}, err
		}
	}
	if listed.began.Before(r.clearedAfter(e.lagOf(bound))) {
		return listed.began, failed // a call of a former leader's may be under way, and its key be entered
	}
	if failed == nil && len(listed.byPart) == 0 {
		failed = e.refuseIfBlind(ctx, bound, r.location.Scope, absence{named: listed.named, began: listed.began, doubted: r.foundAt, trusted: r.clearedAfter(e.lagOf(bound))})
	}
	for _, found := range listed.keys() {
		if !windows.Contain(found.Issued) {
			continue
		}
		missing, err := e.removeOrphan(ctx, e.storage, holdings, found, "recovery")
		if err == nil && !missing {
			err = e.refuseWord(bound, found.Name)
		}
		if err != nil && !errors.Is(err, errHeld) {
			failed = errors.Join(failed, fmt.Errorf("key %q: %w", found.Name, err))
		}
	}
	return listed.began, failed
}

// isAbsent reports whether the provider has said often enough, and for long
// enough, that there is no such location. Its word counts where it accepts the
// credential, and that is the one that made the keys: others may see less. An answer
// that says neither, such as a no to a credential that was replaced just then, does
// not count, and takes nothing back: only the location itself does.
func (e *Engine) isAbsent(ctx context.Context, bound *boundConnection, r *recovery, now time.Time, err error) bool {
	if !saysNoSuchPlace(err) || !sameAccount(r.location, bound) || bound.client.Check(ctx) != nil {
		return false
	}
	if r.absences == 0 {
		r.absentAt = now
	}
	r.absences++
	return r.absences >= absentTries && now.Sub(r.absentAt) >= max(absentBound, e.lagOf(bound))
}

// saysNoSuchPlace reports whether a list was refused since what it is about is not there.
func saysNoSuchPlace(err error) bool {
	var refusal *providers.Error
	return errors.As(err, &refusal) && (refusal.Status == http.StatusNotFound || refusal.Status == http.StatusGone)
}
