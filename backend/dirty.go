package backend

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// A connection is marked dirty on disk before a mint may call its provider, so
// that a crash between the call and the ledger leaves a trace: the next leader
// lists the provider's keys and revokes those that nobody holds. The mark is
// like a file system's: one write when a connection becomes busy and one when
// it is idle again, none for the mints between.
//
// Each process has its own mark, named by its epoch. A mark of another epoch is
// an inherited one: its process may have died in mid-mint.
const (
	dirtyPrefix = "dirty/"

	// markWindow is how far ahead a mark is valid. Reconcile by itself deletes
	// only keys from inside the window, so a restored snapshot cannot kill what
	// the original handed out after it.
	markWindow = 10 * time.Minute
	// markRenewal is what must be left of the window for a mint to start.
	markRenewal = 5 * time.Minute
	// idleBeforeClean keeps the mark through short pauses.
	idleBeforeClean = time.Minute
)

// mark is one process's dirty mark on one connection.
type mark struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// Places are where at the provider keys may have been made.
	Places []place `json:"places"`
	// LongestMint is how long after Until a call may still be in flight.
	LongestMint time.Duration `json:"longest_mint"`
}

// place is where keys are made: a scope at the provider, as a definition sees it.
type place struct {
	Scope providers.Scope `json:"scope"`
	// Provider, Definition, BaseURL and Account are the origin of what is made
	// there, and say how to list it.
	Provider   string `json:"provider"`
	Definition string `json:"definition,omitempty"`
	BaseURL    string `json:"base_url,omitempty"`
	Account    string `json:"account,omitempty"`
}

func (p place) String() string { return fmt.Sprint(p.origin(""), p.Scope) }

func (m *mark) covers(p place, now time.Time) bool {
	return m.Until.Sub(now) >= markRenewal && isAmong(m.Places, p)
}

// extended is the mark with the window moved and the place added.
func (m *mark) extended(p place, now time.Time, longestMint time.Duration) *mark {
	wider := &mark{Since: now, Until: now.Add(markWindow), LongestMint: longestMint}
	if m != nil {
		wider.Since = m.Since
		wider.Places = append(wider.Places, m.Places...)
		wider.LongestMint = max(longestMint, m.LongestMint)
	}
	if !isAmong(wider.Places, p) {
		wider.Places = append(wider.Places, p)
	}
	return wider
}

// isAmong reports whether one reads like any of them: scopes are not comparable.
func isAmong[T fmt.Stringer](all []T, one T) bool {
	text := one.String()
	return slices.ContainsFunc(all, func(other T) bool { return other.String() == text })
}

// activity knows which mints are in flight, per connection.
type activity struct {
	epoch string
	now   func() time.Time

	mu           sync.Mutex
	byConnection map[string]*connectionActivity
}

type connectionActivity struct {
	mu   sync.Mutex
	mark *mark
	// inFlight holds the names of keys that are being minted, or whose outcome
	// is unknown and not yet on the durable queue.
	inFlight map[string]struct{}
	lastUsed time.Time
}

func newActivity(now func() time.Time) *activity {
	return &activity{
		epoch:        randomBase36(randomLength),
		now:          now,
		byConnection: map[string]*connectionActivity{},
	}
}

func (a *activity) of(connection string) *connectionActivity {
	a.mu.Lock()
	defer a.mu.Unlock()
	c := a.byConnection[connection]
	if c == nil {
		c = &connectionActivity{inFlight: map[string]struct{}{}}
		a.byConnection[connection] = c
	}
	return c
}

// connections are the names of those that were used by this process.
func (a *activity) connections() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Collect(maps.Keys(a.byConnection))
}

func (a *activity) markPath(connection string) string {
	return dirtyPrefix + connection + "/" + a.epoch
}

// begin marks the connection dirty if it is not, and the key as in flight.
// Nothing may be asked of the provider when it fails.
func (a *activity) begin(ctx context.Context, s logical.Storage, connection, keyName string, where place, longestMint time.Duration) error {
	c := a.of(connection)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := a.now()
	if c.mark == nil || !c.mark.covers(where, now) {
		wider := c.mark.extended(where, now, longestMint)
		if err := write(ctx, s, a.markPath(connection), wider); err != nil {
			// The write may have been carried out all the same: the mark counts
			// as set when it comes to clearing it, and as unset for a mint.
			c.mark = wider
			c.mark.Until = time.Time{}
			return fmt.Errorf("marking connection %q as in use: %w", connection, err)
		}
		c.mark = wider
	}
	c.inFlight[keyName] = struct{}{}
	c.lastUsed = now
	return nil
}

// definitionsInUse notes the hashes of a provider's uploaded definitions that
// the marks of this process need.
func (a *activity) definitionsInUse(inUse map[string]bool, provider string) {
	for _, name := range a.connections() {
		c := a.of(name)
		c.mu.Lock()
		if c.mark != nil {
			c.mark.definitionsInUse(inUse, provider)
		}
		c.mu.Unlock()
	}
}

func (m *mark) definitionsInUse(inUse map[string]bool, provider string) {
	for _, p := range m.Places {
		if p.Provider == provider {
			inUse[p.Definition] = true
		}
	}
}

// end takes the key out of flight: it is in the ledger, or known not to exist,
// or on the durable queue.
func (a *activity) end(connection, keyName string) {
	c := a.of(connection)
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.inFlight, keyName)
	c.lastUsed = a.now()
}

// inFlight is a snapshot of the names that are in flight on a connection.
func (a *activity) inFlight(connection string) map[string]bool {
	c := a.of(connection)
	c.mu.Lock()
	defer c.mu.Unlock()
	names := make(map[string]bool, len(c.inFlight))
	for name := range c.inFlight {
		names[name] = true
	}
	return names
}

// cleanIdle removes the marks of connections that have been idle for a while.
func (a *activity) cleanIdle(ctx context.Context, s logical.Storage) error {
	for _, name := range a.connections() {
		if err := a.cleanIfIdle(ctx, s, name); err != nil {
			return err
		}
	}
	return nil
}

func (a *activity) cleanIfIdle(ctx context.Context, s logical.Storage, connection string) error {
	c := a.of(connection)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mark == nil || len(c.inFlight) > 0 || a.now().Sub(c.lastUsed) < idleBeforeClean {
		return nil
	}
	if err := s.Delete(ctx, a.markPath(connection)); err != nil {
		return fmt.Errorf("clearing the mark of connection %q: %w", connection, err)
	}
	c.mark = nil
	return nil
}

// inheritedMark is a mark that another process left behind.
type inheritedMark struct {
	path       string
	connection string
	mark       mark
}

// inheritedMarks reads the marks of every other epoch. Beside errUnreadable it
// returns those that can be read.
func (a *activity) inheritedMarks(ctx context.Context, s logical.Storage) ([]inheritedMark, error) {
	connections, err := s.List(ctx, dirtyPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing the marks: %w", err)
	}
	var found []inheritedMark
	var broken error
	for _, folder := range connections {
		connection := strings.TrimSuffix(folder, "/")
		epochs, err := s.List(ctx, dirtyPrefix+connection+"/")
		if err != nil {
			return nil, fmt.Errorf("listing the marks of connection %q: %w", connection, err)
		}
		for _, epoch := range epochs {
			if epoch == a.epoch {
				continue
			}
			path := dirtyPrefix + connection + "/" + epoch
			m, err := read[mark](ctx, s, path)
			if err := unlessUnreadable(err, &broken); err != nil {
				return nil, err
			}
			if m != nil {
				found = append(found, inheritedMark{path: path, connection: connection, mark: *m})
			}
		}
	}
	return found, broken
}
