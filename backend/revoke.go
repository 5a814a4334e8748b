package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"golang.org/x/sync/semaphore"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/queue"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

const (
	// revokePatience is how long Vault waits for one revocation. Its workers are
	// shared by all leases of the mount, so a slow provider must not keep them;
	// the queue has more patience.
	revokePatience = 10 * time.Second
	// revokeSlots bounds how many of Vault's workers one connection may occupy,
	// and slotPatience how long a further one waits for a place.
	revokeSlots  = 32
	slotPatience = 2 * time.Second
	// aliveBound ends the wait for a revoked key to be seen dead.
	aliveBound = 10 * time.Minute
)

var errStillAlive = errors.New("the provider says that the key is revoked, but it still works or is still listed")

// outcome is what became of a revocation.
type outcome struct {
	// queued says why the key is not known to be dead yet: it is on the queue. Nil
	// when it is dead.
	queued error
}

// revokeSoon revokes a key now if its provider proves in time that it is gone,
// and otherwise queues it. The record stays in the ledger until then. An error
// means that neither could be done for certain.
func (e *Engine) revokeSoon(ctx context.Context, s logical.Storage, r *ledger.Record, reason string) (outcome, error) {
	return e.endSoon(ctx, s, r, reason, func(ctx context.Context) error { return e.revokeRecord(ctx, s, r, e.now()) })
}

// endSoon is revokeSoon for what ends the key.
func (e *Engine) endSoon(ctx context.Context, s logical.Storage, r *ledger.Record, reason string, end func(context.Context) error) (outcome, error) {
	defer e.pending.ending.begin(r.ID)()
	err := e.endNow(ctx, r, end)
	if err != nil {
		return e.postpone(ctx, s, r, reason, err)
	}
	return outcome{}, e.books.queue.Remove(ctx, s, r.ID)
}

// endNow is the one try that Vault waits for.
func (e *Engine) endNow(ctx context.Context, r *ledger.Record, end func(context.Context) error) error {
	if e.books.queue.Failing(r.Connection) {
		return errors.New("it could not be reached at the last tries")
	}
	slots := e.slots(r.Connection)
	slotCtx, cancelSlot := context.WithTimeout(ctx, slotPatience)
	defer cancelSlot()
	if err := slots.Acquire(slotCtx, 1); err != nil {
		return errors.New("too many revocations are in flight")
	}
	defer slots.Release(1)
	ctx, cancel := context.WithTimeout(ctx, revokePatience)
	defer cancel()
	err := end(ctx)
	e.books.queue.Observe(r.Connection, r.ID, err)
	return err
}

// postpone queues a revocation and says why it is not done.
func (e *Engine) postpone(ctx context.Context, s logical.Storage, r *ledger.Record, reason string, cause error) (outcome, error) {
	cause = fmt.Errorf("revoking the key at connection %q: %w", r.Connection, cause)
	entry := queue.Entry{ID: r.ID, Kind: queue.Revoke, Connection: r.Connection, Role: r.Role, KeyName: r.Handle.Name, Reason: reason}
	if r.Unrecorded {
		entry.Handle, entry.ExpiresAt, entry.MadeAt = &r.Handle, r.ExpiresAt, r.IssuedAt
		entry.SetOrigin(r.Origin())
	}
	if e.books.queue.Get(r.ID) == nil {
		if err := e.enqueue(context.WithoutCancel(ctx), s, entry, false); err != nil {
			return outcome{}, fmt.Errorf("%w; it could not be queued either: %w", cause, err)
		}
		e.triggerQueue()
	}
	return outcome{queued: fmt.Errorf("%w; it is queued and retried until the provider confirms (see queue/%s)", cause, r.ID)}, nil
}

// endings are the keys in the ledger that are being revoked.
type endings struct {
	mu    sync.Mutex
	count map[string]int // by record id
}

// begin notes that a revocation is under way until end is called.
func (n *endings) begin(id string) (end func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.count == nil {
		n.count = map[string]int{}
	}
	n.count[id]++
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.count[id]--; n.count[id] <= 0 {
			delete(n.count, id)
		}
	}
}

func (n *endings) has(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.count[id] > 0
}

// isEnding reports whether the key is to be revoked, now or by the queue.
func (e *Engine) isEnding(id string) bool {
	return e.pending.ending.has(id) || e.books.queue.Get(id) != nil
}

