package simulation

import (
	"fmt"
	"strings"
	"time"
)

// Life is one history: drawn from a seed, or what shrinking left of one.
type Life struct {
	Seed   uint64
	Traits Traits
	Events []Event
}

// Event is something that happens at its time. N is its place in the life as it
// was drawn, and what its chance depends on.
type Event struct {
	N      int
	At     time.Duration
	Kind   string
	A, B   int           // which of the things that it may be about
	D      time.Duration // for how long, or how soon
	Yes    bool          // the rarer of two ways
	Struck string        // what of storage it is about
}

// Draw makes the life of a seed.
func Draw(seed uint64) Life {
	life := Life{Seed: seed, Traits: drawTraits(seed)}
	run := drawPattern(seed, life.Traits)
	if run != nil && run.suits != nil {
		run.suits(&life.Traits)
		life.Traits = life.Traits.consistent()
	}
	d := dice(seed, "script")
	kinds := drawnKinds(life.Traits)
	// A life has a temper: a few kinds of event that come often.
	for range 3 {
		favourite := pick(d, kinds...)
		for range 6 {
			kinds = append(kinds, favourite)
		}
	}
	length := 15 + d.IntN(35)
	at := time.Duration(0)
	begins := d.IntN(length)
	for n := 0; n < length; n++ {
		if run != nil && n == begins {
			for _, e := range run.events(seed, n, at+time.Second) {
				life.Events = append(life.Events, e)
				n, at = e.N, e.At
			}
			continue
		}
		switch d.IntN(10) {
		case 0:
			at += between(d, time.Minute, 15*time.Minute)
		case 1, 2:
			at += between(d, 10*time.Second, 90*time.Second)
		default:
			at += between(d, 10*time.Millisecond, 6*time.Second)
		}
		life.Events = append(life.Events, drawEvent(seed, n, at, pick(d, kinds...)))
	}
	return life
}

// drawnKinds are the kinds of event that fit the traits, each as often as its
// weight says.
func drawnKinds(t Traits) []string {
	var kinds []string
	for _, a := range actions {
		if a.fits != nil && !a.fits(t) {
			continue
		}
		for range a.weight {
			kinds = append(kinds, a.kind)
		}
	}
	return kinds
}

func drawEvent(seed uint64, n int, at time.Duration, kind string) Event {
	d := dice(seed, "event", n, kind)
	e := Event{N: n, At: at, Kind: kind, A: d.IntN(100), B: d.IntN(100), Yes: oneIn(d, 3)}
	e.D = pick(d, 0, 2*time.Second, 20*time.Second, 70*time.Second, 4*time.Minute) + between(d, 0, time.Second)
	e.Struck = pick(d, "", "", "", "ledger/", "dirty/", "queue/", "config/", "rotation", "static-key/", "timetable/")
	return e
}

// describe is the life as steps that a person can read.
func (l Life) describe() string {
	var text strings.Builder
	fmt.Fprintf(&text, "seed %d\n", l.Seed)
	for _, line := range l.Traits.describe() {
		fmt.Fprintf(&text, "  where %s\n", line)
	}
	for _, e := range l.Events {
		fmt.Fprintf(&text, "  %10s  %s\n", e.At.Round(time.Millisecond), e.describe(l.Traits))
	}
	return text.String()
}

func (e Event) describe(t Traits) string {
	if a := actionOf(e.Kind); a != nil && a.describe != nil {
		return a.describe(e, t)
	}
	return e.Kind
}
