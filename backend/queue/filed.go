package queue

import (
	"slices"
	"strings"

	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/providers"
)

// Entries are filed by connection and, where they may yet find a key, by place: what is
// asked of one of these costs what waits there, and not what waits for a provider that has
// been away for long.

// place is the part of a provider's account in whose list a key may yet be found.
type place struct {
	provider, scope string
	// address is in the spelling of origin.Address; empty where it is not known.
	address string
}

func placeOf(provider, baseURL string, scope providers.ListingScope) place {
	p := place{provider: provider, scope: scope.String()}
	if baseURL != "" {
		p.address = origin.Address(baseURL)
	}
	return p
}

// mayBe reports whether both may be the same place.
func (p place) mayBe(other place) bool {
	known := p.address != "" && other.address != ""
	return p.provider == other.provider && p.scope == other.scope && (!known || p.address == other.address)
}

// file adds an entry that there is not. The caller holds mu.
func (q *Queue) file(item *waitingEntry) {
	q.entries[item.ID] = item
	q.connectionQueueOf(item.connectionQueue()).items[item.ID] = item
	if item.Kind == Missing {
		q.missing++
	}
	if item.seeksMint() {
		at := placeOf(item.Provider, item.BaseURL, item.Scope)
		if q.seeking[at] == nil {
			q.seeking[at] = map[string]*waitingEntry{}
		}
		q.seeking[at][item.ID] = item
	}
	if q.sorted != nil {
		at, _ := slices.BinarySearchFunc(q.sorted, item.ID, strings.Compare)
		q.sorted = slices.Insert(q.sorted, at, item.ID)
	}
}

// unfile takes an entry out. The caller holds mu.
func (q *Queue) unfile(item *waitingEntry) {
	delete(q.entries, item.ID)
	delete(q.connectionQueueOf(item.connectionQueue()).items, item.ID)
	if item.Kind == Missing {
		q.missing--
	}
	if item.seeksMint() {
		at := placeOf(item.Provider, item.BaseURL, item.Scope)
		if delete(q.seeking[at], item.ID); len(q.seeking[at]) == 0 {
			delete(q.seeking, at)
		}
	}
	if at, there := slices.BinarySearchFunc(q.sorted, item.ID, strings.Compare); there {
		q.sorted = slices.Delete(q.sorted, at, at+1)
	}
}

// ofConnection yields a connection's entries: its revocations, and what else it is to
// clear up. The caller holds mu.
func (q *Queue) ofConnection(connection string) func(yield func(*waitingEntry) bool) {
	return func(yield func(*waitingEntry) bool) {
		for _, name := range []string{connection, connection + cleanUpSuffix} {
			l := q.byConnection[name]
			if l == nil {
				continue
			}
			for _, item := range l.items {
				if !yield(item) {
					return
				}
			}
		}
	}
}

// seeksMint reports whether the entry may find a key of which nobody knows yet. A
// clean-up that a revocation left has MadeAt: it says nothing of a mint.
func (q *Entry) seeksMint() bool { return q.OfKey() && q.MadeAt.IsZero() }

// SeeksMint reports whether one of the entries that clear up after mints at the same
// place is such a one. An address that is not known may be any.
func (q *Queue) SeeksMint(provider, baseURL string, scope providers.ListingScope, such func(*Entry) bool) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.seeking) == 0 {
		return false
	}
	at := placeOf(provider, baseURL, scope)
	for other, items := range q.seeking {
		if !at.mayBe(other) {
			continue
		}
		for _, item := range items {
			if !item.held && such(&item.Entry) {
				return true
			}
		}
	}
	return false
}
