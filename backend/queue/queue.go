package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/backend/stored"
	"vault-plugin-secrets-apikeys/providers"
)

// The durable queue holds what must be revoked at a provider and could not be
// yet. It retries until the provider says yes, for days if need be, so a lease
// whose revocation Vault gave up on dies all the same. Prefix is
// seal-wrapped: what undoes a half-made key may carry secret values.
const (
	Prefix = "queue/"

	// concurrency bounds the revocations in flight per connection.
	concurrency = 8
)

// Queue is what waits, in memory and in storage. Its methods may be called
// concurrently.
type Queue struct {
	now func() time.Time
	// Jitter draws the random part of pauses; nil draws at random. It is set before
	// the queue is used.
	Jitter retry.Jitter

	mu sync.Mutex
	// entries by id; an entry's fields beyond what is stored change under mu.
	entries      map[string]*waitingEntry
	byConnection map[string]*connectionQueue
	// seeking are those that may find a key of which nobody knows yet, by where.
	seeking map[place]map[string]*waitingEntry
	// missing counts those that are only looked for.
	missing int
	running sync.WaitGroup
	// unread are the ids of what an earlier process left and that is still to be read.
	unread map[string]struct{}
	// settled says that the ids on disk were listed once more, after all former leaders,
	// and broken that an entry there could not be read.
	settled, broken bool
	// sorted are the ids of entries, in order; nil when they have to be sorted anew.
	sorted []string
	// quietUntil is a time before which nothing can be tried, as of the last look
	// through the whole queue; noTime when there has to be another one.
	quietUntil time.Time
}

// noTime is before any other time, and none.
var noTime time.Time

type waitingEntry struct {
	Entry
	stored bool // may be on disk
	// unsaved says that storage said no when it was written last.
	unsaved bool
	held    bool // an intent whose mint is in flight
	busy    bool
	asked   bool // somebody asked for a try now
	// tried is when the last try began, and failed when the last one that failed
	// ended; zero before the first.
	tried, failed time.Time
	// forProvider says that it waits for its provider, and not on its own account.
	forProvider bool
	// alone is when the provider first served others and not this one; zero where that
	// has not been so.
	alone time.Time
}

// New is an empty queue that goes by the given clock.
func New(now func() time.Time) *Queue {
	return &Queue{now: now, entries: map[string]*waitingEntry{}, seeking: map[place]map[string]*waitingEntry{}, byConnection: map[string]*connectionQueue{}}
}

// Add queues an entry, on disk first, in the place of one with the same id. An
// entry that cannot be stored stays in memory, is tried all the same, and the
// error says so. A held entry is not worked on before release.
func (q *Queue) Add(ctx context.Context, s logical.Storage, entry Entry, held bool) error {
	entry.Since = q.now()
	err := stored.Write(ctx, s, Prefix+entry.ID, &entry)
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.unread, entry.ID)
	item := q.entries[entry.ID]
	if item == nil {
		item = &waitingEntry{Entry: entry}
		q.put(item)
	} else {
		entry.Since = item.Since
		entry.Attempts, entry.NextTry, entry.LastError = item.Attempts, item.NextTry, item.LastError
		q.unfile(item)
		item.Entry = entry
		q.file(item)
	}
	item.held = held
	q.quietUntil = noTime
	// A failed write may have been carried out all the same, so the entry is
	// deleted from disk in either case once it is done.
	item.stored, item.unsaved = true, err != nil
	if err != nil {
		return fmt.Errorf("storing a revocation: %w", err)
	}
	return nil
}

// AddUnstored queues an entry whose ledger record is durable enough.
func (q *Queue) AddUnstored(entry Entry) {
	entry.Since = q.now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if _, unread := q.unread[entry.ID]; !unread && q.entries[entry.ID] == nil {
		q.put(&waitingEntry{Entry: entry})
	}
}

// Release lets a held intent be worked on.
func (q *Queue) Release(id, reason string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if item := q.entries[id]; item != nil {
		item.held = false
		item.Reason = reason
		q.quietUntil = noTime
	}
}

