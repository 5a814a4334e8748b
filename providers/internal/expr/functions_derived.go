package expr

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/gocty"
)

// newDerivedPasswordFunc makes derived_password(text, length): letters and digits, with
// at least one capital, one small letter and one digit, that only the holder of the
// seed can make, and can make again: what belongs to a key is known by the key's name,
// also where nothing was stored. When a definition is only checked, the result is
// unknown.
func newDerivedPasswordFunc(seed []byte, checked bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "of", Type: cty.String}, {Name: "length", Type: cty.Number}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			var length int
			if err := gocty.FromCtyValue(args[1], &length); err != nil || length < shortestPassword || length > longestPassword {
				return cty.NilVal, errors.New("the length must be a whole number from 16 to 128")
			}
			switch {
			case checked:
				return Sensitive(cty.UnknownVal(cty.String).RefineNotNull()), nil
			case len(seed) == 0:
				return cty.NilVal, errors.New("there is no seed to derive it of")
			}
			password, err := derivedPassword(seed, args[0].AsString(), length)
			return Sensitive(cty.StringVal(password)), err
		},
	})
}

// derivedPassword draws from HKDF-SHA256 (RFC 5869, without salt) what randomPassword
// draws from chance.
func derivedPassword(seed []byte, of string, length int) (string, error) {
	const fair = 256 - 256%len(passwordCharacters)
	drawn, err := hkdf.Key(sha256.New, seed, nil, "password of "+of, 255*sha256.Size)
	if err != nil {
		return "", err
	}
	var text []byte
	for _, b := range drawn {
		if int(b) < fair {
			text = append(text, passwordCharacters[int(b)%len(passwordCharacters)])
		}
		if len(text) == length {
			if hasAllKinds(string(text)) {
				return string(text), nil
			}
			text = text[:0]
		}
	}
	return "", errors.New("no password can be derived")
}

func hasAllKinds(password string) bool {
	return strings.ContainsAny(password, passwordCharacters[:26]) &&
		strings.ContainsAny(password, passwordCharacters[26:52]) &&
		strings.ContainsAny(password, passwordCharacters[52:])
}
