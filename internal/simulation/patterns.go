package simulation

import "time"

// Chance alone seldom comes upon what takes several things in a row, each within
// moments. So a part of the lives has such a run of events among the others.

// pattern is a run of events that belong together.
type pattern struct {
	name string
	fits func(Traits) bool
	// suits has the traits be such that the run can do harm; nil for any.
	suits func(*Traits)
	steps []patternStep
}

// patternStep is one event of a pattern, so long after the one before.
type patternStep struct {
	least, most time.Duration
	kind        string
	set         func(*Event) // what is not left to chance; of the first cluster
}

func lists(t Traits) bool { return !t.NoList && t.findsByName() }

// patterns are the runs. None is a mutation's only way to be found.
var patterns = []pattern{
	{
		name: "a renewal whose write is ambiguous",
		steps: []patternStep{
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{4 * time.Second, 40 * time.Second, "write fails", func(e *Event) { e.A, e.B, e.Yes, e.Struck = 0, 1, true, "ledger/" }},
			{0, time.Second, "renew", func(e *Event) { e.A, e.B = 1, 1 }},
		},
	},
	{
		name:  "a crash in a long flight",
		fits:  lists,
		suits: func(t *Traits) { t.Timeout = 90 * time.Second },
		steps: []patternStep{
			{0, time.Second, "weather", func(e *Event) { e.A, e.D = weatherIndex(weatherSlow), 4*time.Minute }},
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{66 * time.Second, 85 * time.Second, "crash", func(e *Event) { e.B = 1 }},
		},
	},
	{
		name:  "a former leader whose list comes late",
		fits:  lists,
		suits: func(t *Traits) { t.ListLag, t.Slow, t.Timeout = 0, 300*time.Millisecond, 31*time.Second },
		steps: []patternStep{
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{3 * time.Second, 6 * time.Second, "weather", func(e *Event) { e.A, e.D = weatherIndex(weatherThrottles), 4*time.Second }},
			{0, 50 * time.Millisecond, "reconcile", func(e *Event) { e.A, e.B, e.Yes = 1, 1, true }},
			{time.Second, 2 * time.Second, "failover", func(e *Event) { e.A, e.B, e.D = 0, 1, 4*time.Minute }},
			{3200 * time.Millisecond, 3500 * time.Millisecond, "burst", func(e *Event) { e.A, e.B = 0, 1 }},
		},
	},
	{
		name:  "an admin credential that two connections share",
		fits:  func(t Traits) bool { return t.Rotation == rotateNew },
		suits: func(t *Traits) { t.Second = secondConnection },
		steps: []patternStep{
			{0, time.Second, "share credential", func(e *Event) { e.B = 1 }},
			{5 * time.Second, 20 * time.Second, "rotate root", func(e *Event) { e.A, e.B = 1, 1 }},
		},
	},
	{
		name:  "a new key that is another's",
		suits: func(t *Traits) { t.KnownID, t.NoList = false, false },
		steps: []patternStep{
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{3 * time.Second, 20 * time.Second, "weather", func(e *Event) { e.A, e.D = weatherIndex(weatherExisting)+e.B%2, 20*time.Second }},
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{0, 5 * time.Second, "crash at write", func(e *Event) { e.B, e.Struck, e.Yes = 1, "ledger/", e.B%3 == 0 }},
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{0, 5 * time.Second, "end lease", func(e *Event) { e.B = 1 }},
		},
	},
	{
		name: "another account after a crash in mid-mint",
		fits: lists,
		steps: []patternStep{
			{0, time.Second, "crash at write", func(e *Event) { e.A, e.B, e.Yes, e.Struck = 0, 1, false, "ledger/" }},
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{8 * time.Second, 12 * time.Second, "other account", func(e *Event) { e.A, e.B, e.Yes = 1, 1, true }},
		},
	},
	{
		name: "an admin to whom nothing is shown as a lease ends",
		fits: func(t Traits) bool { return lists(t) && !t.ListGone },
		steps: []patternStep{
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{80 * time.Second, 2 * time.Minute, "weather", func(e *Event) { e.A, e.D = weatherIndex(weatherMasked), 20*time.Second }},
			{0, time.Second, "end lease", func(e *Event) { e.B = 1 }},
		},
	},
	{
		name: "a crash in mid-mint before a list that shows nothing",
		fits: lists,
		steps: []patternStep{
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{6 * time.Minute, 7 * time.Minute, "crash at write", func(e *Event) { e.A, e.B, e.Yes, e.Struck = 0, 1, false, "ledger/" }},
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{0, time.Second, "weather", func(e *Event) { e.A, e.D = weatherIndex(weatherBlind), 4*time.Minute }},
		},
	},
	{
		name: "a twin between two crashes",
		fits: lists,
		steps: []patternStep{
			{0, time.Second, "crash", func(e *Event) { e.B = 1 }},
			{12 * time.Second, 20 * time.Second, "weather", func(e *Event) { e.A, e.D = weatherIndex(weatherDoubles), 3*time.Second }},
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{2 * time.Second, 3 * time.Minute, "crash", func(e *Event) { e.B = 1 }},
		},
	},
}

