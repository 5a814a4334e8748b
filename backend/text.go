package backend

import (
	"fmt"
	"strings"

	"vault-plugin-secrets-apikeys/providers"
)

// instead offers the right name for a wrong one, or else what to do.
func instead(name string, names []string, otherwise string) string {
	if right := providers.Nearest(name, names); right != "" {
		return fmt.Sprintf("did you mean %q?", right)
	}
	return otherwise
}

// count is "1 live key", "2 live keys".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// mostNames bounds the names in one sentence.
const mostNames = 10

// firstFew is "a, b, c and 12 more".
func firstFew(names []string) string {
	if len(names) <= mostNames {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:mostNames], ", "), len(names)-mostNames)
}
