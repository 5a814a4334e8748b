package backend

import (
	"maps"
	"strings"
	"sync"
)

const (
	// What is rotated: admin credentials, and the keys of static roles.
	rootKind   = "root"
	staticKind = "static"
)

// failing are the keys of what could not be rotated at the last try, by hand or
// by the timetable.
type failing struct {
	mu   sync.Mutex
	keys map[string]bool
}

// note keeps the outcome of a try.
func (f *failing) note(key string, outcome error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if outcome == nil {
		delete(f.keys, key)
		return
	}
	if f.keys == nil {
		f.keys = map[string]bool{}
	}
	f.keys[key] = true
}

// names are those of what fails, with others that do, by kind.
func (f *failing) names(others []string) map[string][]string {
	f.mu.Lock()
	all := maps.Clone(f.keys)
	f.mu.Unlock()
	if all == nil {
		all = map[string]bool{}
	}
	for _, key := range others {
		all[key] = true
	}
	names := map[string][]string{}
	for key := range all {
		kind, name, _ := strings.Cut(key, "/")
		names[kind] = append(names[kind], name)
	}
	return names
}
