package backend

import (
	"maps"
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// mostSearches bounds how many unfinished searches are kept.
const mostSearches = 4096

// searches are the unfinished looks for what failed mints have left, by queue
// entry: a list that one try does not read to its end is read on by the next.
type searches struct {
	mu   sync.Mutex
	byID map[string]unfinished
}

// unfinished is a search, what it asks, and the moment from which it asks.
type unfinished struct {
	client *providers.Client
	search *providers.Search
	began  time.Time
	used   time.Time
	// beside is what the list has shown that is not looked for; nil where that is of no use.
	beside *bystanders
}

// of is the search under way for an entry, or a new one where there is none or
// its client has been replaced.
func (s *searches) of(id string, client *providers.Client, now time.Time, begin func() (*providers.Search, *bystanders)) unfinished {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one, ok := s.byID[id]; ok && one.client == client {
		one.used = now
		s.byID[id] = one
		return one
	}
	if s.byID == nil || len(s.byID) >= mostSearches {
		s.byID = map[string]unfinished{}
	}
	search, beside := begin()
	s.byID[id] = unfinished{client: client, search: search, began: now, used: now, beside: beside}
	return s.byID[id]
}

// longestUnused is for how long an unfinished search is kept that nobody goes on with.
const longestUnused = time.Hour

// forgetUnused drops the searches that nobody goes on with: what they were for was given up,
// or found in another way.
func (s *searches) forgetUnused(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.byID, func(_ string, one unfinished) bool { return now.Sub(one.used).Abs() > longestUnused })
}

func (s *searches) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}
