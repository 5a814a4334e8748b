package backend

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

	"vault-plugin-secrets-apikeys/providers"
)

// The durable queue holds what must be revoked at a provider and could not be
// yet. It retries until the provider says yes, for days if need be, so a lease
// whose revocation Vault gave up on dies all the same. queuePrefix is
// seal-wrapped: what undoes a half-made key may carry secret values.
const (
	queuePrefix = "queue/"

	// queueConcurrency bounds the revocations in flight per connection.
	queueConcurrency = 8
)

// kind is what a queue entry waits for.
type kind string

const (
	// queueRevoke: a key in the ledger is to be revoked.
	queueRevoke kind = "revoke"
	// queueCleanUp: a mint whose outcome is unknown; the key is looked for by
	// name and revoked.
	queueCleanUp kind = "clean_up"
	// queueUndo: steps of a failed mint are to be undone, then as queueCleanUp.
	queueUndo kind = "undo"
	// queueIntent: a mint that was about to start. It is a queueCleanUp unless
	// the key turns out to be in the ledger.
	queueIntent kind = "intent"
	// queueRetire: an admin credential that was replaced is to be removed.
	queueRetire kind = "retire"
	// queueByHand: an admin credential may be alive that the engine can neither
	// find nor remove. It waits for an operator to look for it and give it up.
	queueByHand kind = "by_hand"
)

// kinds are all kinds, in the order in which help and documentation tell of them.
var kinds = []kind{queueRevoke, queueCleanUp, queueUndo, queueIntent, queueRetire, queueByHand}

// Describe says what waits, as a part of a sentence.
func (k kind) Describe() string {
	switch k {
	case queueRevoke:
		return "a key in the ledger"
	case queueCleanUp:
		return "a mint whose outcome is unknown"
	case queueUndo:
		return "steps of a failed mint or rotation"
	case queueIntent:
		return "a mint that was about to start"
	case queueRetire:
		return "an admin credential that was replaced"
	case queueByHand:
		return "an admin credential that may be alive and that an operator has to look for at the provider, and then give up here"
	}
	return "unknown"
}

// DescribeKinds tells of all kinds, for the help of an endpoint.
func DescribeKinds() string {
	var told []string
	for _, k := range kinds {
		told = append(told, fmt.Sprintf("%s (%s)", k, k.Describe()))
	}
	last := len(told) - 1
	return strings.Join(told[:last], ", ") + " or " + told[last]
}

// QueueEntry is one revocation that waits.
type QueueEntry struct {
	ID         string `json:"-"`
	Kind       kind   `json:"kind"`
	Connection string `json:"connection"`
	// Provider, Definition, BaseURL and Account are the origin of that which is to
	// be cleared up. A key in the ledger has them in its record.
	Provider   string    `json:"provider,omitempty"`
	Definition string    `json:"definition,omitempty"`
	BaseURL    string    `json:"base_url,omitempty"`
	Account    string    `json:"account,omitempty"`
	Role       string    `json:"role,omitempty"`
	KeyName    string    `json:"key_name"`
	Reason     string    `json:"reason"`
	Since      time.Time `json:"since"`
	// Scope is where a clean-up looks for the key, and Handle what revokes it
	// where its id was known beforehand, or where its lease tells of it and the
	// ledger does not.
	Scope  providers.Scope   `json:"scope,omitzero"`
	Handle *providers.Handle `json:"handle,omitempty"`
	// SettledAt is when a clean-up may trust that what it does not find does
	// not exist.
	SettledAt time.Time `json:"settled_at,omitzero"`
	// ExpiresAt is when the provider itself ends the key; zero where it does not.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	// MadeAt is when the key was made, where a revocation has a Handle because the
	// ledger has no record.
	MadeAt time.Time `json:"made_at,omitzero"`
	// Undo is what an undo entry has to undo.
	Undo *providers.Leftover `json:"undo,omitempty"`
	// Retire is the credential that a retire entry removes.
	Retire *providers.Rotation `json:"retire,omitempty"`
	// RetireName is that credential's name at the provider, where it is known.
	RetireName string `json:"retire_name,omitempty"`

	// Attempts, NextTry and LastError are of this process only: a restart tries
	// at once.
	Attempts  int       `json:"-"`
	NextTry   time.Time `json:"-"`
	LastError string    `json:"-"`
}

