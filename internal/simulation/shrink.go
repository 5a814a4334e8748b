package simulation

import (
	"slices"
	"time"
)

// Shrink looks for the shortest life that still breaks the invariant: it leaves
// out events, then makes traits plain, then what happens simpler, then pauses
// shorter, as long as that helps. breaks plays a life and answers whether it does.
func Shrink(life Life, breaks func(Life) bool) Life {
	for {
		smaller := life
		for _, step := range []func(Life, func(Life) bool) Life{dropEvents, dropTraits, simplifyEvents, shortenPauses} {
			smaller = step(smaller, breaks)
		}
		if sameSize(smaller, life) {
			return smaller
		}
		life = smaller
	}
}

func sameSize(a, b Life) bool {
	return len(a.Events) == len(b.Events) && a.Traits == b.Traits && slices.Equal(a.Events, b.Events)
}

// dropEvents leaves out runs of events, long ones first.
func dropEvents(life Life, breaks func(Life) bool) Life {
	for run := max(1, len(life.Events)/2); run >= 1; run /= 2 {
		for from := len(life.Events) - run; from >= 0; from -= run {
			fewer := life
			fewer.Events = slices.Delete(slices.Clone(life.Events), from, from+run)
			if breaks(fewer) {
				life = fewer
				from = min(from, len(life.Events))
			}
		}
	}
	return life
}

// dropTraits makes one trait after another plain.
func dropTraits(life Life, breaks func(Life) bool) Life {
	for changed := true; changed; {
		changed = false
		for _, plainer := range life.Traits.plainer() {
			other := life
			other.Traits = plainer
			if breaks(other) {
				life, changed = other, true
				break
			}
		}
	}
	return life
}

// shortenPauses moves events closer to the ones before.
func shortenPauses(life Life, breaks func(Life) bool) Life {
	for i := range life.Events {
		before := time.Duration(0)
		if i > 0 {
			before = life.Events[i-1].At
		}
		pause := life.Events[i].At - before
		for _, shorter := range []time.Duration{time.Second, 10 * time.Second, time.Minute, 5 * time.Minute} {
			if shorter >= pause {
				break
			}
			sooner := life
			sooner.Events = slices.Clone(life.Events)
			for j := i; j < len(sooner.Events); j++ {
				sooner.Events[j].At -= pause - shorter
			}
			if breaks(sooner) {
				life = sooner
				break
			}
		}
	}
	return life
}

// simplifyEvents has what happens last less long, strike storage as a whole, and go
// the commoner of its two ways.
func simplifyEvents(life Life, breaks func(Life) bool) Life {
	for i, e := range life.Events {
		for _, simpler := range e.simpler() {
			other := life
			other.Events = slices.Clone(life.Events)
			other.Events[i] = simpler
			if breaks(other) {
				life = other
				break
			}
		}
	}
	return life
}

// simpler are the event's simpler kin, the simplest first.
func (e Event) simpler() []Event {
	plain := e
	plain.D, plain.Yes, plain.Struck = 0, false, ""
	all := []Event{plain}
	for _, d := range []time.Duration{0, 2 * time.Second, 20 * time.Second, 70 * time.Second} {
		if d < e.D {
			shorter := e
			shorter.D = d
			all = append(all, shorter)
		}
	}
	return slices.DeleteFunc(all, func(one Event) bool { return one == e })
}
