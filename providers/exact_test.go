package providers

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// Whole numbers above 2^53 are exact, or refused where digits may be lost.
func TestWholeNumbersAreExact(t *testing.T) {
	const big = "9007199254740993"
	src := strings.Replace(wholeDefinition, `  role "limit" {
    type = number
    min  = 0
  }`, `  role "limit" {
    type = number
    min  = 0
  }
  role "extra" { type = any }`, 1)
	src = strings.Replace(src, "      limit   = role.limit\n", "      limit   = role.limit\n      extra   = role.extra\n", 1)
	d := mustParse(t, src)
	for name, c := range map[string]struct {
		raw  map[string]any
		want string // in the request's body; "" where it is refused
	}{
		"a text for a number":        {map[string]any{"limit": big}, `"limit":` + big},
		"an exact number":            {map[string]any{"limit": json.Number(big)}, `"limit":` + big},
		"a text for anything":        {map[string]any{"extra": big}, `"extra":"` + big + `"`},
		"JSON text for anything":     {map[string]any{"extra": `{"n":` + big + `}`}, `"n":` + big},
		"an exact number inside":     {map[string]any{"extra": map[string]any{"n": []any{json.Number(big)}}}, `"n":[` + big + `]`},
		"a small float":              {map[string]any{"limit": 9007199254740991.0}, `"limit":9007199254740991`},
		"a fraction":                 {map[string]any{"limit": 0.1}, `"limit":0.1`},
		"a float at the bound":       {map[string]any{"limit": 9007199254740992.0}, ""},
		"a float above":              {map[string]any{"limit": 9007199254740993.0}, ""},
		"a float in anything":        {map[string]any{"extra": 9007199254740993.0}, ""},
		"a float deep in anything":   {map[string]any{"extra": map[string]any{"n": []any{-9007199254740993.0}}}, ""},
		"a float of a huge exponent": {map[string]any{"extra": 1e300}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.raw["project"] = "p1"
			merged, err := d.Role.Merge(nil, c.raw, nil)
			if c.want == "" {
				if err == nil || !strings.Contains(err.Error(), "write it as a string") {
					t.Errorf("%v, %v", merged, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			f := newFake(t)
			f.on("POST /v1/projects/p1/keys", 201, fmt.Sprintf(`{"id":%s,"key":%s,"owner":"o"}`, big, big))
			key, err := f.client(t, src, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: merged})
			if err != nil {
				t.Fatal(err)
			}
			if body, _ := f.last(); !strings.Contains(body, c.want) {
				t.Errorf("it sends %s, not %s", body, c.want)
			}
			if key.Handle.ID != big || key.Value != big || key.Secret["api_key"] != big {
				t.Errorf("the key is %q, %q, %#v", key.Handle.ID, key.Value, key.Secret["api_key"])
			}
		})
	}
}

func TestExact(t *testing.T) {
	got := Exact(map[string]any{
		"small": json.Number("7"), "fraction": json.Number("0.25"), "big": json.Number("-9007199254740993"), "bound": json.Number("9007199254740992"),
		"list": []any{json.Number("1e400"), "text", nil, true}, "of": Values{"n": json.Number("18446744073709551615")},
	})
	want := map[string]any{
		"small": json.Number("7"), "fraction": json.Number("0.25"), "big": "-9007199254740993", "bound": "9007199254740992",
		"list": []any{"1e400", "text", nil, true}, "of": Values{"n": "18446744073709551615"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}