// rarePatterns are runs that some of the other lives have.
var rarePatterns = []pattern{
	{
		name:  "a secret in place whose account is deleted",
		fits:  func(t Traits) bool { return t.Catalog == "" },
		suits: func(t *Traits) { t.InPlace = true },
		steps: []patternStep{
			{0, time.Second, "shared secret", func(e *Event) { e.A = 0 }},
			{5 * time.Second, 20 * time.Second, "delete account", func(e *Event) { e.D = 2 * time.Second }},
			{10 * time.Second, 20 * time.Second, "delete shared", func(e *Event) { e.A = 0 }},
		},
	},
	{
		name: "a copy that is started early, whose original renews",
		fits: func(t Traits) bool { return t.Catalog == "" && lists(t) && !t.Steps },
		suits: func(t *Traits) {
			t.Expiry, t.Extend, t.TellsEnds, t.Fixed, t.Rounds, t.Shortens = true, true, true, 0, 0, 0
			t.Second, t.Period, t.Slow = "", 0, 300*time.Millisecond
			t.InPlace, t.GivenIDs, t.Claims = false, false, false
		},
		steps: []patternStep{
			{0, time.Second, "mint", func(e *Event) { e.A, e.B = 0, 1 }},
			{5 * time.Second, 20 * time.Second, "early clone", func(e *Event) { e.D = 2*time.Minute + e.D/4 }},
			{10 * time.Minute, 11 * time.Minute, "renew", func(e *Event) { e.A, e.B = 2, 1 }},
			{0, time.Second, "renew", func(e *Event) { e.A, e.B = 2, 2 }},
			{0, time.Second, "renew", func(e *Event) { e.A, e.B = 2, 3 }},
			{10 * time.Minute, 11 * time.Minute, "renew", func(e *Event) { e.A, e.B = 2, 1 }},
		},
	},
	{
		name:  "a user who is there, and half an answer",
		fits:  func(t Traits) bool { return t.Catalog == "" },
		suits: func(t *Traits) { t.GivenIDs = true },
		steps: []patternStep{
			{0, time.Second, "weather", func(e *Event) { e.A, e.D = weatherIndex(weatherExisting), 10*time.Second }},
			{0, 5 * time.Second, "user", func(e *Event) { e.A = 2 + e.A%usersOfPeople }},
		},
	},
	{
		name:  "a secret in place that a late request replaces",
		fits:  func(t Traits) bool { return t.Catalog == "" },
		suits: func(t *Traits) { t.InPlace, t.Timeout, t.Slow = true, 11*time.Second, 300*time.Millisecond },
		steps: []patternStep{
			{0, time.Second, "shared secret", func(e *Event) { e.A = 0 }},
			{5 * time.Second, 20 * time.Second, "weather", func(e *Event) { e.A, e.D = weatherIndex(weatherSlow), 5*time.Second }},
			{0, time.Second, "rotate shared", func(e *Event) { e.A = 0 }},
		},
	},
}

// events are those of the pattern, as parts of a script, from a time on.
func (p *pattern) events(seed uint64, n int, at time.Duration) []Event {
	d := dice(seed, "pattern", p.name, n)
	var events []Event
	for _, step := range p.steps {
		at += between(d, step.least, step.most)
		e := drawEvent(seed, n+len(events), at, step.kind)
		step.set(&e)
		events = append(events, e)
	}
	return events
}

// drawPattern is the pattern that a life has; nil for most.
func drawPattern(seed uint64, t Traits) *pattern {
	d, from := dice(seed, "which pattern"), patterns
	if !oneIn(d, 3) {
		if d, from = dice(seed, "which rare pattern"), rarePatterns; !oneIn(d, 5) {
			return nil
		}
	}
	one := &from[d.IntN(len(from))]
	if one.fits != nil && !one.fits(t) {
		return nil
	}
	return one
}
