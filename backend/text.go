package backend

import (
	"fmt"

	"vault-plugin-secrets-apikeys/providers"
)

// nearest is the part of a sentence that offers the right name for a wrong one;
// empty when none is near.
func nearest(name string, names []string) string {
	if right := providers.Nearest(name, names); right != "" {
		return fmt.Sprintf("; did you mean %q?", right)
	}
	return ""
}

// count is "1 live key", "2 live keys".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