// ofKey reports whether the entry clears up after a mint, and so says where a key
// may be: not for one in the ledger, nor for an admin credential.
func (q *QueueEntry) ofKey() bool {
	switch q.Kind {
	case queueCleanUp, queueIntent:
		return true
	case queueUndo:
		return q.Undo == nil || !q.Undo.Rotation
	}
	return false
}

// lane is the part of the queue in which the entry waits. What clears up after
// failed mints has one of its own: a list that cannot be read says nothing of
// revocations, and does not keep them.
func (q *QueueEntry) lane() string {
	if q.Kind == queueRevoke {
		return q.Connection
	}
	return q.Connection + " clean-up"
}

type queue struct {
	now    func() time.Time
	jitter jitter

	mu sync.Mutex
	// entries by id; an entry's fields beyond what is stored change under mu.
	entries map[string]*queueItem
	lanes   map[string]*lane
	running sync.WaitGroup
}

type queueItem struct {
	QueueEntry
	stored bool // may be on disk
	held   bool // an intent whose mint is in flight
	busy   bool
}

// lane is one connection's part of the queue: a dead provider delays nobody
// else's.
type lane struct {
	failures int
	nextTry  time.Time
	running  bool
}

func newQueue(now func() time.Time) *queue {
	return &queue{now: now, entries: map[string]*queueItem{}, lanes: map[string]*lane{}}
}

// load takes over what an earlier process left on disk. After errUnreadable it
// has all that can be read.
func (q *queue) load(ctx context.Context, s logical.Storage) error {
	ids, err := s.List(ctx, queuePrefix)
	if err != nil {
		return fmt.Errorf("listing the revocation queue: %w", err)
	}
	var broken error
	for _, id := range ids {
		entry, err := read[QueueEntry](ctx, s, queuePrefix+id)
		if err := unlessUnreadable(err, &broken); err != nil {
			return err
		}
		if entry == nil {
			continue
		}
		entry.ID = id
		q.mu.Lock()
		if q.entries[id] == nil {
			q.entries[id] = &queueItem{QueueEntry: *entry, stored: true}
		}
		q.mu.Unlock()
	}
	return broken
}

// add queues an entry, on disk first, in the place of one with the same id. An
// entry that cannot be stored stays in memory, is tried all the same, and the
// error says so. A held entry is not worked on before release.
func (q *queue) add(ctx context.Context, s logical.Storage, entry QueueEntry, held bool) error {
	entry.Since = q.now()
	err := write(ctx, s, queuePrefix+entry.ID, &entry)
	q.mu.Lock()
	defer q.mu.Unlock()
	item := q.entries[entry.ID]
	if item == nil {
		item = &queueItem{}
		q.entries[entry.ID] = item
	} else {
		entry.Since = item.Since
		entry.Attempts, entry.NextTry, entry.LastError = item.Attempts, item.NextTry, item.LastError
	}
	item.QueueEntry = entry
	item.held = held
	// A failed write may have been carried out all the same, so the entry is
	// deleted from disk in either case once it is done.
	item.stored = true
	if err != nil {
		return fmt.Errorf("storing a revocation: %w", err)
	}
	return nil
}

// addUnstored queues an entry whose ledger record is durable enough.
func (q *queue) addUnstored(entry QueueEntry) {
	entry.Since = q.now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.entries[entry.ID] == nil {
		q.entries[entry.ID] = &queueItem{QueueEntry: entry}
	}
}

// release lets a held intent be worked on.
func (q *queue) release(id, reason string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if item := q.entries[id]; item != nil {
		item.held = false
		item.Reason = reason
	}
}

