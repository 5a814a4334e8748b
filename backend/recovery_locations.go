package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/marks"
	"vault-plugin-secrets-apikeys/backend/stored"
)

// recovery is the work on one location where an earlier process may have left keys.
type recovery struct {
	connection string
	location   marks.Location
	marks      []*marks.Stored // those that name the location
	foundAt    time.Time

	attempts  int
	nextTry   time.Time
	running   bool
	lastError string
	// absences count the tries in a row, since absentAt, at which the provider knew
	// no such location.
	absences int
	absentAt time.Time
}

type recoveries struct {
	mu         sync.Mutex
	byLocation map[string]*recovery
	// damaged are the marks that cannot be read: what they tell of is not known.
	damaged []*marks.Stored
	// longest is for how long, at most, a call of a former leader may go on.
	longest time.Duration
	busy    int
	running sync.WaitGroup
}

func (r *recovery) key() string { return r.connection + " " + r.location.String() }

// clearedAfter is the earliest start of a reconcile after which the marks may
// go: the former leader's last call is over, and the list shows what it made.
func (r *recovery) clearedAfter(lag time.Duration) time.Time {
	var longest time.Duration
	for _, m := range r.marks {
		longest = max(longest, m.Mark.LongestMint)
	}
	return r.foundAt.Add(longest + lag)
}

// windows are when the former leaders may have made keys.
func (r *recovery) windows() marks.Windows {
	var all marks.Windows
	for _, m := range r.marks {
		all = append(all, m.Mark.Windows...)
	}
	return all
}

// findRecoveries notes which locations earlier processes left dirty.
func (e *Engine) findRecoveries(ctx context.Context, s logical.Storage) error {
	found, err := e.books.marks.OfOthers(ctx, s)
	if err != nil && !errors.Is(err, stored.ErrUnreadable) {
		return err
	}
	e.pending.recoveries.mu.Lock()
	defer e.pending.recoveries.mu.Unlock()
	e.pending.recoveries.damaged = nil
	if err != nil {
		e.pending.recoveries.longest = 2 * longestRequestTimeout
	}
	for _, m := range found {
		if m.Damaged != nil {
			e.pending.recoveries.damaged = append(e.pending.recoveries.damaged, m)
			e.askForDamaged(m)
			continue
		}
		e.pending.recoveries.longest = max(e.pending.recoveries.longest, m.Mark.LongestMint)
		for _, p := range m.Mark.Locations {
			e.pending.recoveries.add(m, p, e.now())
		}
		e.tellConnection(eventCrashFound, m.Connection, nil)
	}
	return err
}

// longestCall is for how long after the start a call of a former leader may go on,
// and its outcome be written: what was begun before it could know is over then.
func (r *recoveries) longestCall() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return max(r.longest, 2*defaultRequestTimeout)
}

// add notes that a mark names a location. The caller holds mu.
func (r *recoveries) add(m *marks.Stored, p marks.Location, now time.Time) {
	one := &recovery{connection: m.Connection, location: p, foundAt: now}
	if known := r.byLocation[one.key()]; known != nil {
		one = known
	}
	r.byLocation[one.key()] = one
	one.marks = append(one.marks, m)
	m.Left[one.key()] = true
}

// dropMarks clears the marks of which this location was the last.
func (e *Engine) dropMarks(ctx context.Context, r *recovery) error {
	e.books.queue.Forget(r.crashID())
	for _, m := range r.marks {
		if !e.pending.recoveries.takeOff(m, r) {
			continue
		}
		if err := e.storage.Delete(ctx, m.Path); err != nil {
			e.pending.recoveries.putBack(m, r)
			return fmt.Errorf("clearing a mark: %w", err)
		}
	}
	return nil
}

// takeOff notes that the location of a mark is recovered, and reports whether it was
// the last one.
func (r *recoveries) takeOff(m *marks.Stored, one *recovery) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(m.Left, one.key())
	return len(m.Left) == 0
}

// putBack has the location tried again, and with it the clearing of the mark.
func (r *recoveries) putBack(m *marks.Stored, one *recovery) {
	r.mu.Lock()
	defer r.mu.Unlock()
	m.Left[one.key()] = true
}

// definitionsInUse notes the hashes of a provider's uploaded definitions that
// recoveries need.
func (r *recoveries) definitionsInUse(inUse map[string]bool, provider string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.byLocation {
		for _, m := range one.marks {
			m.Mark.DefinitionsInUse(inUse, provider)
		}
	}
}

// names are the connections that are not reconciled yet.
func (r *recoveries) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	names := map[string]bool{}
	for _, one := range r.byLocation {
		names[one.connection] = true
	}
	return slices.Sorted(maps.Keys(names))
}

// failures tell, one sentence each, which locations could not be reconciled yet.
func (r *recoveries) failures() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var failures []string
	for _, one := range r.byLocation {
		if one.lastError != "" {
			text, _, _ := strings.Cut(one.lastError, "\n")
			failures = append(failures, fmt.Sprintf("connection %s, scope %s: %s", one.connection, one.location.Scope, text))
		}
	}
	for _, m := range r.damaged {
		failures = append(failures, fmt.Sprintf("unknown: the mark of a crash cannot be read, so what it left cannot be looked for: %s", m.Damaged))
	}
	slices.Sort(failures)
	return failures
}
