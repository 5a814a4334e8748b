package backend

import "sync"

// isEnding reports whether the key is to be revoked, now or by the queue.
func (e *Engine) isEnding(id string) bool {
	return e.pending.ending.Has(id) || e.books.queue.Waits(id)
}

// mostEnded bounds how many dead keys are remembered.
const mostEnded = 10_000

// recentlyEnded remembers the keys that this process has last seen end, so that Vault's
// own retry need not ask the provider again.
type recentlyEnded struct {
	mu            sync.Mutex
	newer, former map[string]bool // by record id and name
}

func (l *recentlyEnded) add(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.newer == nil || len(l.newer) >= mostEnded/2 {
		l.newer, l.former = map[string]bool{}, l.newer
	}
	l.newer[key] = true
}

func (l *recentlyEnded) has(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newer[key] || l.former[key]
}
