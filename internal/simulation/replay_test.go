//go:build !race

package simulation

import (
	"slices"
	"strings"
	"testing"
)

// A life is played again by its seed to the letter: the same things happen at the
// same moments, and come to the same end. Only a machine so busy that it stops a
// goroutine for ten milliseconds may have another one go first, so a life that
// parted from the first one is played once more.
func TestReplay(t *testing.T) {
	const plays = 4
	seeds := uint64(10)
	if testing.Short() {
		seeds = 3
	}
	for seed := range seeds {
		first := play(t, Draw(seed)).History
		if len(first) == 0 {
			t.Errorf("seed %d: nothing happened", seed)
		}
		again := play(t, Draw(seed)).History
		for n := 2; n < plays && !slices.Equal(first, again); n++ {
			first, again = again, play(t, Draw(seed)).History
		}
		if !slices.Equal(first, again) {
			t.Errorf("seed %d: %s", seed, firstDifference(first, again))
		}
	}
}

// firstDifference tells where two histories part.
func firstDifference(a, b []string) string {
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	return "\n" + strings.Join(a[at:min(at+5, len(a))], "\n") + "\nand then\n" + strings.Join(b[at:min(at+5, len(b))], "\n")
}