// mostEnded bounds how many dead keys are remembered.
const mostEnded = 10_000

// lately remembers the keys that this process has last seen end, so that Vault's
// own retry need not ask the provider again.
type lately struct {
	mu            sync.Mutex
	newer, former map[string]bool // by record id and name
}

func (l *lately) add(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newer == nil || len(l.newer) >= mostEnded/2 {
		l.newer, l.former = map[string]bool{}, l.newer
	}
	l.newer[key] = true
}

func (l *lately) has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newer[key] || l.former[key]
}

// slots are a connection's places among Vault's revocation workers.
func (e *Engine) slots(connection string) *semaphore.Weighted {
	slots, _ := e.locks.revokeSlots.LoadOrStore(connection, semaphore.NewWeighted(revokeSlots))
	return slots.(*semaphore.Weighted)
}

// revokeRecord revokes the key with this id and name and removes its record from
// the ledger. It is idempotent: a key whose record is gone is dead, unless its
// lease says that there should be one. since is when the revocation was first
// asked for.
func (e *Engine) revokeRecord(ctx context.Context, s logical.Storage, key *ledger.Record, since time.Time) error {
	unlock, err := e.locks.records.Lock(ctx, key.ID)
	if err != nil {
		return err
	}
	defer unlock()
	r, err := ledger.GetNamed(ctx, s, key.ID, key.Handle.Name)
	if err != nil {
		return err
	}
	switch {
	case r != nil:
		return e.endKey(ctx, s, r, since)
	case key.Unrecorded:
		return e.endKey(ctx, s, key, since)
	}
	return nil
}

// endKey is revokeRecord for a caller that holds the record's lock, and has read it
// or found that there is none since it does.
func (e *Engine) endKey(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) error {
	if r.Unrecorded {
		// Some providers use the ids of deleted keys again.
		if held, err := e.idOfAnother(ctx, s, r); err != nil || held {
			return err
		}
	}
	err := e.endAtProvider(ctx, s, r, since)
	e.metrics.revoked(r.Connection, err)
	e.tellRevoked(r, err)
	if err != nil {
		return err
	}
	if !r.Unrecorded {
		err = e.books.ledger.Delete(context.WithoutCancel(ctx), s, r)
	}
	if err == nil {
		e.pending.ended.add(r.ID + r.Handle.Name)
	}
	return err
}

// endAtProvider revokes the key at what made it, and sees it dead where its role
// asks for that. A definition that came later is tried when the one that made the
// key cannot end it: it may be a correction.
func (e *Engine) endAtProvider(ctx context.Context, s logical.Storage, r *ledger.Record, since time.Time) error {
	ways, release, err := e.waysTo(ctx, s, r.Origin())
	if err != nil {
		return err
	}
	defer release()
	var failed error
	for _, w := range ways {
		err := e.endBy(ctx, s, w, r, since)
		if err == nil && r.VerifyRevocation {
			return e.seenDead(ctx, w, r, since)
		}
		if err == nil {
			return nil
		}
		if failed == nil {
			failed = err
		}
		if kind := providers.KindOf(err); kind == providers.Unreachable || kind == providers.Throttled {
			break
		}
	}
	return failed
}

// endBy revokes the key one way, and succeeds when that proves that it is gone.
func (e *Engine) endBy(ctx context.Context, s logical.Storage, w way, r *ledger.Record, since time.Time) error {
	handle := r.Handle
	if w.elsewhere || w.corrected && w.definition.Capabilities.Lookup {
		listed, err := e.findAgain(ctx, w, r)
		if err != nil {
			return err
		}
		handle = *listed
	}
	missing, err := w.client.Delete(ctx, handle)
	refusal := refusalOf(err)
	if err != nil && refusal == nil {
		return err
	}
	found := evidence{deleted: err == nil && !missing, missing: missing, doubts: w.doubts}
	if refusal != nil {
		found.refused = refusal.Status
	}
	lag := e.lagOf(w.boundConnection)
	found.youngUntil = r.YoungUntil(e.now(), since, lag)
	found.ended = r.HasEnded(e.now(), lag)
	found.unrecorded = r.Unrecorded
	lacks := found.gone()
	if lacks != nil && !w.elsewhere {
		lacks = e.lookFurther(ctx, s, w, r, found)
	}
	return because(lacks, err)
}