// Remove takes an entry off the queue. It stays in memory, to be tried again,
// when storage refuses.
func (q *Queue) Remove(ctx context.Context, s logical.Storage, id string) error {
	q.mu.Lock()
	item := q.entries[id]
	_, unread := q.unread[id]
	q.mu.Unlock()
	if item == nil && !unread {
		return nil
	}
	if unread || item.stored {
		if err := s.Delete(ctx, Prefix+id); err != nil {
			return fmt.Errorf("removing a finished revocation from the queue: %w", err)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.drop(id)
	return nil
}

// Forget takes an entry off the queue that is not stored.
func (q *Queue) Forget(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if item := q.entries[id]; item != nil && !item.stored {
		q.drop(id)
	}
}

// Get is a copy of one entry; nil where there is none, or its mint is in flight.
func (q *Queue) Get(id string) *Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	item := q.entries[id]
	if item == nil || item.held {
		return nil
	}
	entry := q.shown(item)
	return &entry
}

// shown is the entry as it is shown: with the next try that its connection's queue allows.
func (q *Queue) shown(item *waitingEntry) Entry {
	entry := item.Entry
	if l := q.byConnection[entry.connectionQueue()]; l != nil && l.nextTry.After(entry.NextTry) {
		entry.NextTry = l.nextTry
	}
	return entry
}

// List is every entry, by id.
func (q *Queue) List() []Entry { return q.Page("", 0) }

// ClearsUp is the entry by which something is to be cleared up whose name has a fixed part,
// be it held for a mint in flight; nil for none. A revocation of a key in the ledger is none.
func (q *Queue) ClearsUp(part string) *Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	item := q.entries[part]
	if item == nil || item.Kind == Revoke {
		return nil
	}
	entry := item.Entry
	return &entry
}

// DefinitionsInUse notes the hashes of a provider's definitions that entries need:
// those of mints in flight too, and those on disk that could not be taken over.
func (q *Queue) DefinitionsInUse(ctx context.Context, s logical.Storage, inUse map[string]bool, provider string) error {
	var ids []string
	if !q.hasAll() {
		var err error
		if ids, err = s.List(ctx, Prefix); err != nil {
			return fmt.Errorf("listing the revocation queue: %w", err)
		}
	}
	for _, id := range ids {
		if q.has(id) {
			continue
		}
		entry, err := stored.Read[Entry](ctx, s, Prefix+id)
		if err != nil {
			return err
		}
		if entry != nil && entry.Provider == provider {
			inUse[entry.Definition] = true
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, item := range q.entries {
		if item.Provider == provider {
			inUse[item.Definition] = true
		}
	}
	return nil
}

// hasAll reports whether the memory has whatever is on disk.
func (q *Queue) hasAll() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.settled && !q.broken && len(q.unread) == 0
}

// Settle says that the last Load came after whatever a former leader may have written.
func (q *Queue) Settle() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.settled = true
}

func (q *Queue) has(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.entries[id] != nil
}

// UnresolvedNames are the names of what a connection may have left at its provider
// beside the keys in the ledger, and those that the provider says are not there.
func (q *Queue) UnresolvedNames(connection string) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	names := map[string]bool{}
	for item := range q.ofConnection(connection) {
		if item.Kind != Crash && item.Kind != Missing && (item.Kind != Revoke || item.Handle != nil) {
			names[item.KeyName] = true
		}
	}
	return names
}

// CleansUpMoreThan reports whether more than so many entries clear up after mints of
// a connection.
func (q *Queue) CleansUpMoreThan(connection string, few int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.byConnection[connection+cleanUpSuffix]
	if l == nil {
		return false
	}
	n := 0
	for _, item := range l.items {
		if !item.held && item.OfKey() {
			if n++; n > few {
				return true
			}
		}
	}
	return false
}

// CredentialNames are the names of admin credentials that a connection is to remove.
func (q *Queue) CredentialNames(connection string) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	names := map[string]bool{}
	for item := range q.ofConnection(connection) {
		if item.Kind == Retire || item.Kind == ByHand || item.Undo != nil && item.Undo.Rotation {
			names[item.KeyName] = true
		}
	}
	return names
}

