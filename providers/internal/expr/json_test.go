package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// TestEncodeJSON: the text is that of encoding/json for the same value, without nulls.
func TestEncodeJSON(t *testing.T) {
	for _, text := range []string{"", "plain", `a "quoted" \ one`, "<html>&", "zwölf ₿ 🔑", "\u2028\u2029", "tab\there", "\x00\x1f\x7f", "bad \xff utf-8", "{}[]:,"} {
		value := cty.ObjectVal(map[string]cty.Value{
			text:     cty.StringVal(text),
			"b list": cty.TupleVal([]cty.Value{cty.NullVal(cty.String), cty.True, Sensitive(cty.StringVal(text)), cty.EmptyObjectVal, cty.EmptyTupleVal}),
			"a map":  cty.MapVal(map[string]cty.Value{"z": cty.NullVal(cty.String), "y": cty.StringVal(text)}),
			"null":   cty.NullVal(cty.DynamicPseudoType),
			"number": cty.MustParseNumberVal("12345678901234567890.5"),
			"inner":  Sensitive(cty.ObjectVal(map[string]cty.Value{"null": cty.NullVal(cty.Number), "n": cty.NumberIntVal(-7)})),
		})
		var want bytes.Buffer
		encoder := json.NewEncoder(&want)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(FromCty(WithoutNulls(value))); err != nil {
			t.Fatal(err)
		}
		got, err := EncodeJSON(value)
		if err != nil || string(got)+"\n" != want.String() {
			t.Errorf("%q: %v\n%s\n%s", text, err, got, want.String())
		}
	}
}

// TestDecodeJSON: a text is one whole value, or refused.
func TestDecodeJSON(t *testing.T) {
	for text, whole := range map[string]bool{
		`{}`: true, " [1] \n": true, "\ufeff{}": true, `null`: true,
		`{}}`: false, `{}]`: false, `[] ,`: false, `1 2`: false, `{}x`: false, "{}\x00": false, `{"a":`: false, "": false, "\ufeff\ufeff{}": false,
	} {
		if _, err := DecodeJSON([]byte(text)); (err == nil) != whole {
			t.Errorf("%q: the error is %v", text, err)
		}
	}
}

// TestDecodeJSONBounds: what would take a hundred times its length in memory, or minutes to
// compute with, is refused at once; what providers send is far from that.
func TestDecodeJSONBounds(t *testing.T) {
	repeat := strings.Repeat
	for name, c := range map[string]struct {
		text string
		fits bool
	}{
		"as deep as can be":      {repeat("[", deepestValue) + repeat("]", deepestValue), true},
		"too deep":               {repeat("[", deepestValue+1) + repeat("]", deepestValue+1), false},
		"too deep, in objects":   {repeat(`{"a":`, deepestValue+1) + "1" + repeat("}", deepestValue+1), false},
		"too deep, at the end":   {`[1,{"a":` + repeat("[", deepestValue) + repeat("]", deepestValue) + "}]", false},
		"many numbers":           {"[" + repeat("1,", 1<<20) + "1]", true},
		"too many numbers":       {"[" + repeat("1,", mostValues) + "1]", false},
		"too many objects":       {"[" + repeat("{},", mostValues/perStructured) + "{}]", false},
		"a long list of keys":    {"[" + repeat(`{"id":"key_0123456789","name":"vault-reader-0123456789","created_at":"2026-01-01T00:00:00Z","scopes":["read"]},`, 100_000) + "{}]", true},
		"a short text of commas": {`"` + repeat(",", 1<<20) + `"`, true},
	} {
		if _, err := DecodeJSON([]byte(c.text)); (err == nil) != c.fits || err != nil && !errors.Is(err, ErrBeyond) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
}
