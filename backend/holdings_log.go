package backend

import (
	"sync"
	"time"

	"vault-plugin-secrets-apikeys/backend/keyed"
	"vault-plugin-secrets-apikeys/backend/ledger"
)

// holdingsLog adds what is entered into the ledger to every holdings in use: the
// ledger is read shard by shard, and a key may be entered behind the reader.
type holdingsLog struct {
	// reading is held by whoever reads what others are to share.
	reading keyed.Locks

	mu    sync.Mutex
	inUse map[*holdings]struct{}
	// shared is what those who come now may use too.
	shared *holdings
	readAt time.Time
	users  map[*holdings]int
}

func newHoldingsLog() *holdingsLog {
	return &holdingsLog{reading: keyed.New(), inUse: map[*holdings]struct{}{}, users: map[*holdings]int{}}
}

// share lets others use what one has read.
func (l *holdingsLog) share(h *holdings, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shared, l.readAt = h, now
	l.users[h] = 1
}

// join is what others use and is not too old; nil when there is none.
func (l *holdingsLog) join(now time.Time) *holdings {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shared == nil || now.Sub(l.readAt).Abs() > holdingsAge {
		return nil
	}
	l.users[l.shared]++
	return l.shared
}

// leave ends one use.
func (l *holdingsLog) leave(h *holdings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users[h]--
	if l.users[h] > 0 {
		return
	}
	delete(l.users, h)
	delete(l.inUse, h)
	if l.shared == h {
		l.shared = nil
	}
}

func (l *holdingsLog) open(h *holdings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inUse[h] = struct{}{}
}

func (l *holdingsLog) end(h *holdings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.inUse, h)
}

// added is called once a new key is in the ledger, and before it is out of
// flight. named are the values by which revoking names it, and targets stand for what that
// removes.
func (l *holdingsLog) added(r *ledger.Record, named []string, targets []uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for h := range l.inUse {
		h.addRecord(r, named, targets)
	}
}