// Label is what waits of one kind for one connection.
type Label struct {
	// Connection is its name, and Kind what is to be done.
	Connection string
	Kind       Kind
}

// Waiting counts what waits, and tells since when each connection's oldest does, of what
// is known to be there.
func (q *Queue) Waiting() (counts map[Label]int, since map[string]time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	counts, since = map[Label]int{}, map[string]time.Time{}
	for _, entry := range q.entries {
		if entry.held {
			continue
		}
		counts[Label{entry.Connection, entry.Kind}]++
		if entry.Kind == Missing {
			continue
		}
		if oldest, ok := since[entry.Connection]; !ok || entry.Since.Before(oldest) {
			since[entry.Connection] = entry.Since
		}
	}
	return counts, since
}

// RetryNow clears every pause before the entry.
func (q *Queue) RetryNow(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	item := q.entries[id]
	if item == nil || item.held {
		return false
	}
	item.NextTry, item.asked, q.quietUntil = time.Time{}, true, noTime
	if l := q.byConnection[item.connectionQueue()]; l != nil {
		l.nextTry = time.Time{}
	}
	return true
}

// RetryAll clears every pause before a connection's entries: it was changed, and what
// could not be done may be done now.
func (q *Queue) RetryAll(connection string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.quietUntil = noTime
	for item := range q.ofConnection(connection) {
		item.NextTry = time.Time{}
		if l := q.byConnection[item.connectionQueue()]; l != nil {
			l.nextTry = time.Time{}
		}
	}
}

// Start runs, for every connection with something due and not yet at work, a
// worker that calls work for each due entry, which must not panic. It does not
// wait for them. It looks through the queue only when something may be due.
func (q *Queue) Start(work func(Entry) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	if now.Before(q.quietUntil) {
		return
	}
	due := q.due(now)
	for _, name := range slices.Sorted(maps.Keys(due)) {
		l := q.connectionQueueOf(name)
		l.more = due[name]
		switch {
		case !due[name] || l.nextTry.After(now):
		case l.running:
			l.notify() // one that hangs must not keep the others from the free places
		default:
			l.running = true
			q.running.Go(func() { q.drain(name, l, work) })
		}
	}
}

