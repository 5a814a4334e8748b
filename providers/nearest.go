package providers

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the candidate that name was most likely meant to be, or "".
func Nearest(name string, candidates []string) string {
	allowed := 1
	if len(name) > 3 {
		allowed = max(2, len(name)/3) // two letters swapped are two changes
	}
	best, bestDistance := "", allowed+1
	for _, candidate := range candidates {
		distance := levenshtein.Distance(strings.ToLower(name), strings.ToLower(candidate), nil)
		if distance < bestDistance {
			best, bestDistance = candidate, distance
		}
	}
	return best
}

// instead says what to write in place of an unknown name: the nearest right
// one, or else all of them.
func instead(name string, candidates []string) string {
	if best := Nearest(name, candidates); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(candidates) == 0 {
		return "there is none to choose from."
	}
	sorted := slices.Sorted(slices.Values(candidates))
	return "the right ones are " + strings.Join(sorted, ", ") + "."
}
