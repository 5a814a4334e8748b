package definition

import (
	"fmt"
	"regexp"
)

const (
	// defaultCharacters are accepted in a key's name by every provider met.
	defaultCharacters = "A-Za-z0-9_.-"
	// shortestName is the room that the engine needs for the part of a name
	// that makes it unique.
	shortestName = 22
	// longestName is longer than any that a provider takes; a name is filled up
	// to min_length.
	longestName = 1024
)

// KeyName says which names the provider accepts for a key.
type KeyName struct {
	// MinLength and MaxLength count characters; 0 where there is no bound.
	MinLength int `json:"min_length,omitempty"`
	// MaxLength is 0 where there is no bound.
	MaxLength int `json:"max_length,omitempty"`
	// Characters is the inside of a regular expression's [ ], such as "a-z0-9-".
	Characters string `json:"characters"`

	allowed *regexp.Regexp
}

// newKeyName checks the rules and prepares Allows.
func newKeyName(minLength, maxLength int, characters string) (KeyName, error) {
	if characters == "" {
		characters = defaultCharacters
	}
	allowed, err := regexp.Compile("^[" + characters + "]$")
	switch {
	case err != nil:
		return KeyName{}, fmt.Errorf(`characters must be the inside of a regular expression's [ ], such as "a-z0-9-": %v`, err)
	case minLength > longestName || maxLength > longestName:
		return KeyName{}, fmt.Errorf("min_length and max_length must be at most %d: leave max_length out where there is no bound", longestName)
	case minLength < 0 || maxLength < 0:
		return KeyName{}, fmt.Errorf("min_length and max_length must not be negative")
	case maxLength > 0 && maxLength < shortestName:
		return KeyName{}, fmt.Errorf("max_length must be at least %d: the part that makes a name unique takes that much", shortestName)
	case maxLength > 0 && minLength > maxLength:
		return KeyName{}, fmt.Errorf("min_length must not be more than max_length")
	}
	name := KeyName{MinLength: minLength, MaxLength: maxLength, Characters: characters, allowed: allowed}
	for _, r := range "abcdefghijklmnopqrstuvwxyz0123456789" {
		if !name.Allows(r) {
			return KeyName{}, fmt.Errorf("characters must include a-z and 0-9: the part that makes a name unique is made of them")
		}
	}
	return name, nil
}

// Allows reports whether a key's name may hold r.
func (n KeyName) Allows(r rune) bool {
	return n.allowed != nil && n.allowed.MatchString(string(r))
}