// remove takes an entry off the queue. It stays in memory, to be tried again,
// when storage refuses.
func (q *queue) remove(ctx context.Context, s logical.Storage, id string) error {
	q.mu.Lock()
	item := q.entries[id]
	q.mu.Unlock()
	if item == nil {
		return nil
	}
	if item.stored {
		if err := s.Delete(ctx, queuePrefix+id); err != nil {
			return fmt.Errorf("removing a finished revocation from the queue: %w", err)
		}
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.entries, id)
	return nil
}

func (q *queue) get(id string) *QueueEntry {
	q.mu.Lock()
	defer q.mu.Unlock()
	item := q.entries[id]
	if item == nil || item.held {
		return nil
	}
	entry := q.seen(item)
	return &entry
}

// seen is the entry as it is shown: with the next try that its lane allows.
func (q *queue) seen(item *queueItem) QueueEntry {
	entry := item.QueueEntry
	if l := q.lanes[entry.lane()]; l != nil && l.nextTry.After(entry.NextTry) {
		entry.NextTry = l.nextTry
	}
	return entry
}

// list is every entry, by id.
func (q *queue) list() []QueueEntry {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries := make([]QueueEntry, 0, len(q.entries))
	for _, item := range q.entries {
		if !item.held {
			entries = append(entries, q.seen(item))
		}
	}
	slices.SortFunc(entries, func(a, b QueueEntry) int { return strings.Compare(a.ID, b.ID) })
	return entries
}

// all is every entry, those held for mints in flight too, in no order.
func (q *queue) all() []QueueEntry {
	q.mu.Lock()
	defer q.mu.Unlock()
	entries := make([]QueueEntry, 0, len(q.entries))
	for _, item := range q.entries {
		entries = append(entries, item.QueueEntry)
	}
	return entries
}

// definitionsInUse notes the hashes of a provider's definitions that entries need:
// those of mints in flight too, and those on disk that could not be taken over.
func (q *queue) definitionsInUse(ctx context.Context, s logical.Storage, inUse map[string]bool, provider string) error {
	ids, err := s.List(ctx, queuePrefix)
	if err != nil {
		return fmt.Errorf("listing the revocation queue: %w", err)
	}
	for _, id := range ids {
		entry, err := read[QueueEntry](ctx, s, queuePrefix+id)
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

// unsettled are the names of what a connection may have left at its provider
// beside the keys in the ledger.
func (q *queue) unsettled(connection string) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	names := map[string]bool{}
	for _, item := range q.entries {
		if item.Connection == connection && (item.Kind != queueRevoke || item.Handle != nil) {
			names[item.KeyName] = true
		}
	}
	return names
}

// removals are the names of admin credentials that a connection is to remove.
func (q *queue) removals(connection string) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	names := map[string]bool{}
	for _, item := range q.entries {
		rotation := item.Kind == queueRetire || item.Kind == queueByHand || item.Undo != nil && item.Undo.Rotation
		if item.Connection == connection && rotation {
			names[item.KeyName] = true
		}
	}
	return names
}

// lot is what waits of one kind for one connection.
type lot struct {
	connection string
	kind       kind
}

// waiting counts what waits, and tells since when each connection's oldest does.
func (q *queue) waiting() (counts map[lot]int, since map[string]time.Time) {
	counts, since = map[lot]int{}, map[string]time.Time{}
	for _, entry := range q.list() {
		counts[lot{entry.Connection, entry.Kind}]++
		if oldest, ok := since[entry.Connection]; !ok || entry.Since.Before(oldest) {
			since[entry.Connection] = entry.Since
		}
	}
	return counts, since
}

// failing reports whether the connection's last queued call failed to reach it.
func (q *queue) failing(connection string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[connection]
	return l != nil && l.failures > 0
}

// retryNow clears every pause before the entry.
func (q *queue) retryNow(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	item := q.entries[id]
	if item == nil || item.held {
		return false
	}
	item.NextTry = time.Time{}
	if l := q.lanes[item.lane()]; l != nil {
		l.nextTry = time.Time{}
	}
	return true
}