// because adds the provider's refusal to what is lacking.
func because(lacks, refusal error) error {
	var u *unproven
	if refusal != nil && errors.As(lacks, &u) {
		u.err = refusal
	}
	return lacks
}

// refusalOf is the provider's no to the request itself; nil for everything else,
// such as a no to the credential or no answer at all.
func refusalOf(err error) *providers.Error {
	var refusal *providers.Error
	if errors.As(err, &refusal) && refusal.Kind == providers.Refused && refusal.Status != 0 {
		return refusal
	}
	return nil
}

// lagOf is how long a provider may take to show a key that it made, or to hide
// one that it deleted.
func (e *Engine) lagOf(s *boundConnection) time.Duration { return s.definition.Lag }

// findAgain finds the key by its name at a place where its id may be another's.
func (e *Engine) findAgain(ctx context.Context, w way, r *ledger.Record) (*providers.Handle, error) {
	lost := fmt.Errorf("%w: that was %s, and connection %q now leads to %s, where no such key is listed; change that back, or revoke it there by hand and write queue/%s/give-up",
		errElsewhere, r.BaseURL, r.Connection, w.client.BaseURL(), r.ID)
	if !w.elsewhere {
		lost = lasting{errors.New("the definition in use does not list the key either")}
	} else if !w.definition.Capabilities.Lookup {
		return nil, lost
	}
	found, err := w.client.Find(ctx, r.HandleScope(w.definition), providers.Look{Name: r.Handle.Name, ID: r.Handle.ID})
	if err != nil {
		return nil, err
	}
	for _, listed := range found.Keys {
		if listed.Handle.ID == r.Handle.ID {
			return &listed.Handle, nil
		}
	}
	return nil, lost
}

// lookFurther asks what else can be asked when the answer to a revocation proves
// nothing, and says what is lacking after that.
func (e *Engine) lookFurther(ctx context.Context, s logical.Storage, w way, r *ledger.Record, found evidence) error {
	if w.client.CanProbe(r.Handle) {
		liveness, err := w.client.Probe(ctx, r.Handle.Secret)
		if err == nil && liveness == providers.Alive {
			return errStillAlive
		}
		found.seenDead = err == nil && liveness == providers.Dead
	}
	if r.Unrecorded && found.youngUntil.IsZero() {
		listed, err := e.isListed(ctx, w, r)
		if err != nil {
			return err
		}
		found.listed = listed
	}
	if !found.seenDead && !r.Unrecorded && found.saysAbsent() && found.youngUntil.IsZero() {
		absent, err := e.notListed(ctx, s, w, r)
		if err != nil {
			e.log.Debug("a key that was to be revoked could not be looked for", "connection", r.Connection, "key_name", r.Handle.Name, "error", err)
		}
		found.notListed = absent
	}
	return found.gone()
}

// isListed reports whether the provider shows the key, where it can be asked.
func (e *Engine) isListed(ctx context.Context, w way, r *ledger.Record) (bool, error) {
	if !w.definition.Capabilities.Lookup {
		return false, nil
	}
	found, err := w.client.Find(ctx, r.HandleScope(w.definition), providers.Look{Name: r.Handle.Name, ID: r.Handle.ID})
	return len(found.Keys) > 0, err
}

// notListed reports whether the provider's list held still, does not show the
// key, and shows others that the same account made at the same address.
func (e *Engine) notListed(ctx context.Context, s logical.Storage, w way, r *ledger.Record) (bool, error) {
	if !w.definition.Capabilities.Reconcile {
		return false, nil
	}
	mount, err := e.mount(ctx, s)
	if err != nil {
		return false, err
	}
	found, err := w.client.Find(ctx, r.HandleScope(w.definition), providers.Look{ID: r.Handle.ID, Containing: mount.Tag})
	if err != nil || !found.Steady || len(found.Unreadable) > 0 {
		return false, err
	}
	names := map[string]bool{}
	for _, listed := range found.Keys {
		if listed.Handle.ID == r.Handle.ID || listed.Handle.Name == r.Handle.Name {
			return false, nil
		}
		names[listed.Handle.Name] = true
	}
	return e.showsSiblings(ctx, s, r, names)
}

