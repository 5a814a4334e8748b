package expr

import (
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// TestMatches: lists of statuses mean the same, written out or computed; anything else
// is a condition.
func TestMatches(t *testing.T) {
	names := Scope{Names: map[string]cty.Value{"status": cty.NumberIntVal(404), "of": cty.NumberIntVal(404)}}
	for _, test := range []struct {
		text string
		want bool
		fail bool
	}{
		{text: `[404]`, want: true},
		{text: `[400, 404, 410]`, want: true},
		{text: `[400, 410]`},
		{text: `[]`},
		{text: `[404.5]`},
		{text: `[404.0]`, want: true},
		{text: `[4040e-1]`, want: true},
		{text: `[1e300]`},
		{text: `["404"]`, want: true},
		{text: `["gone", 404]`, want: true},
		{text: `[null, 404]`, want: true},
		{text: `[null]`},
		{text: `[true]`},
		{text: `[of]`, want: true},
		{text: `[400, of]`, want: true},
		{text: `[of + 1]`},
		{text: `[unknown]`, fail: true},
		{text: `[404, unknown]`, fail: true},
		{text: `status == 404`, want: true},
		{text: `null`},
		{text: `404`, fail: true},
	} {
		condition, found := hclsyntax.ParseExpression([]byte(test.text), "x.hcl", hcl.InitialPos)
		if found.HasErrors() {
			t.Fatal(found)
		}
		got, err := names.Matches(condition, 404)
		if got != test.want || (err != nil) != test.fail {
			t.Errorf("%s: %t, %v, want %t, failing %t", test.text, got, err, test.want, test.fail)
		}
	}
}
