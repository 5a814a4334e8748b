package backend

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// What an earlier process left dirty is recovered place by place, each with its
// own tries: a place that cannot be listed holds up no other. A mark goes once
// all its places are recovered.
const (
	// recoveryConcurrency bounds the recoveries in flight.
	recoveryConcurrency = 8
	// recoveryPatience is how long one try may take.
	recoveryPatience = 10 * time.Minute
	// absentTries and absentBound are how often and for how long a place must be
	// told not to exist before that is believed.
	absentTries = 5
	absentBound = 30 * time.Minute
)

// recovery is the work on one place where an earlier process may have left keys.
type recovery struct {
	connection string
	location   marks.Location
	marks      []*marks.Stored // those that name the place
	foundAt    time.Time

	attempts  int
	nextTry   time.Time
	running   bool
	lastError string
	// absences count the tries in a row, since absentAt, at which the provider knew
	// no such place.
	absences int
	absentAt time.Time
}

type recoveries struct {
	mu         sync.Mutex
	byLocation map[string]*recovery
	// unread is which marks cannot be read: what they tell of is not known.
	unread error
	// longest is for how long, at most, a call of a former leader may go on.
	longest time.Duration
	busy    int
	running sync.WaitGroup
}

func (r *recovery) key() string { return r.connection + " " + r.location.String() }

// clearedAfter is the earliest start of a reconcile after which the marks may
// go: the former leader's last call is over, and the list shows what it made.
func (r *recovery) clearedAfter(lag time.Duration) time.Time {
	var longest time.Duration
	for _, m := range r.marks {
		longest = max(longest, m.Mark.LongestMint)
	}
	return r.foundAt.Add(longest + lag)
}

// windows are when the former leaders may have made keys.
func (r *recovery) windows() marks.Windows {
	var all marks.Windows
	for _, m := range r.marks {
		all = append(all, m.Mark.Windows...)
	}
	return all
}

// findRecoveries notes which places earlier processes left dirty.
func (e *Engine) findRecoveries(ctx context.Context, s logical.Storage) error {
	marks, err := e.books.marks.OfOthers(ctx, s)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return err
	}
	e.pending.recoveries.mu.Lock()
	defer e.pending.recoveries.mu.Unlock()
	e.pending.recoveries.unread = err
	if err != nil {
		e.pending.recoveries.longest = 2 * longestRequestTimeout
	}
	for _, m := range marks {
		e.pending.recoveries.longest = max(e.pending.recoveries.longest, m.Mark.LongestMint)
		for _, p := range m.Mark.Locations {
			e.pending.recoveries.add(m, p, e.now())
		}
		e.tellConnection(eventCrashFound, m.Connection, nil)
	}
	return err
}

// longestCall is for how long after the start a call of a former leader may go on,
// and its outcome be written: what was begun before it could know is over then.
func (r *recoveries) longestCall() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.longest, 2*defaultRequestTimeout)
}

// add notes that a mark names a place. The caller holds mu.
func (r *recoveries) add(m *marks.Stored, p marks.Location, now time.Time) {
	one := &recovery{connection: m.Connection, location: p, foundAt: now}
	if known := r.byLocation[one.key()]; known != nil {
		one = known
	}
	r.byLocation[one.key()] = one
	one.marks = append(one.marks, m)
	m.Left[one.key()] = true
}

// recoverDirty starts a reconcile of every place found dirty: at once, to end
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
	if errors.Is(err, errElsewhere) || providers.KindOf(err) == providers.Refused {
		return retry.LongestRefused
	}
	return retry.LongestUnreachable
}