// showsSiblings reports whether another key of the same origin is among the names.
func (e *Engine) showsSiblings(ctx context.Context, s logical.Storage, r *ledger.Record, names map[string]bool) (bool, error) {
	for other, err := range ledger.All(ctx, s) {
		if err != nil && !errors.Is(err, stored.ErrUnreadable) {
			return false, err
		}
		if err == nil && other.ID != r.ID && names[other.Handle.Name] && r.IsSiblingOf(other) {
			return true, nil
		}
	}
	return false, nil
}

// seenDead asks the provider whether a revoked key is dead: its word for the
// revocation is no proof. Where nothing can be seen the word has to do after a
// while, and where a list shows the key, since some show those of the past; but a
// key that works is alive for as long as it does.
func (e *Engine) seenDead(ctx context.Context, w way, r *ledger.Record, since time.Time) error {
	liveness, err := providers.Unclear, error(nil)
	if w.client.CanProbe(r.Handle) || len(w.doubts) == 0 {
		liveness, err = w.client.Confirm(ctx, r.Handle, r.Scope)
	}
	if err == nil && liveness == providers.Dead {
		return nil
	}
	if err == nil && liveness == providers.Alive && w.client.CanProbe(r.Handle) {
		return errStillAlive
	}
	if e.now().Sub(since) > aliveBound {
		e.log.Warn("a revoked key was never seen dead; the provider's word is taken for it", "connection", r.Connection, "key_name", r.Handle.Name)
		return nil
	}
	if err != nil {
		return fmt.Errorf("confirming that the key is dead: %w", err)
	}
	return errStillAlive
}

// revokeUndelivered revokes a key in the ledger that nobody received. Its error says
// that the key may not be dead yet.
func (e *Engine) revokeUndelivered(ctx context.Context, s logical.Storage, r *ledger.Record) error {
	done, err := e.revokeSoon(context.WithoutCancel(ctx), s, r, "nobody received the key")
	return errors.Join(err, done.queued)
}

// processQueueEntry carries out one queue entry; on success the entry is off the queue.
func (e *Engine) processQueueEntry(ctx context.Context, entry queue.Entry) error {
	ctx, cancel := context.WithTimeout(ctx, e.workTimeout(ctx, entry.Connection))
	defer cancel()
	done := true
	var err error
	switch entry.Kind {
	case queue.Revoke:
		err = e.workRevocation(ctx, entry)
	case queue.Retire:
		err = e.retireQueued(ctx, entry)
	case queue.ByHand, queue.Crash:
		err = e.workByHand(entry)
	default:
		done, err = e.cleanUp(ctx, entry)
	}
	if err != nil {
		return err
	}
	if !done {
		return errStillUnknown
	}
	if err := e.books.queue.Remove(context.WithoutCancel(ctx), e.storage, entry.ID); err != nil {
		return err
	}
	e.books.marks.End(entry.Connection, entry.KeyName)
	return nil
}

// errStillUnknown keeps an entry on the queue of which nothing was found yet.
var errStillUnknown = errors.New("no such key is listed so far; it is looked for once more before that is believed")

// workRevocation revokes a key in the ledger, once nobody else can be its owner.
func (e *Engine) workRevocation(ctx context.Context, entry queue.Entry) error {
	key := keyOf(&entry)
	r, err := ledger.GetNamed(ctx, e.storage, key.ID, key.Handle.Name)
	if err != nil {
		return err
	}
	if r == nil {
		if !key.Unrecorded {
			return nil
		}
		r = key
	}
	if err := e.mayEnd(ctx, r); err != nil {
		return err
	}
	return e.revokeRecord(ctx, e.storage, key, entry.Since)
}

// workTimeout allows a try its connection's request timeout and some retries.
func (e *Engine) workTimeout(ctx context.Context, connection string) time.Duration {
	bound, err := e.bound(ctx, e.storage, connection)
	if err != nil {
		return 2 * defaultRequestTimeout
	}
	return bound.connection.longestMint()
}

// errFinished means that there is nothing to clean up: the mint did finish.
var errFinished = errors.New("the mint finished")

