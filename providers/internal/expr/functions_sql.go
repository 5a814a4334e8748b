package expr

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// sqlIdentifierFunc makes an SQL identifier of any name, and sqlStringFunc a
// string literal. What has no meaning in both, or another one from database to
// database, is refused: control characters, and the backslash, which in some
// ends an escape and in others is a letter like any other.
var (
	sqlIdentifierFunc = onText(cty.String, func(text string) (cty.Value, error) {
		if text == "" {
			return cty.NilVal, errors.New("an identifier must not be empty")
		}
		return quoteSQL(text, `"`)
	})
	sqlStringFunc = onText(cty.String, func(text string) (cty.Value, error) { return quoteSQL(text, `'`) })
)

func quoteSQL(text, quote string) (cty.Value, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, unicode.IsControl) || strings.Contains(text, `\`) {
		return cty.NilVal, errors.New("must hold no control characters and no backslash")
	}
	return cty.StringVal(quote + strings.ReplaceAll(text, quote, quote+quote) + quote), nil
}
