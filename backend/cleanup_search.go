package backend

import (
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
}

// of is the search under way for an entry, or a new one where there is none or
// its client has been replaced.
func (s *searches) of(id string, client *providers.Client, now time.Time, begin func() *providers.Search) unfinished {
	s.mu.Lock()
	defer s.mu.Unlock()
	if one, ok := s.byID[id]; ok && one.client == client {
		return one
	}
	if s.byID == nil || len(s.byID) >= mostSearches {
		s.byID = map[string]unfinished{}
	}
	s.byID[id] = unfinished{client: client, search: begin(), began: now}
	return s.byID[id]
}

func (s *searches) end(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byID, id)
}