// recover reconciles one place. cleared is true when nothing of it can be left.
func (e *Engine) recover(ctx context.Context, r *recovery) (lag time.Duration, cleared bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, recoveryPatience)
	defer cancel()
	now := e.now()
	stored, err := e.Connection(ctx, e.storage, r.connection)
	if err != nil {
		return 0, false, err
	}
	if stored == nil {
		return 0, true, e.leaveRecovery(ctx, r, time.Time{}, "the connection was deleted")
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
		return 0, true, e.leaveRecovery(ctx, r, e.endOfAll(r, bound), "the provider cannot list its keys")
	}
	lag = e.lagOf(bound)
	elsewhere := e.leadsElsewhere(r, bound)
	began, err := e.recoverLocation(ctx, bound, r)
	if err != nil {
		if !now.Before(r.clearedAfter(lag)) && e.isAbsent(ctx, bound, r, now, err) {
			e.log.Warn("the provider has said for long that there is no such place as was in use at a crash, and so nothing of what was made there", "connection", r.connection, "scope", r.location.Scope)
			return lag, true, e.dropMarks(ctx, r)
		}
		return lag, false, err
	}
	r.absences = 0
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
		if listed.began.Before(r.clearedAfter(e.lagOf(bound))) {
			return listed.began, failed
		}
	}
	for _, found := range listed.keys() {
		if !windows.Contain(found.Issued) {
			continue
		}
		err := e.removeOrphan(ctx, e.storage, holdings, found, "recovery")
		if err != nil && !errors.Is(err, errHeld) {
			failed = errors.Join(failed, fmt.Errorf("key %q: %w", found.Name, err))
		}
	}
	return listed.began, failed
}

// isAbsent reports whether the provider has said often enough, and for long
// enough, that there is no such place. Its word counts as long as it accepts the
// credential, and that is the one that made the keys: others may see less.
func (e *Engine) isAbsent(ctx context.Context, bound *boundConnection, r *recovery, now time.Time, err error) bool {
	var refusal *providers.Error
	gone := errors.As(err, &refusal) && (refusal.Status == http.StatusNotFound || refusal.Status == http.StatusGone)
	if !gone || !sameAccount(r.location, bound) || bound.client.Check(ctx) != nil {
		r.absences = 0
		return false
	}
	if r.absences == 0 {
		r.absentAt = now
	}
	r.absences++
	return r.absences >= absentTries && now.Sub(r.absentAt) >= max(absentBound, e.lagOf(bound))
}

// leadsElsewhere is why what the connection sees today is no proof that a crash
// left nothing: it has another credential than at the crash, or another address.
// The mark then stays, for the one of then or for an operator who has looked.
func (e *Engine) leadsElsewhere(r *recovery, bound *boundConnection) error {
	switch {
	case r.location.BaseURL != "" && !origin.SameAddress(r.location.BaseURL, bound.origin().BaseURL):
		return e.askForCrash(r, "address")
	case !sameAccount(r.location, bound):
		return e.askForCrash(r, "credential")
	}
	e.books.queue.Forget(r.crashID())
	return nil
}

// askForCrash tells an operator what may be left where the connection led before
// it was given another address, credential or provider.
func (e *Engine) askForCrash(r *recovery, other string) error {
	entry := r.entry()
	entry.Reason = fmt.Sprintf("a crash may have left keys of this mount%s (scope %s), and the connection has another %s since; "+
		"write the one of then into config/%s, or look for such keys there, delete those that keys/ does not list, and write queue/%s/give-up",
		r.windows().Describe(), r.location.Scope, other, r.connection, entry.ID)
	e.enqueueUnstored(entry)
	return fmt.Errorf("%w: %s", errElsewhere, entry.Reason)
}

// crashID is the id of the entry that tells an operator of a recovery that waits.
func (r *recovery) crashID() string {
	sum := sha256.Sum256([]byte(r.key()))
	return "crash-" + hex.EncodeToString(sum[:8])
}

// giveUpCrash has an operator answer for what a crash may have left.
func (e *Engine) giveUpCrash(ctx context.Context, id string) error {
	r := e.pending.recoveries.withCrashID(id)
	if r == nil {
		return nil // it was recovered from meanwhile
	}
	if err := e.dropMarks(ctx, r); err != nil {
		return err
	}
	e.pending.recoveries.mu.Lock()
	defer e.pending.recoveries.mu.Unlock()
	delete(e.pending.recoveries.byLocation, r.key())
	return nil
}

func (r *recoveries) withCrashID(id string) *recovery {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.byLocation {
		if one.crashID() == id {
			return one
		}
	}
	return nil
}

