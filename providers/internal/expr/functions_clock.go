package expr

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's default, which is what authenticator apps and providers use
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Functions of the clock give another result each time, as those named random_ do;
// but what they give can be had again, so that they may stand in any request. They
// read the clock of the client that evaluates; where there is none, as when a
// definition is checked, their result is unknown.
var clockFunctions = map[string]func(now func() time.Time) function.Function{
	"now":  newNowFunc,
	"totp": newTOTPFunc,
}

// At is the scope with a clock, and with a seed for derived_password; nil for none.
func (s Scope) At(now func() time.Time, seed []byte) Scope {
	s.functions = maps.Clone(Functions)
	for name, bind := range clockFunctions {
		s.functions[name] = bind(now)
	}
	s.functions["derived_password"] = newDerivedPasswordFunc(seed, false)
	return s
}

// newNowFunc makes now(): the time in RFC 3339, to the second.
func newNowFunc(now func() time.Time) function.Function {
	return function.New(&function.Spec{
		Type: function.StaticReturnType(cty.String),
		Impl: func([]cty.Value, cty.Type) (cty.Value, error) {
			if now == nil {
				return cty.UnknownVal(cty.String).RefineNotNull(), nil
			}
			return cty.StringVal(now().UTC().Format(time.RFC3339)), nil
		},
	})
}

// newTOTPFunc makes totp(seed): the code of a second factor at this moment (RFC 6238,
// with six digits and 30 seconds, as authenticator apps compute it). The seed is in
// base32, in capitals or not, with or without spaces.
func newTOTPFunc(now func() time.Time) function.Function {
	return onText(cty.String, func(seed string) (cty.Value, error) {
		plain := strings.TrimRight(strings.ToUpper(strings.Join(strings.Fields(seed), "")), "=")
		key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(plain)
		if err != nil || len(key) == 0 {
			return cty.NilVal, errors.New("must be the seed of a second factor, in base32")
		}
		if now == nil {
			return cty.UnknownVal(cty.String).RefineNotNull(), nil
		}
		return cty.StringVal(totp(key, now())), nil
	})
}

// totp is the code of RFC 6238 (and RFC 4226, section 5.3).
func totp(key []byte, at time.Time) string {
	const digits, step = 1_000_000, 30
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, at.Unix()/step) // a hash never fails
	sum := mac.Sum(nil)
	offset := sum[len(sum)-1] & 0xf
	code := binary.BigEndian.Uint32(sum[offset:]) & 0x7fffffff
	return fmt.Sprintf("%06d", code%digits)
}
