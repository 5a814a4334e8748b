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

	"vault-plugin-secrets-apikeys/providers"
)

// A connection is marked dirty on disk before a mint may call its provider, so
// that a crash between the call and the ledger leaves a trace: the next leader
// lists the provider's keys and revokes those that nobody holds. The mark is
// like a file system's: one write when a connection becomes busy and one when
// it is idle again, and one every so many seconds of use between.
//
// Each process has its own mark, named by its epoch. A mark of another epoch is
// an inherited one: its process may have died in mid-mint.
const (
	dirtyPrefix = "dirty/"

	// markWindow is how far ahead a mark is valid. Recovery deletes only keys from
	// inside the window, and what the original of a restored snapshot makes later
	// gives the copy away (lookout.go): the shorter it is, the better.
	markWindow = 20 * time.Second
	// markRenewal is what must be left of the window for a mint to start.
	markRenewal = 10 * time.Second
	// idleBeforeClean keeps the mark through short pauses.
	idleBeforeClean = time.Minute
	// mostWindows bounds how often a clock may jump under one mark before its
	// windows are joined.
	mostWindows = 16
)

// mark is one process's dirty mark on one connection.
type mark struct {
	// Windows are when keys may have been made, as their names tell it: one, and
	// another for each time that the clock jumped.
	Windows []window `json:"windows"`
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

// window bounds times of issue, both ends included. They are those of the wall
// clock, as names tell them, in whole seconds.
type window struct {
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// contains reports whether a time of issue is in the window.
func (w window) contains(issued time.Time) bool {
	// Names carry whole seconds.
	return !issued.Before(w.Since.Truncate(time.Second)) && !issued.After(w.Until)
}

// windows are several; none at all contain nothing.
type windows []window

func (all windows) contain(issued time.Time) bool {
	return slices.ContainsFunc(all, func(w window) bool { return w.contains(issued) })
}

// cover reports whether one of them has all of a window in it.
func (all windows) cover(w window) bool {
	return slices.ContainsFunc(all, func(one window) bool { return one.join(w) == one })
}

// atMost joins the first ones until there are no more than so many.
func (all windows) atMost(most int) windows {
	for len(all) > most {
		all[1] = all[0].join(all[1])
		all = all[1:]
	}
	return all
}

// join is the smallest window that has both in it.
func (w window) join(other window) window {
	if other.Since.Before(w.Since) {
		w.Since = other.Since
	}
	if other.Until.After(w.Until) {
		w.Until = other.Until
	}
	return w
}

// setback is how far a clock may be set back without another window.
const setback = time.Minute

// call is a mint as its mark has to cover it.
type call struct {
	where place
	// issued is the time in the key's name, and longest how long the mint lasts.
	issued  time.Time
	longest time.Duration
}

// wall is the time that others read too: comparisons are then of clocks, which
// jump, and not of this process's running time.
func wall(t time.Time) time.Time { return t.Round(0).UTC() }

func (m *mark) covers(c call, now time.Time) bool {
	last := m.Windows[len(m.Windows)-1]
	left := last.Until.Sub(wall(now))
	return left >= markRenewal && left <= markWindow+setback && last.contains(wall(c.issued)) &&
		m.LongestMint >= c.longest && isAmong(m.Places, c.where)
}

// extended is the mark with the window moved, or another one begun where the clock
// has jumped, and the place added.
func (m *mark) extended(c call, now time.Time) *mark {
	fresh := window{Since: wall(now), Until: wall(now).Add(markWindow)}.join(window{Since: wall(c.issued), Until: wall(c.issued)})
	wider := &mark{LongestMint: c.longest}
	if m != nil {
		wider.Windows = append(wider.Windows, m.Windows...)
		wider.Places = append(wider.Places, m.Places...)
		wider.LongestMint = max(c.longest, m.LongestMint)
	}
	wider.Windows = withWindow(wider.Windows, fresh)
	if !isAmong(wider.Places, c.where) {
		wider.Places = append(wider.Places, c.where)
	}
	return wider
}

// withWindow adds a window as the last one: joined with the one before where time
// has just gone on, and as one of its own where the clock has jumped, so that
// no window holds times at which no key was made.
func withWindow(windows []window, fresh window) []window {
	last := len(windows) - 1
	switch {
	case last < 0:
		return []window{fresh}
	case goesOn(windows[last], fresh):
		windows[last] = windows[last].join(fresh)
		return windows
	case len(windows) == mostWindows:
		windows[0] = windows[0].join(windows[1])
		windows = slices.Delete(windows, 1, 2)
	}
	return append(windows, fresh)
}

// goesOn reports whether fresh begins within the other one and ends after it.
func goesOn(before, fresh window) bool {
	return !fresh.Since.Before(before.Since.Add(-setback)) && !fresh.Since.After(before.Until) && !fresh.Until.Before(before.Until.Add(-setback))
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
	// accountedFor reports whether storage tells, beside the mark, that this process
	// has made keys in these windows; a mark that is not yet told of stays.
	accountedFor func(windows) bool

	mu           sync.Mutex
	byConnection map[string]*connectionActivity
}

type connectionActivity struct {
	mu   sync.Mutex
	mark *mark
	// doubtful says that the mark may not be on disk: it counts as set when it
	// comes to clearing it, and as unset for a mint.
	doubtful bool
	// inFlight holds the names of keys that are being minted, or whose outcome
	// is unknown and not yet on the durable queue.
	inFlight map[string]struct{}
	lastUsed time.Time
}

func newActivity(now func() time.Time) *activity {
	return &activity{
		epoch:        randomBase36(randomLength),
		now:          now,
		accountedFor: func(windows) bool { return true },
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
	return slices.Sorted(maps.Keys(a.byConnection))
}

func (a *activity) markPath(connection string) string {
	return dirtyPrefix + connection + "/" + a.epoch
}

// begin marks the connection dirty if it is not, and the key as in flight.
// Nothing may be asked of the provider when it fails.
func (a *activity) begin(ctx context.Context, s logical.Storage, connection, keyName string, mint call) error {
	c := a.of(connection)
	c.mu.Lock()
	defer c.mu.Unlock()
	now := a.now()
	if c.mark == nil || c.doubtful || !c.mark.covers(mint, now) {
		c.mark = c.mark.extended(mint, now)
		c.doubtful = true // a write that fails may have been carried out all the same
		if err := write(ctx, s, a.markPath(connection), c.mark); err != nil {
			return fmt.Errorf("marking connection %q as in use: %w", connection, err)
		}
		c.doubtful = false
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
	var failed error
	for _, name := range a.connections() {
		failed = errors.Join(failed, a.cleanIfIdle(ctx, s, name))
	}
	return failed
}

func (a *activity) cleanIfIdle(ctx context.Context, s logical.Storage, connection string) error {
	c := a.of(connection)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mark == nil || len(c.inFlight) > 0 || a.now().Sub(c.lastUsed) < idleBeforeClean {
		return nil
	}
	if !a.accountedFor(c.mark.Windows) {
		return nil // the next tick finds it signed for
	}
	c.doubtful = true // a deletion that fails may have been carried out all the same
	if err := s.Delete(ctx, a.markPath(connection)); err != nil {
		return fmt.Errorf("clearing the mark of connection %q: %w", connection, err)
	}
	c.mark, c.doubtful = nil, false
	return nil
}

// inheritedMark is a mark that another process left behind.
type inheritedMark struct {
	path       string
	connection string
	mark       mark
	// left are the places that are not recovered yet.
	left map[string]bool
}

// inheritedMarks reads the marks of every other epoch. Beside errUnreadable it
// returns those that can be read.
func (a *activity) inheritedMarks(ctx context.Context, s logical.Storage) ([]*inheritedMark, error) {
	marks, err := a.everyMark(ctx, s)
	own := func(m *inheritedMark) bool { return strings.HasSuffix(m.path, "/"+a.epoch) }
	return slices.DeleteFunc(marks, own), err
}

// everyMark reads the marks of all epochs, this one's among them. Beside
// errUnreadable it returns those that can be read.
func (a *activity) everyMark(ctx context.Context, s logical.Storage) ([]*inheritedMark, error) {
	connections, err := s.List(ctx, dirtyPrefix)
	if err != nil {
		return nil, fmt.Errorf("listing the marks: %w", err)
	}
	var found []*inheritedMark
	var broken error
	for _, folder := range connections {
		connection := strings.TrimSuffix(folder, "/")
		epochs, err := s.List(ctx, dirtyPrefix+connection+"/")
		if err != nil {
			return nil, fmt.Errorf("listing the marks of connection %q: %w", connection, err)
		}
		for _, epoch := range epochs {
			path := dirtyPrefix + connection + "/" + epoch
			m, err := read[mark](ctx, s, path)
			if err := unlessUnreadable(err, &broken); err != nil {
				return nil, err
			}
			if m != nil {
				found = append(found, &inheritedMark{path: path, connection: connection, mark: *m, left: map[string]bool{}})
			}
		}
	}
	return found, broken
}
