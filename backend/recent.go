package backend

import (
	"sync"
	"time"
)

// recent is an answer of Vault's that is believed for a moment. When it has become
// too old one caller asks again, outside the lock, and the others go by the old one
// for a little longer: else all that come in that moment would ask.
type recent[T any] struct {
	mu     sync.Mutex
	answer T
	at     time.Time // zero when nothing is known
	asking bool
}

// longestAsked is how many times its age an answer serves while somebody asks again.
const longestAsked = 3

// of is an answer that is no older than age, or a new one; ask reports false where
// Vault could not be asked, which is believed by nobody else.
func (r *recent[T]) of(now time.Time, age time.Duration, ask func() (answer T, ok bool)) T {
	if answer, ok := r.known(now, age); ok {
		return answer
	}
	answer, ok := ask()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asking = false
	if ok {
		r.answer, r.at = answer, now
	}
	return answer
}

// known is the answer as far as it may be believed. Where it may not, the caller is
// the one who asks.
func (r *recent[T]) known(now time.Time, age time.Duration) (answer T, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := now.Sub(r.at)
	switch {
	case r.at.IsZero() || old < 0:
		return answer, false
	case old < age, r.asking && old < longestAsked*age:
		return r.answer, true
	}
	r.asking = true
	return answer, false
}
