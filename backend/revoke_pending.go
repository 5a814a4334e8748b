package backend

import (
	"sync"
)

// endings are the keys in the ledger that are being revoked.
type endings struct {
	mu    sync.Mutex
	count map[string]int // by record id
}

// begin notes that a revocation is under way until end is called.
func (n *endings) begin(id string) (end func()) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.count == nil {
		n.count = map[string]int{}
	}
	n.count[id]++
	return func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.count[id]--; n.count[id] <= 0 {
			delete(n.count, id)
		}
	}
}

func (n *endings) has(id string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.count[id] > 0
}

// isEnding reports whether the key is to be revoked, now or by the queue.
func (e *Engine) isEnding(id string) bool {
	return e.pending.ending.has(id) || e.books.queue.Waits(id)
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
