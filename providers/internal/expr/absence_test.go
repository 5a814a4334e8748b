package expr

import (
	"reflect"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// absenceScope is an answer in which little is to be found.
var absenceScope = Scope{}.
	With("body", ToCty(map[string]any{"a": "x", "n": nil, "list": []any{map[string]any{"id": "1", "on": true}, map[string]any{"id": "2"}, "odd"}})).
	With("connection", ToCty(map[string]any{"admin_key": "k"})).
	With("headers", ToCty(map[string]any{}))

func computeIn(t *testing.T, s Scope, text string) (any, error) {
	t.Helper()
	expr, found := hclsyntax.ParseExpression([]byte(text), "x.hcl", hcl.InitialPos)
	if found.HasErrors() {
		t.Fatal(found)
	}
	MeterTree(expr)
	value, err := s.Evaluate(expr)
	if err == nil && !value.IsWhollyKnown() {
		return "unknown", nil
	}
	return FromCty(value), err
}

func TestAbsent(t *testing.T) {
	const fails = "fails"
	for text, want := range map[string]struct{ asNull, asUnknown any }{
		`body.a`:                              {"x", "x"},
		`body.b`:                              {nil, "unknown"},
		`body.b.c.d`:                          {nil, "unknown"},
		`body.n`:                              {nil, nil},
		`body.n.c`:                            {nil, "unknown"},
		`body.a.c`:                            {nil, "unknown"},
		`body.list[7].id`:                     {nil, "unknown"},
		`body["b"]`:                           {nil, "unknown"},
		`body.list[body.i]`:                   {nil, "unknown"},
		`body.list[length(body.list)]`:        {nil, "unknown"},
		`headers["x-total"]`:                  {nil, "unknown"},
		`element(body.list, 0).nothing`:       {nil, "unknown"},
		`[for x in body.list : x.id]`:         {[]any{"1", "2", nil}, "unknown"},
		`[for x in body.list : x.id if x.on]`: {[]any{"1"}, "unknown"},
		`body.list[*].id`:                     {[]any{"1", "2", nil}, "unknown"},
		`body.b == null`:                      {true, "unknown"},
		`body.n == null`:                      {true, true},
		`body.a == "x" || body.b == 1`:        {true, true},
		`body.a == "y" && body.b == 1`:        {false, false},
		`body.b && true`:                      {false, "unknown"},
		`!body.b`:                             {true, "unknown"},
		`body.b ? "yes" : "no"`:               {"no", "unknown"},
		`try(body.b, "other")`:                {"other", "other"},
		`try(body.b.c, body.a)`:               {"x", "x"},
		`can(body.b)`:                         {false, false},
		`coalesce(body.b, "other")`:           {"other", "unknown"},
		`[for connection in body.list : connection.id]`: {[]any{"1", "2", nil}, "unknown"},
		`connection.other`: {fails, fails},
	} {
		for how, want := range map[absence]any{absentIsNull: want.asNull, AbsentIsUnknown: want.asUnknown} {
			got, err := computeIn(t, absenceScope.Reading(how), text)
			if want == fails {
				if err == nil {
					t.Errorf("%s, read %q, is %v", text, how, got)
				}
				continue
			}
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s, read %q, is %v (%v), want %v", text, how, got, err, want)
			}
		}
	}
}

// A filter keeps what it cannot tell, since that may be ours.
func TestAbsentInItems(t *testing.T) {
	got, err := computeIn(t, absenceScope.Reading(AbsentInItems), `[for x in body.list : x if x.on && !x.off]`)
	if items, _ := got.([]any); err != nil || len(items) != 3 {
		t.Errorf("kept are %v, %v", got, err)
	}
}
