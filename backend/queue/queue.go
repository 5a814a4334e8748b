package queue

import (
	"cmp"
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

type Queue struct {
	now    func() time.Time
	Jitter retry.Jitter

	mu sync.Mutex
	// entries by id; an entry's fields beyond what is stored change under mu.
	entries map[string]*waitingEntry
	Lanes   map[string]*Lane
	running sync.WaitGroup
}

type waitingEntry struct {
	Entry
	stored bool // may be on disk
	held   bool // an intent whose mint is in flight
	busy   bool
}

// Lane is one connection's part of the queue: a dead provider delays nobody
// else's.
type Lane struct {
	Failures int
	nextTry  time.Time
	running  bool
}

func New(now func() time.Time) *Queue {
	return &Queue{now: now, entries: map[string]*waitingEntry{}, Lanes: map[string]*Lane{}}
}

// Load takes over what an earlier process left on disk. After errUnreadable it
// has all that can be read.
func (q *Queue) Load(ctx context.Context, s logical.Storage) error {
	ids, err := s.List(ctx, Prefix)
	if err != nil {
		return fmt.Errorf("listing the revocation queue: %w", err)
	}
	var broken error
	for _, id := range ids {
		entry, err := stored.Read[Entry](ctx, s, Prefix+id)
		if err := stored.UnlessUnreadable(err, &broken); err != nil {
			return err
		}
		if entry == nil {
			continue
		}
		entry.ID = id
		q.mu.Lock()
		if q.entries[id] == nil {
			q.entries[id] = &waitingEntry{Entry: *entry, stored: true}
		}
		q.mu.Unlock()
	}
	return broken
}

// Add queues an entry, on disk first, in the place of one with the same id. An
// entry that cannot be stored stays in memory, is tried all the same, and the
// error says so. A held entry is not worked on before release.
func (q *Queue) Add(ctx context.Context, s logical.Storage, entry Entry, held bool) error {
	entry.Since = q.now()
	err := stored.Write(ctx, s, Prefix+entry.ID, &entry)
	q.mu.Lock()
	defer q.mu.Unlock()
	item := q.entries[entry.ID]
	if item == nil {
		item = &waitingEntry{}
		q.entries[entry.ID] = item
	} else {
		entry.Since = item.Since
		entry.Attempts, entry.NextTry, entry.LastError = item.Attempts, item.NextTry, item.LastError
	}
	item.Entry = entry
	item.held = held
	// A failed write may have been carried out all the same, so the entry is
	// deleted from disk in either case once it is done.
	item.stored = true
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
	if q.entries[entry.ID] == nil {
		q.entries[entry.ID] = &waitingEntry{Entry: entry}
	}
}

// Release lets a held intent be worked on.
func (q *Queue) Release(id, reason string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if item := q.entries[id]; item != nil {
		item.held = false
		item.Reason = reason
	}
}

// Remove takes an entry off the queue. It stays in memory, to be tried again,
// when storage refuses.
func (q *Queue) Remove(ctx context.Context, s logical.Storage, id string) error {
	q.mu.Lock()
	item := q.entries[id]
	q.mu.Unlock()
	if item == nil {
		return nil
	}
	if item.stored {
		if err := s.Delete(ctx, Prefix+id); err != nil {
			return fmt.Errorf("removing a finished revocation from the queue: %w", err)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.entries, id)
	return nil
}

// Forget takes an entry off the queue that is not stored.
func (q *Queue) Forget(id string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if item := q.entries[id]; item != nil && !item.stored {
		delete(q.entries, id)
	}
}

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

// shown is the entry as it is shown: with the next try that its lane allows.
func (q *Queue) shown(item *waitingEntry) Entry {
	entry := item.Entry
	if l := q.Lanes[entry.lane()]; l != nil && l.nextTry.After(entry.NextTry) {
		entry.NextTry = l.nextTry
	}
	return entry
}

// List is every entry, by id.
func (q *Queue) List() []Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries := make([]Entry, 0, len(q.entries))
	for _, item := range q.entries {
		if !item.held {
			entries = append(entries, q.shown(item))
		}
	}
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	return entries
}

// All is every entry, those held for mints in flight too, in no order.
func (q *Queue) All() []Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries := make([]Entry, 0, len(q.entries))
	for _, item := range q.entries {
		entries = append(entries, item.Entry)
	}
	return entries
}

// DefinitionsInUse notes the hashes of a provider's definitions that entries need:
// those of mints in flight too, and those on disk that could not be taken over.
func (q *Queue) DefinitionsInUse(ctx context.Context, s logical.Storage, inUse map[string]bool, provider string) error {
	ids, err := s.List(ctx, Prefix)
	if err != nil {
		return fmt.Errorf("listing the revocation queue: %w", err)
	}
	for _, id := range ids {
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

// UnresolvedNames are the names of what a connection may have left at its provider
// beside the keys in the ledger.
func (q *Queue) UnresolvedNames(connection string) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	names := map[string]bool{}
	for _, item := range q.entries {
		if item.Connection == connection && item.Kind != Crash && (item.Kind != Revoke || item.Handle != nil) {
			names[item.KeyName] = true
		}
	}
	return names
}

// CredentialNames are the names of admin credentials that a connection is to remove.
func (q *Queue) CredentialNames(connection string) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	names := map[string]bool{}
	for _, item := range q.entries {
		rotation := item.Kind == Retire || item.Kind == ByHand || item.Undo != nil && item.Undo.Rotation
		if item.Connection == connection && rotation {
			names[item.KeyName] = true
		}
	}
	return names
}