// start runs, for every connection with something due and not yet at work, a
// worker that calls work for each due entry, which must not panic. It does not
// wait for them.
func (q *queue) start(work func(QueueEntry) error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	due := map[string]bool{}
	for _, item := range q.entries {
		due[item.lane()] = due[item.lane()] || item.due(now)
	}
	for _, connection := range slices.Sorted(maps.Keys(due)) {
		l := q.lanes[connection]
		if l == nil {
			l = &lane{}
			q.lanes[connection] = l
		}
		if l.running || l.nextTry.After(now) || !due[connection] {
			continue
		}
		l.running = true
		q.running.Go(func() { q.drain(connection, work) })
	}
}

// wait returns when no worker runs.
func (q *queue) wait() { q.running.Wait() }

func (i *queueItem) due(now time.Time) bool {
	return !i.held && !i.busy && !i.NextTry.After(now)
}

// drain works on a connection's due entries, several at a time, until none is
// left or the provider cannot be reached.
func (q *queue) drain(connection string, work func(QueueEntry) error) {
	defer func() {
		q.mu.Lock()
		q.lanes[connection].running = false
		q.mu.Unlock()
	}()
	for {
		batch := q.take(connection)
		if len(batch) == 0 {
			return
		}
		var wg sync.WaitGroup
		for _, entry := range batch {
			wg.Go(func() { q.settle(entry, work(entry)) })
		}
		wg.Wait()
	}
}

// take picks the next due entries: a single one while the connection is in
// doubt, so that a dead provider costs one call a try.
func (q *queue) take(connection string) []QueueEntry {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[connection]
	now := q.now()
	if l.nextTry.After(now) {
		return nil
	}
	limit := queueConcurrency
	if l.failures > 0 {
		limit = 1
	}
	var batch []QueueEntry
	for _, item := range q.oldest(connection, now, limit) {
		item.busy = true
		batch = append(batch, item.QueueEntry)
	}
	return batch
}

// oldest are the connection's due entries that have waited longest, at most so
// many. The caller holds mu.
func (q *queue) oldest(connection string, now time.Time, limit int) []*queueItem {
	var found []*queueItem
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

func byAge(a, b *queueItem) int {
	return cmp.Or(a.Since.Compare(b.Since), strings.Compare(a.ID, b.ID))
}

// settle notes how a try ended: finished entries are already removed by work.
func (q *queue) settle(entry QueueEntry, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	l := q.lanes[entry.lane()]
	item := q.entries[entry.ID]
	if item != nil {
		item.busy = false
	}
	if err == nil {
		l.failures = 0
		return
	}
	switch {
	case !outOfReach(err):
		l.failures = 0
	case !l.nextTry.After(q.now()): // the first of its batch speaks for all
		l.failures++
		l.nextTry = q.now().Add(q.jitter.pause("queue/"+entry.Connection, l.failures, longestConnectionRetry))
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
	case outOfReach(err): // the lane's pause is the entry's
	case providers.KindOf(err) == providers.Refused, errors.Is(err, errByHand):
		item.NextTry = q.now().Add(q.jitter.pause(entry.ID, item.Attempts, longestEntryRetry))
	default:
		item.NextTry = q.now().Add(q.jitter.pause(entry.ID, item.Attempts, longestConnectionRetry))
	}
}

// retryAt is an error that knows when another try can come to anything; zero
// where it does not.
type retryAt interface {
	error
	RetryAt() time.Time
}

// outOfReach reports whether the failure says something about the connection as
// a whole, and not about the one key.
func outOfReach(err error) bool {
	switch providers.KindOf(err) {
	case providers.Unreachable, providers.Unauthorized, providers.Throttled:
		return true
	}
	return false
}

// errByHand keeps an entry on the queue that nothing but an operator can end.
var errByHand = errors.New("this waits for an operator")
