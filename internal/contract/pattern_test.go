package contract

import (
	"regexp"
	"testing"
)

func TestMatching(t *testing.T) {
	for pattern, roomy := range map[string]bool{
		`^AC[0-9a-fA-F]{32}$`:   true,
		`^proj_[A-Za-z0-9_-]+$`: true,
		`^[^/]+$`:               true,
		`^\d{3}-\w+$`:           true,
		`^(sk|pk)-[a-z]{2,4}$`:  false,
		`^a?b*c+$`:              false,
		`^$`:                    false,
	} {
		one, other := matching(pattern, 1001), matching(pattern, 1002)
		for _, text := range []string{one, other} {
			if !regexp.MustCompile(pattern).MatchString(text) {
				t.Errorf("%q does not match %s", text, pattern)
			}
		}
		if roomy && one == other {
			t.Errorf("%s: two numbers gave one text, %q", pattern, one)
		}
	}
	if got := matching(`(?=x)`, 1); got != "" {
		t.Errorf("a pattern that Go does not read gave %q", got)
	}
}
