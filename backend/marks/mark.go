package marks

import (
	"fmt"
	"slices"
	"time"

	"vault-plugin-secrets-apikeys/backend/origin"
	"vault-plugin-secrets-apikeys/providers"
)

const (
	// WindowLength is how far ahead a mark is valid. Recovery deletes only keys from
	// inside the window, and what the original of a restored snapshot makes later
	// gives the copy away (lookout.go): the shorter it is, the better.
	WindowLength = 20 * time.Second
	// WindowLeft is what must be left of the window for a mint to start.
	WindowLeft = 10 * time.Second
	// MostWindows bounds how often a clock may jump under one mark before its
	// windows are joined.
	MostWindows = 16
)

// Mark is one process's dirty mark on one connection.
type Mark struct {
	// Windows are when keys may have been made, as their names tell it: one, and
	// another for each time that the clock jumped.
	Windows []Window `json:"windows"`
	// Locations are where at the provider keys may have been made.
	Locations []Location `json:"places"`
	// LongestMint is how long after Until a call may still be in flight.
	LongestMint time.Duration `json:"longest_mint"`
}

// Location is where keys are made: a scope at the provider, as a definition sees it.
type Location struct {
	// Scope is the part of the provider's account in whose list the keys are.
	Scope providers.ListingScope `json:"scope"`
	// Provider, Definition, BaseURL and Account are the origin of what is made
	// there, and say how to list it.
	Provider   string `json:"provider"`
	Definition string `json:"definition,omitempty"`
	BaseURL    string `json:"base_url,omitempty"`
	Account    string `json:"account,omitempty"`
}

// String is the same for the same place, made by the same.
func (p Location) String() string { return fmt.Sprint(p.Origin(""), p.Scope) }

// is reports whether both are the same place, made by the same.
func (p Location) is(other Location) bool {
	return p.Origin("") == other.Origin("") && p.Scope.String() == other.Scope.String()
}

// Window bounds times of issue, both ends included. They are those of the wall
// clock, as names tell them, in whole seconds.
type Window struct {
	// Since and Until are the first and the last time of issue in it.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
}

// Contains reports whether a time of issue is in the window.
func (w Window) Contains(issued time.Time) bool {
	// Names carry whole seconds.
	return !issued.Before(w.Since.Truncate(time.Second)) && !issued.After(w.Until)
}

// Windows are several; none at all contain nothing.
type Windows []Window

// Contain reports whether a time of issue is in one of them.
func (all Windows) Contain(issued time.Time) bool {
	return slices.ContainsFunc(all, func(w Window) bool { return w.Contains(issued) })
}

// Cover reports whether one of them has all of a window in it.
func (all Windows) Cover(w Window) bool {
	return slices.ContainsFunc(all, func(one Window) bool { return one.join(w) == one })
}

// Describe says from when to when they are, as a part of a sentence.
func (all Windows) Describe() string {
	if len(all) == 0 {
		return ""
	}
	whole := all[0]
	for _, w := range all[1:] {
		whole = whole.join(w)
	}
	return fmt.Sprintf(", made between %s and %s", whole.Since.UTC().Format(time.RFC3339), whole.Until.UTC().Format(time.RFC3339))
}

// AtMost joins the first ones until there are no more than so many.
func (all Windows) AtMost(most int) Windows {
	for len(all) > most {
		all[1] = all[0].join(all[1])
		all = all[1:]
	}
	return all
}

// join is the smallest window that has both in it.
func (w Window) join(other Window) Window {
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

// Mint is a mint as its mark has to cover it.
type Mint struct {
	// Where is the location at the provider in whose list the key will be.
	Where Location
	// Issued is the time in the key's name, and longest how long the mint lasts.
	Issued time.Time
	// Longest is how long the call may take from now on.
	Longest time.Duration
}

// wall is the time that others read too: comparisons are then of clocks, which
// jump, and not of this process's running time.
func wall(t time.Time) time.Time { return t.Round(0).UTC() }

// IsComplete reports whether the mark says when and where.
func (m *Mark) IsComplete() bool { return len(m.Windows) > 0 && len(m.Locations) > 0 }

func (m *Mark) covers(c Mint, now time.Time) bool {
	last := m.Windows[len(m.Windows)-1]
	left := last.Until.Sub(wall(now))
	return left >= WindowLeft && left <= WindowLength+setback && last.Contains(wall(c.Issued)) &&
		m.LongestMint >= c.Longest && isAmong(m.Locations, c.Where)
}

// extended is the mark with the window moved, or another one begun where the clock
// has jumped, and the location added.
func (m *Mark) extended(c Mint, now time.Time) *Mark {
	fresh := Window{Since: wall(now), Until: wall(now).Add(WindowLength)}.join(Window{Since: wall(c.Issued), Until: wall(c.Issued)})
	wider := &Mark{LongestMint: c.Longest}
	if m != nil {
		wider.Windows = append(wider.Windows, m.Windows...)
		wider.Locations = append(wider.Locations, m.Locations...)
		wider.LongestMint = max(c.Longest, m.LongestMint)
	}
	wider.Windows = withWindow(wider.Windows, fresh)
	if !isAmong(wider.Locations, c.Where) {
		wider.Locations = append(wider.Locations, c.Where)
	}
	return wider
}

// withWindow adds a window as the last one: joined with the one before where time
// has just gone on, and as one of its own where the clock has jumped, so that
// no window holds times at which no key was made.
func withWindow(windows []Window, fresh Window) []Window {
	last := len(windows) - 1
	switch {
	case last < 0:
		return []Window{fresh}
	case goesOn(windows[last], fresh):
		windows[last] = windows[last].join(fresh)
		return windows
	case len(windows) == MostWindows:
		windows[0] = windows[0].join(windows[1])
		windows = slices.Delete(windows, 1, 2)
	}
	return append(windows, fresh)
}

// goesOn reports whether fresh begins within the other one and ends after it.
func goesOn(before, fresh Window) bool {
	return !fresh.Since.Before(before.Since.Add(-setback)) && !fresh.Since.After(before.Until) && !fresh.Until.Before(before.Until.Add(-setback))
}

func isAmong(all []Location, one Location) bool { return slices.ContainsFunc(all, one.is) }

// DefinitionsInUse notes the hashes of a provider's definitions that the mark needs.
func (m *Mark) DefinitionsInUse(inUse map[string]bool, provider string) {
	for _, p := range m.Locations {
		if p.Provider == provider {
			inUse[p.Definition] = true
		}
	}
}

// Origin is that of a location's keys; a mark lies beside its connection.
func (p Location) Origin(connection string) origin.Origin {
	return origin.Origin{Connection: connection, Provider: p.Provider, Definition: p.Definition, BaseURL: p.BaseURL, Account: p.Account}
}

// LocationOf is the location at which that origin makes keys of a scope.
func LocationOf(by origin.Origin, scope providers.ListingScope) Location {
	return Location{Scope: scope, Provider: by.Provider, Definition: by.Definition, BaseURL: by.BaseURL, Account: by.Account}
}
