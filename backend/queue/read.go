package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
)

// readAtStart is how many entries a start reads at once. What is beyond that is read
// in the background: the mount does not wait for a queue that is long because a
// provider was away for long.
const readAtStart = 1000

// Load takes over what an earlier process left on disk: all ids, and the first of the
// entries; Read goes on with the others. After errUnreadable it has all of these that
// can be read. It may be called again, for what such a process has left since.
func (q *Queue) Load(ctx context.Context, s logical.Storage) error {
	ids, err := s.List(ctx, Prefix)
	if err != nil {
		return fmt.Errorf("listing the revocation queue: %w", err)
	}
	q.mu.Lock()
	q.unread = map[string]struct{}{}
	for _, id := range ids {
		if q.entries[id] == nil {
			q.unread[id] = struct{}{}
		}
	}
	q.mu.Unlock()
	return q.Read(ctx, s, readAtStart)
}

// Read reads at most so many of the entries that were not read yet. After
// errUnreadable it has all of these that can be read, and does not come back to the
// others.
func (q *Queue) Read(ctx context.Context, s logical.Storage, most int) error {
	var broken error
	for _, id := range q.nextUnread(most) {
		entry, err := stored.Read[Entry](ctx, s, Prefix+id)
		if err := stored.UnlessUnreadable(err, &broken); err != nil {
			return err
		}
		q.take(id, entry)
	}
	return broken
}

func (q *Queue) nextUnread(most int) []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	ids := make([]string, 0, min(most, len(q.unread)))
	for id := range q.unread {
		if len(ids) == most {
			break
		}
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

// take adds an entry that was read, unless it was written or removed meanwhile; nil is
// one that is gone or cannot be read.
func (q *Queue) take(id string, entry *Entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, wanted := q.unread[id]
	delete(q.unread, id)
	q.broken = q.broken || entry == nil
	if !wanted || entry == nil || q.entries[id] != nil {
		return
	}
	entry.ID = id
	entry.NextTry = q.overAfter(entry)
	q.put(&waitingEntry{Entry: *entry, stored: true})
}

// overAfter is when the mint that an earlier process announced is over: until then that
// one may enter the key. It is at most as long from now as it was from the beginning,
// should a clock have been wrong. All else can be tried at once.
func (q *Queue) overAfter(entry *Entry) time.Time {
	if entry.Kind != Intent {
		return noTime
	}
	latest := q.now().Add(max(0, entry.TrustAbsenceAfter.Sub(entry.Since)))
	if entry.TrustAbsenceAfter.Before(latest) {
		return entry.TrustAbsenceAfter
	}
	return latest
}

// ErrUnread is why something waits that the whole queue has a say in.
var ErrUnread = errors.New("the queue that an earlier process left is being read; try again in a moment")

// Whole is ErrUnread while there are entries that were not read yet.
func (q *Queue) Whole() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.unread) > 0 {
		return ErrUnread
	}
	return nil
}

// Waits reports whether there is an entry with this id, be it read or not, unless its
// mint is in flight.
func (q *Queue) Waits(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, unread := q.unread[id]
	item := q.entries[id]
	return unread || item != nil && !item.held
}

// Noted reports whether there is an entry with this id that need not be added again: unlike
// Waits, not one that storage did not take, of which nothing may tell after a crash.
func (q *Queue) Noted(id string) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, unread := q.unread[id]
	item := q.entries[id]
	return unread || item != nil && !item.held && !item.unsaved
}

// Len counts what waits, be it read or not. Missing keys, which are only looked for, are
// not among it.
func (q *Queue) Len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.unread)
	for _, item := range q.entries {
		if !item.held && item.Kind != Missing {
			n++
		}
	}
	return n
}

// CountMissing counts the keys that are looked for since their provider did not know them.
func (q *Queue) CountMissing() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.missing
}

// MissingIDs are the ids at the provider of a connection's keys that it did not know.
func (q *Queue) MissingIDs(connection string) map[string]bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	ids := map[string]bool{}
	if q.missing == 0 {
		return ids
	}
	for item := range q.ofConnection(connection) {
		if item.Kind == Missing && item.Handle != nil && item.Handle.ID != "" {
			ids[item.Handle.ID] = true
		}
	}
	return ids
}

// Page are at most so many entries beyond an id, in order; 0 is all of them.
func (q *Queue) Page(after string, limit int) []Entry {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sorted == nil {
		q.sorted = make([]string, 0, len(q.entries))
		for id := range q.entries {
			q.sorted = append(q.sorted, id)
		}
		slices.Sort(q.sorted)
	}
	first, found := slices.BinarySearchFunc(q.sorted, after, strings.Compare)
	if found {
		first++
	}
	var page []Entry
	for _, id := range q.sorted[first:] {
		if item := q.entries[id]; !item.held {
			if page = append(page, q.shown(item)); len(page) == limit {
				break
			}
		}
	}
	return page
}

// put adds an entry that there is not. The caller holds mu.
func (q *Queue) put(item *waitingEntry) {
	q.file(item)
	q.quietUntil = noTime
}

// drop takes an entry out, be it read or not. The caller holds mu.
func (q *Queue) drop(id string) {
	delete(q.unread, id)
	if item := q.entries[id]; item != nil {
		q.unfile(item)
	}
}
