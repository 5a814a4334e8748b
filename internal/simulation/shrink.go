package simulation

import (
	"slices"
	"time"
)

// Shrink looks for the shortest life that still breaks the invariant: it leaves
// out events, then makes traits plain, then shortens pauses, as long as that
// helps. breaks plays a life and answers whether it does.
func Shrink(life Life, breaks func(Life) bool) Life {
	for {
		smaller := shortenPauses(dropTraits(dropEvents(life, breaks), breaks), breaks)
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