// sameAccount reports whether the site has the credential that was in use in the
// place; one that a rotation made since counts as the same.
func sameAccount(p marks.Location, s *boundConnection) bool {
	return p.Account == "" || p.Account == s.connection.Account
}

// leaveRecovery leaves a recovery that nothing can be done about to an operator: an
// entry of the queue, on disk, stays in the place of the marks until he gives it up, or
// until the provider itself has ended all that may have been made; zero is never.
func (e *Engine) leaveRecovery(ctx context.Context, r *recovery, ended time.Time, reason string) error {
	entry := r.entry()
	entry.ExpiresAt = ended
	entry.Reason = fmt.Sprintf("a crash may have left keys of this mount%s (scope %s), which cannot be looked for because %s; "+
		"look for such keys at the provider, delete those that keys/ does not list, and write queue/%s/give-up",
		r.windows().Describe(), r.location.Scope, reason, entry.ID)
	if err := e.enqueue(ctx, e.storage, entry, false); err != nil {
		return err // the marks stay
	}
	e.log.Warn("keys that were being made at a crash, if there are any, cannot be looked for; the queue has an entry for an operator", "connection", r.connection, "scope", r.location.Scope, "reason", reason, "queue_entry", entry.ID)
	return e.dropMarks(ctx, r)
}

// endOfAll is when a provider that ends every key itself has ended all that may have
// been made at the crash; zero where it may let keys live on.
func (e *Engine) endOfAll(r *recovery, bound *boundConnection) time.Time {
	longest := bound.definition.Expiry.LongestLease()
	if !bound.definition.Capabilities.NativeExpiry || longest <= 0 {
		return time.Time{}
	}
	return r.clearedAfter(e.lagOf(bound)).Add(longest + expiryMargin)
}

// entry is what tells an operator of a recovery that waits for him.
func (r *recovery) entry() queue.Entry {
	entry := queue.Entry{ID: r.crashID(), Kind: queue.Crash, Connection: r.connection, Scope: r.location.Scope}
	entry.SetOrigin(r.location.Origin(r.connection))
	return entry
}

// dropMarks clears the marks of which this place was the last.
func (e *Engine) dropMarks(ctx context.Context, r *recovery) error {
	e.books.queue.Forget(r.crashID())
	for _, m := range r.marks {
		if !e.pending.recoveries.takeOff(m, r) {
			continue
		}
		if err := e.storage.Delete(ctx, m.Path); err != nil {
			e.pending.recoveries.putBack(m, r)
			return fmt.Errorf("clearing a mark: %w", err)
		}
	}
	return nil
}

// takeOff notes that the place of a mark is recovered, and reports whether it was
// the last one.
func (r *recoveries) takeOff(m *marks.Stored, one *recovery) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(m.Left, one.key())
	return len(m.Left) == 0
}

// putBack has the place tried again, and with it the clearing of the mark.
func (r *recoveries) putBack(m *marks.Stored, one *recovery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.Left[one.key()] = true
}

// definitionsInUse notes the hashes of a provider's uploaded definitions that
// recoveries need.
func (r *recoveries) definitionsInUse(inUse map[string]bool, provider string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.byLocation {
		for _, m := range one.marks {
			m.Mark.DefinitionsInUse(inUse, provider)
		}
	}
}

// names are the connections that are not reconciled yet.
func (r *recoveries) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := map[string]bool{}
	for _, one := range r.byLocation {
		names[one.connection] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// failures tell, one sentence each, which places could not be reconciled yet.
func (r *recoveries) failures() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var failures []string
	for _, one := range r.byLocation {
		if one.lastError != "" {
			text, _, _ := strings.Cut(one.lastError, "\n")
			failures = append(failures, fmt.Sprintf("connection %s, scope %s: %s", one.connection, one.location.Scope, text))
		}
	}
	if r.unread != nil {
		failures = append(failures, fmt.Sprintf("unknown: the mark of a crash cannot be read, so what it left cannot be looked for: %s", strings.ReplaceAll(r.unread.Error(), "\n", "; ")))
	}
	slices.Sort(failures)
	return failures
}
