//go:build !race

package simulation

import (
	"slices"
	"strings"
	"testing"
)

// A life is played again by its seed: the same events at the same moments. What
// falls on one moment may come in another order, and so may what follows from
// that.
func TestReplay(t *testing.T) {
	for seed := range uint64(10) {
		first, second := decisions(play(t, Draw(seed))), decisions(play(t, Draw(seed)))
		if len(first) == 0 {
			t.Errorf("seed %d: nothing happened", seed)
		}
		if !slices.Equal(first, second) {
			t.Errorf("seed %d:\n%s\nand then\n%s", seed, strings.Join(first, "\n"), strings.Join(second, "\n"))
		}
	}
}

// decisions are the lines of a history that tell what was done, not what came of
// it.
func decisions(o Outcome) []string {
	var decided []string
	for _, line := range o.History {
		if strings.Contains(line, "  EVENT  ") {
			decided = append(decided, line)
		}
	}
	return decided
}
