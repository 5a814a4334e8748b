package paths_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/page"
)

// TestSecurityPageTellsOfEveryPath holds the page that says who can do what against the
// endpoints.
func TestSecurityPageTellsOfEveryPath(t *testing.T) {
	var told []string
	for _, row := range page.Rows(page.Read(t, "docs/security.md")) {
		for _, path := range page.Ticked(row.First) {
			first, _, _ := strings.Cut(path, "/")
			told = append(told, first)
		}
	}
	for _, endpoint := range endpoints() {
		if first := regexp.MustCompile(`^[a-z-]+`).FindString(endpoint.Pattern); !slices.Contains(told, first) {
			t.Errorf("docs/security.md does not say what somebody can do with %s", first)
		}
	}
}

// TestSecurityPageTellsWhatIsSealed holds the page that says what lies where against what
// the engine has sealed, and against the list of what it stores.
func TestSecurityPageTellsWhatIsSealed(t *testing.T) {
	sealed := newMount(t).backend.SpecialPaths().SealWrapStorage
	var told []string
	for _, row := range page.Rows(page.Section(t, "docs/security.md", "## What lies where")) {
		for _, prefix := range page.Ticked(row.First) {
			told = append(told, prefix)
			if slices.Contains(sealed, prefix) != (row.Rest[0] == "yes") {
				t.Errorf("docs/security.md says of %s that it is sealed: %s", prefix, row.Rest[0])
			}
		}
	}
	for _, row := range page.Rows(page.Section(t, "ARCHITECTURE.md", "## What lies in storage")) {
		for _, prefix := range page.Ticked(row.First) {
			if !slices.Contains(told, prefix) {
				t.Errorf("docs/security.md does not say what of %s is secret", prefix)
			}
		}
	}
	if len(told) < 15 || len(sealed) < 6 {
		t.Errorf("it tells of %v, and %v are sealed", told, sealed)
	}
}