// due are the connections' queues that do not wait, and which of them have something due;
// quietUntil is then when the next may have. One that waits for its provider, or for the
// one try that tells whether that is back, is not looked through before that: many may wait
// in it. The caller holds mu.
func (q *Queue) due(now time.Time) map[string]bool {
	due := map[string]bool{}
	q.quietUntil = now.Add(longestQuiet)
	for name, l := range q.byConnection {
		if l.isOver(now) {
			delete(q.byConnection, name)
			continue
		}
		if len(l.items) > 0 && l.nextTry.After(now) {
			q.quietUntil = earlier(q.quietUntil, l.nextTry)
			continue
		}
		if l.running && l.inDoubt() {
			continue
		}
		due[name] = false // also where nothing is left: those for whom it was due wait for it no more
		for _, item := range l.items {
			due[name] = due[name] || l.mayTry(item, now)
			if !item.held && !item.busy {
				q.quietUntil = earlier(q.quietUntil, l.earliest(item))
			}
		}
	}
	return due
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// longestQuiet is how long the queue goes without being looked through.
const longestQuiet = time.Minute

// connectionQueueOf is the connection's queue of that name. The caller holds mu.
func (q *Queue) connectionQueueOf(name string) *connectionQueue {
	l := q.byConnection[name]
	if l == nil {
		l = newConnectionQueue()
		q.byConnection[name] = l
	}
	return l
}

// Wait returns when no worker runs.
func (q *Queue) Wait() { q.running.Wait() }

func (i *waitingEntry) due(now time.Time) bool {
	return !i.held && !i.busy && !i.NextTry.After(now)
}

// drain works on a connection's due entries, several at a time, until none is left or the
// provider cannot be reached. Each takes the place of one that has ended.
func (q *Queue) drain(name string, l *connectionQueue, work func(Entry) error) {
	ended := make(chan struct{}, concurrency)
	for busy := 0; ; {
		entry, found := q.next(name, l, busy)
		switch {
		case found:
			busy++
			go func() {
				q.recordAttempt(entry, work(entry))
				ended <- struct{}{}
			}()
		case busy == 0:
			q.mu.Lock()
			l.running = false
			q.mu.Unlock()
			return
		default:
			select {
			case <-ended:
				busy--
			case <-l.notified:
			}
		}
	}
}

// next takes the next due entry, if another one may be tried beside those
// that are busy: one at a time while the provider is in doubt, so that a dead one
// costs one call a try.
func (q *Queue) next(name string, l *connectionQueue, busy int) (Entry, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	limit := concurrency
	if l.inDoubt() {
		limit = 1
	}
	if busy >= limit || l.nextTry.After(now) || q.yields(name, now) {
		return Entry{}, false
	}
	item := q.pick(l, now)
	if item == nil {
		return Entry{}, false
	}
	item.busy, item.asked, item.tried = true, false, now
	return item.Entry, true
}

// yields reports whether a queue of clean-ups has to wait: revocations of the same
// connection, of keys that somebody may use, go before them. The caller holds mu.
func (q *Queue) yields(name string, now time.Time) bool {
	connection, cleanUps := strings.CutSuffix(name, cleanUpSuffix)
	l := q.byConnection[connection]
	return cleanUps && l != nil && l.more && !l.nextTry.After(now)
}

// pick is the entry to be tried next; nil when none is due. Those that are due are
// sorted once and then taken one by one. The caller holds mu.
func (q *Queue) pick(l *connectionQueue, now time.Time) *waitingEntry {
	for range 2 {
		for len(l.ready) > 0 {
			item := l.ready[0]
			l.ready = l.ready[1:]
			if q.entries[item.ID] == item && l.mayTry(item, now) {
				return item
			}
		}
		for _, item := range l.items {
			if l.mayTry(item, now) {
				l.ready = append(l.ready, item)
			}
		}
		if l.inDoubt() && len(l.ready) > 1 {
			l.ready = []*waitingEntry{slices.MinFunc(l.ready, l.order())} // the next one is chosen by how this one goes
		}
		slices.SortFunc(l.ready, l.order())
	}
	l.more = false
	return nil
}

// recordAttempt notes how a try ended: finished entries are already removed by work.
func (q *Queue) recordAttempt(entry Entry, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.connectionQueueOf(entry.connectionQueue())
	item := q.entries[entry.ID]
	q.quietUntil = noTime
	if item != nil {
		item.busy = false
	}
	what := outcomeOf(err)
	alone := item != nil && l.isAlone(item, q.now())
	if !alone || what < ofDenial {
		q.observe(l, entry.ID, what)
		l.backOff(what, q.now(), q.Jitter, entry.Connection)
	}
	if err == nil || item == nil {
		return
	}
	item.Attempts++
	item.LastError = err.Error()
	item.failed = q.now()
	item.forProvider = what >= ofDenial && !alone
	item.NextTry = item.failed.Add(q.Jitter.Pause(entry.ID, item.Attempts, longestPause(what, item.aloneFor(alone && what >= ofDenial))))
	var later retryAt
	if errors.As(err, &later) && later.RetryAt().After(item.failed) {
		item.NextTry = later.RetryAt()
	}
}

// aloneFor is for how long, up to the try that has just failed, the provider served
// others and not this one. The caller holds mu.
func (i *waitingEntry) aloneFor(alone bool) time.Duration {
	switch {
	case !alone:
		return 0
	case i.alone.IsZero():
		i.alone = i.failed
	}
	return max(time.Nanosecond, i.failed.Sub(i.alone))
}

// retryAt is an error that knows when another try can come to anything; zero, or a time
// that is past, where it does not.
type retryAt interface {
	error
	RetryAt() time.Time
}

// OutOfReach reports whether the failure says something about the connection as
// a whole, and not about the one key.
func OutOfReach(err error) bool {
	switch providers.KindOf(err) {
	case providers.Unreachable, providers.Unauthorized, providers.Throttled:
		return true
	}
	return false
}

// ErrByHand keeps an entry on the queue that nothing but an operator can end.
var ErrByHand = errors.New("this waits for an operator")