// Label is what waits of one kind for one connection.
type Label struct {
	Connection string
	Kind       Kind
}

// Waiting counts what waits, and tells since when each connection's oldest does.
func (q *Queue) Waiting() (counts map[Label]int, since map[string]time.Time) {
	counts, since = map[Label]int{}, map[string]time.Time{}
	for _, entry := range q.List() {
		counts[Label{entry.Connection, entry.Kind}]++
		if oldest, ok := since[entry.Connection]; !ok || entry.Since.Before(oldest) {
			since[entry.Connection] = entry.Since
		}
	}
	return counts, since
}

// Failing reports whether the connection's last queued call failed to reach it.
func (q *Queue) Failing(connection string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.Lanes[connection]
	return l != nil && l.Failures > 0
}

// RetryNow clears every pause before the entry.
func (q *Queue) RetryNow(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	item := q.entries[id]
	if item == nil || item.held {
		return false
	}
	item.NextTry = time.Time{}
	if l := q.Lanes[item.lane()]; l != nil {
		l.nextTry = time.Time{}
	}
	return true
}

// Start runs, for every connection with something due and not yet at work, a
// worker that calls work for each due entry, which must not panic. It does not
// wait for them.
func (q *Queue) Start(work func(Entry) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	due := map[string]bool{}
	for _, item := range q.entries {
		due[item.lane()] = due[item.lane()] || item.due(now)
	}
	for _, connection := range slices.Sorted(maps.Keys(due)) {
		l := q.Lanes[connection]
		if l == nil {
			l = &Lane{}
			q.Lanes[connection] = l
		}
		if l.running || l.nextTry.After(now) || !due[connection] {
			continue
		}
		l.running = true
		q.running.Go(func() { q.drain(connection, work) })
	}
}

// Wait returns when no worker runs.
func (q *Queue) Wait() { q.running.Wait() }

func (i *waitingEntry) due(now time.Time) bool {
	return !i.held && !i.busy && !i.NextTry.After(now)
}

// drain works on a connection's due entries, several at a time, until none is
// left or the provider cannot be reached.
func (q *Queue) drain(connection string, work func(Entry) error) {
	defer func() {
		q.mu.Lock()
		q.Lanes[connection].running = false
		q.mu.Unlock()
	}()
	for {
		batch := q.take(connection)
		if len(batch) == 0 {
			return
		}
		var wg sync.WaitGroup
		for _, entry := range batch {
			wg.Go(func() { q.recordAttempt(entry, work(entry)) })
		}
		wg.Wait()
	}
}

// take picks the next due entries: a single one while the connection is in
// doubt, so that a dead provider costs one call a try.
func (q *Queue) take(connection string) []Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.Lanes[connection]
	now := q.now()
	if l.nextTry.After(now) {
		return nil
	}
	limit := concurrency
	if l.Failures > 0 {
		limit = 1
	}
	var batch []Entry
	for _, item := range q.oldest(connection, now, limit) {
		item.busy = true
		batch = append(batch, item.Entry)
	}
	return batch
}

// oldest are the connection's due entries that have waited longest, at most so
// many. The caller holds mu.
func (q *Queue) oldest(connection string, now time.Time, limit int) []*waitingEntry {
	var found []*waitingEntry
	for _, item := range q.entries {
		if item.lane() != connection || !item.due(now) {
			continue
		}
		at, _ := slices.BinarySearchFunc(found, item, byAge)
		found = slices.Insert(found, at, item)
		found = found[:min(limit, len(found))]
	}
	return found
}

func byAge(a, b *waitingEntry) int {
	return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
}

// recordAttempt notes how a try ended: finished entries are already removed by work.
func (q *Queue) recordAttempt(entry Entry, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.Lanes[entry.lane()]
	item := q.entries[entry.ID]
	if item != nil {
		item.busy = false
	}
	if err == nil {
		l.Failures = 0
		return
	}
	switch {
	case !OutOfReach(err):
		l.Failures = 0
	case !l.nextTry.After(q.now()): // the first of its batch speaks for all
		l.Failures++
		l.nextTry = q.now().Add(q.Jitter.Pause("queue/"+entry.Connection, l.Failures, retry.LongestUnreachable))
	}
	if item == nil {
		return
	}
	item.Attempts++
	item.LastError = err.Error()
	var later retryAt
	switch {
	case errors.As(err, &later) && !later.RetryAt().IsZero():
		item.NextTry = later.RetryAt()
	case OutOfReach(err): // the lane's pause is the entry's
	case providers.KindOf(err) == providers.Refused, errors.Is(err, ErrByHand), later != nil: // time alone mends none of them
		item.NextTry = q.now().Add(q.Jitter.Pause(entry.ID, item.Attempts, retry.LongestRefused))
	default:
		item.NextTry = q.now().Add(q.Jitter.Pause(entry.ID, item.Attempts, retry.LongestUnreachable))
	}
}

// retryAt is an error that knows when another try can come to anything; zero
// where it does not.
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
