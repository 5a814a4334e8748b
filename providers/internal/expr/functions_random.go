package expr

import (
	"crypto/rand"
	"errors"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/gocty"
)

const (
	// RandomPrefix begins the names of functions that give another result each
	// time; only a candidate, which is chosen once for all requests, may call
	// them.
	RandomPrefix = "random_"

	passwordCharacters                = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	shortestPassword, longestPassword = 16, 128
)

// randomPasswordFunc is random_password(length): letters and digits, with at
// least one capital, one small letter and one digit.
var randomPasswordFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "length", Type: cty.Number}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		var length int
		if err := gocty.FromCtyValue(args[0], &length); err != nil || length < shortestPassword || length > longestPassword {
			return cty.NilVal, errors.New("the length must be a whole number from 16 to 128")
		}
		return cty.StringVal(randomPassword(length)), nil
	},
})

// randomPassword draws whole passwords until one has all kinds of characters,
// so that every such password is as likely as any other.
func randomPassword(length int) string {
	for {
		if password := randomText(length); hasAllKinds(password) {
			return password
		}
	}
}

func randomText(length int) string {
	const fair = 256 - 256%len(passwordCharacters) // bytes from here on would favour some characters
	text := make([]byte, 0, length)
	for drawn := make([]byte, length); len(text) < length; {
		_, _ = rand.Read(drawn) // never fails
		for _, b := range drawn {
			if int(b) < fair && len(text) < length {
				text = append(text, passwordCharacters[int(b)%len(passwordCharacters)])
			}
		}
	}
	return string(text)
}