// cleanUp makes sure that the key of a mint without a known outcome does not
// exist.
func (e *Engine) cleanUp(ctx context.Context, entry queue.Entry) (done bool, err error) {
	w, release, err := e.wayTo(ctx, e.storage, entry.Origin())
	if err != nil {
		return false, err
	}
	defer release()
	if entry.Undo != nil {
		if err := w.client.Undo(ctx, *entry.Undo, e.believes(w, &entry)); err != nil || entry.Undo.Rotation {
			return err == nil, err
		}
	}
	done, err = e.revokeByName(ctx, w.boundConnection, &entry)
	switch {
	case errors.Is(err, errFinished):
		return true, nil
	case !done || err != nil:
		return false, err
	}
	if !e.believes(w, &entry) {
		return false, &unproven{reason: "no such key is found, which is no proof that there is none, since " + strings.Join(w.doubts, " and ")}
	}
	return true, nil
}

// believes reports whether what is not found this way does not exist: what made
// it was asked, or the provider has ended it by now, and it cannot be too young.
func (e *Engine) believes(w way, entry *queue.Entry) bool {
	return !e.now().Before(entry.TrustAbsenceAfter) && (len(w.doubts) == 0 || e.isOver(w.boundConnection, entry))
}

// isOver reports whether the provider itself has ended what the entry is about.
func (e *Engine) isOver(bound *boundConnection, entry *queue.Entry) bool {
	return !entry.ExpiresAt.IsZero() && e.now().After(entry.ExpiresAt.Add(e.lagOf(bound)))
}

// revokeByName revokes the key that an entry is about, if it exists. gone is
// true once it cannot exist any more, be it that it was found and revoked or not:
// the mint cannot be in flight, the list cannot lag, and no second key of the
// same name can come to light.
func (e *Engine) revokeByName(ctx context.Context, bound *boundConnection, entry *queue.Entry) (gone bool, err error) {
	trusted := !e.now().Before(entry.TrustAbsenceAfter)
	if entry.Handle != nil {
		err := e.removeLeftOver(ctx, bound, entry, *entry.Handle, nil)
		if entry.Kind == queue.Intent && errors.Is(err, errHeld) {
			return false, errFinished
		}
		return err == nil && trusted, err
	}
	if !bound.definition.Capabilities.Lookup {
		if e.isOver(bound, entry) {
			return true, nil
		}
		return false, lasting{fmt.Errorf("key %q cannot be looked for, because %s offers no list; look for it there yourself, then write queue/%s/give-up", entry.KeyName, bound.definition.Title, entry.ID)}
	}
	found, began, err := e.findMade(ctx, bound, entry)
	if err = errors.Join(append(found.Unreadable, err)...); err != nil {
		return false, err
	}
	for _, listed := range found.Keys {
		if err := e.removeLeftOver(ctx, bound, entry, listed.Handle, found.Keys); err != nil {
			return false, err
		}
	}
	if len(found.Keys) > 0 && !trusted {
		return false, &unproven{reason: "the key was found and revoked; it is looked for once more, should the request have been carried out twice", until: entry.TrustAbsenceAfter}
	}
	return found.Steady && !began.Before(entry.TrustAbsenceAfter), nil
}

// removeLeftOver removes what a mint that failed left at the provider; beside is
// all that is listed under its name.
func (e *Engine) removeLeftOver(ctx context.Context, bound *boundConnection, entry *queue.Entry, handle providers.Handle, beside []providers.Listed) error {
	o := objectOf(bound, handle)
	for _, other := range beside {
		o.beside = append(o.beside, other.Handle.ID)
	}
	return e.removeUnheld(ctx, e.storage, removal{
		object: o,
		claim:  claim{part: entry.ID, failed: entry.Kind != queue.Intent},
		work:   "clean_up",
		why:    entry.Reason,
		remove: func(ctx context.Context) error { return bound.client.Revoke(ctx, handle) },
	})
}

// keyOf is the key that a revocation is about, as far as the entry tells.
func keyOf(q *queue.Entry) *ledger.Record {
	r := &ledger.Record{ID: q.ID, Role: q.Role, ExpiresAt: q.ExpiresAt, IssuedAt: q.MadeAt}
	r.SetOrigin(q.Origin())
	r.Handle.Name = q.KeyName
	if q.Handle != nil {
		r.Handle, r.Unrecorded = *q.Handle, true
	}
	return r
}
