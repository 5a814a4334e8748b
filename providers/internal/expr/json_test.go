package expr

import (
	"bytes"
	"encoding/json"
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
