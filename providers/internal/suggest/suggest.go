package suggest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// Nearest is the candidate that name was most likely meant to be, or "": one that differs
// by a letter, or by two in a name of more than five, letters that are swapped
// counting once, or that the other begins with.
func Nearest(name string, candidates []string) string {
	allowed := 1
	if len(name) > 5 {
		allowed = max(2, len(name)/4)
	}
	best, bestDistance := "", allowed+1
	for _, candidate := range candidates {
		distance := mistypings(strings.ToLower(name), strings.ToLower(candidate))
		if distance < bestDistance {
			best, bestDistance = candidate, distance
		}
	}
	return best
}

// mistypings is how many letters are wrong, missing or too many.
func mistypings(name, candidate string) int {
	if shorter := min(len(name), len(candidate)); shorter >= 3 && name[:shorter] == candidate[:shorter] {
		return 1
	}
	distance := levenshtein.Distance(name, candidate, nil)
	if distance == 2 && len(name) == len(candidate) {
		for i := 0; i+1 < len(name); i++ {
			if name[:i]+string(name[i+1])+string(name[i])+name[i+2:] == candidate {
				return 1
			}
		}
	}
	return distance
}

// Instead says what to write in place of an unknown name: the nearest right
// one, or else all of them.
func Instead(name string, candidates []string) string {
	if best := Nearest(name, candidates); best != "" {
		return fmt.Sprintf("did you mean %q?", best)
	}
	if len(candidates) == 0 {
		return "there is none to choose from."
	}
	sorted := slices.Sorted(slices.Values(candidates))
	return "the right ones are " + strings.Join(sorted, ", ") + "."
}
