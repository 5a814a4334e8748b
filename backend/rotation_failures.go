package backend

import (
	"maps"
	"strings"
	"sync"
	"time"
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

// toldAgainAfter is how long a failure that stays the same is not told again: a rotation
// that waits for keys to end may be tried for weeks.
const toldAgainAfter = 24 * time.Hour

// toldFailures are the failures of rotations that were told last.
type toldFailures struct {
	mu    sync.Mutex
	byKey map[string]toldFailure
}

type toldFailure struct {
	text string
	at   time.Time
}

// forget takes out what is rotated no more, and whatever fails no longer without having
// succeeded: a job that fails is tried again within minutes, and told again each day.
func (t *toldFailures) forget(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.byKey, key)
	for other, last := range t.byKey {
		if now.Sub(last.at).Abs() > toldAgainAfter+time.Hour {
			delete(t.byKey, other)
		}
	}
}

// isNew reports whether a failure is to be told: it is another one than that before, or
// that was told long ago. A success has the next failure told.
func (t *toldFailures) isNew(key string, failed error, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if failed == nil {
		delete(t.byKey, key)
		return false
	}
	if t.byKey == nil {
		t.byKey = map[string]toldFailure{}
	}
	text := failed.Error()
	if last := t.byKey[key]; last.text == text && now.Sub(last.at).Abs() < toldAgainAfter {
		return false
	}
	t.byKey[key] = toldFailure{text: text, at: now}
	return true
}

// forgetFailures drops what is known of the failures of a rotation that there is no more.
func (e *Engine) forgetFailures(key string) {
	e.rotations.failing.note(key, nil)
	e.rotations.told.forget(key, e.now())
}
