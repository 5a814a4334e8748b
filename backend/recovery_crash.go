package backend

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"time"

	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

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
	return nil
}

// askForPlace tells an operator of a location that can still not be listed now that no
// call of the crash's can be under way. What a provider refuses no time may mend, as where
// a project was deleted; everything else is left to time for a while.
func (e *Engine) askForPlace(r *recovery, lag time.Duration, err error) {
	waited := e.now().Sub(r.clearedAfter(lag))
	if errors.Is(err, errElsewhere) || waited < 0 || providers.KindOf(err) != providers.Refused && waited < absentBound {
		return
	}
	entry := r.entry()
	entry.Reason = fmt.Sprintf("a crash may have left keys of this mount%s (scope %s), which cannot be looked for there; unrecovered in info says why. "+
		"See that they can, or, where that place is gone for good, make sure that no such key is left, and write queue/%s/give-up",
		r.windows().Describe(), r.location.Scope, entry.ID)
	e.ask(entry)
}

// ask has the entry of a recovery that waits for an operator say what it waits for now.
func (e *Engine) ask(entry queue.Entry) {
	if known := e.books.queue.Get(entry.ID); known != nil && known.Reason != entry.Reason {
		e.books.queue.Forget(entry.ID)
	}
	e.enqueueUnstored(entry)
}

// askForCrash tells an operator what may be left where the connection led before
// it was given another address, credential or provider.
func (e *Engine) askForCrash(r *recovery, other string) error {
	entry := r.entry()
	entry.Reason = fmt.Sprintf("a crash may have left keys of this mount%s (scope %s), and the connection has another %s since; "+
		"write the one of then into config/%s, or look for such keys there, delete those that keys/ does not list, and write queue/%s/give-up",
		r.windows().Describe(), r.location.Scope, other, r.connection, entry.ID)
	e.ask(entry)
	return fmt.Errorf("%w: %s", errElsewhere, entry.Reason)
}

// askForDamaged tells an operator of a mark that cannot be read. One that a later version
// of the engine has written is for that to read.
func (e *Engine) askForDamaged(m *marks.Stored) {
	if errors.Is(m.Damaged, stored.ErrNewer) {
		return
	}
	entry := queue.Entry{ID: crashID(m.Path), Kind: queue.Crash, Connection: m.Connection}
	entry.Reason = fmt.Sprintf("a crash may have left keys of this mount, and its mark cannot be read (%s); "+
		"write reconcile/%s, delete at the provider what is told there and keys/ does not list, and write queue/%s/give-up",
		m.Damaged, m.Connection, entry.ID)
	e.ask(entry)
}

// crashID is the id of the entry that tells an operator of a recovery that waits.
func (r *recovery) crashID() string { return crashID(r.key()) }

func crashID(of string) string {
	sum := sha256.Sum256([]byte(of))
	return "crash-" + hex.EncodeToString(sum[:8])
}

// giveUpCrash has an operator answer for what a crash may have left.
func (e *Engine) giveUpCrash(ctx context.Context, id string) error {
	if m := e.pending.recoveries.damagedWithCrashID(id); m != nil {
		return e.dropDamagedMark(ctx, m)
	}
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

func (e *Engine) dropDamagedMark(ctx context.Context, m *marks.Stored) error {
	if err := e.storage.Delete(ctx, m.Path); err != nil {
		return fmt.Errorf("clearing a mark that cannot be read: %w", err)
	}
	r := &e.pending.recoveries
	r.mu.Lock()
	defer r.mu.Unlock()
	r.damaged = slices.DeleteFunc(r.damaged, func(other *marks.Stored) bool { return other == m })
	return nil
}

// damagedWithCrashID is nil where the id is of none.
func (r *recoveries) damagedWithCrashID(id string) *marks.Stored {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.damaged {
		if crashID(m.Path) == id {
			return m
		}
	}
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
// location; one that a rotation made since counts as the same.
func sameAccount(p marks.Location, s *boundConnection) bool {
	return p.Account == "" || p.Account == s.connection.Account
}

// leaveRecovery leaves a recovery that nothing can be done about to an operator, who is
// told why, and what to do: an
// entry of the queue, on disk, stays in the place of the marks until he gives it up, or
// until the provider itself has ended all that may have been made; zero is never.
func (e *Engine) leaveRecovery(ctx context.Context, r *recovery, ended time.Time, reason string) error {
	entry := r.entry()
	entry.ExpiresAt = ended
	// A start comes here before the queue is read, so that storage is asked.
	before, err := stored.Read[queue.Entry](ctx, e.storage, queue.Prefix+entry.ID)
	if errors.Is(err, stored.ErrUnreadable) {
		before, err = &queue.Entry{}, nil // it may have told of anything
	}
	if err != nil {
		return err // the marks stay
	}
	if before != nil {
		tellOfBoth(&entry, before)
	}
	entry.Reason = fmt.Sprintf("a crash may have left keys of this mount%s (scope %s), which cannot be looked for because %s",
		madeIn(&entry).Describe(), r.location.Scope, reason)
	if err := e.enqueue(ctx, e.storage, entry, false); err != nil {
		return err // the marks stay
	}
	e.log.Warn("keys that were being made at a crash, if there are any, cannot be looked for; the queue has an entry for an operator", "connection", r.connection, "scope", r.location.Scope, "reason", reason, "queue_entry", entry.ID)
	return e.dropMarks(ctx, r)
}

// tellOfBoth has the entry of a crash tell, too, of what an earlier crash in the same place
// may have left: it takes the place of the entry of that one.
func tellOfBoth(entry, before *queue.Entry) {
	made := append(madeIn(entry), madeIn(before)...)
	entry.MadeFrom, entry.MadeUntil = time.Time{}, time.Time{}
	if len(made) == 2 {
		whole := made.AtMost(1)[0]
		entry.MadeFrom, entry.MadeUntil = whole.Since, whole.Until
	}
	switch {
	case before.ExpiresAt.IsZero():
		entry.ExpiresAt = time.Time{}
	case !entry.ExpiresAt.IsZero() && before.ExpiresAt.After(entry.ExpiresAt):
		entry.ExpiresAt = before.ExpiresAt
	}
}

// madeIn is when what an entry of a crash is about may have been made; none where that is
// not known.
func madeIn(entry *queue.Entry) marks.Windows {
	if entry.MadeFrom.IsZero() {
		return nil
	}
	return marks.Windows{{Since: entry.MadeFrom, Until: entry.MadeUntil}}
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
	if whole := r.windows().AtMost(1); len(whole) > 0 {
		entry.MadeFrom, entry.MadeUntil = whole[0].Since, whole[0].Until.Add(r.clearedAfter(0).Sub(r.foundAt))
	}
	return entry
}
