package providers

import (
	"regexp"
	"strings"
	"testing"
)

var (
	// grants is what the help of a field says that decides what keys may do.
	grants = regexp.MustCompile(`(?i)\b(may|can) (do|bind|read|write)|APIs|permissions|scopes|policies|privileges|restricted to`)
	// wide is what it says of keys that may do too much where it is not written.
	wide = regexp.MustCompile(`(?i)\b(all|whatever|anything|everything|any)\b[^.;]*\b(may|can|can do|unless|project has)|without[^.;]*\b(all|whatever|anything|everything)\b|anything unless`)
)

// TestRoleThatNamesNothingIsNarrow: a role that does not say what its keys may do gets the
// narrowest that the provider has, or is refused. A field that may be left out, and says
// that keys may do all there is then, has to be required, to have a default, or to be
// asked for by a validation.
func TestRoleThatNamesNothingIsNarrow(t *testing.T) {
	for _, name := range BuiltIn() {
		d, err := Load(name)
		if err != nil {
			t.Fatal(err)
		}
		var asked strings.Builder
		for _, block := range strings.Split(d.Source(), "\n  validation {")[1:] {
			text, _, _ := strings.Cut(block, "\n  }")
			asked.WriteString(text)
		}
		for _, field := range d.Role {
			if field.Required || field.Default != nil || strings.Contains(asked.String(), "role."+field.Name) {
				continue
			}
			if grants.MatchString(field.Help) && wide.MatchString(field.Help) {
				t.Errorf("%s: a role without %s makes keys that may do too much: %q", name, field.Name, field.Help)
			}
		}
	}
}

// TestWideFieldsAreKnown holds the words by which the test above knows such a field.
func TestWideFieldsAreKnown(t *testing.T) {
	for help, isWide := range map[string]bool{
		"What the tokens may do. Without any they may do all that the installation may.":           true,
		"Scopes of the keys. Without them they can do whatever their owner can.":                   true,
		"What an authtoken may bind; anything unless written.":                                     true,
		"Without it they are standard keys, which may do all but manage keys.":                     true,
		"What the keys may do; nothing unless written.":                                            false,
		"Policies of the tokens. Without any they are left to token_role, or are the default one.": false,
		"Team that the keys belong to.":                                                            false,
	} {
		if got := grants.MatchString(help) && wide.MatchString(help); got != isWide {
			t.Errorf("%q counts as wide: %t", help, got)
		}
	}
}
