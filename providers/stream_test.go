package providers

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// A list that is not paged may be longer than any other answer.
func TestLongLists(t *testing.T) {
	const keys = 8_000 // of more than 4 MiB, which other answers may have
	long := func(w http.ResponseWriter, _ *http.Request) {
		out := bufio.NewWriter(w)
		defer out.Flush()
		fmt.Fprint(out, `{"total":8000,"data":[`)
		for i := range keys {
			fmt.Fprintf(out, `{"id":"id-%d","name":"key-number-%d","note":"%s"},`, i, i, strings.Repeat("x", 600))
		}
		fmt.Fprint(out, `{"name":"no id"}],"next":null}`)
	}
	unpaged := strings.NewReplacer("    next  = body.next != null ? { number = body.next } : null\n", "", "    query = { page = page.number }\n", "").Replace(pagedDefinition)
	for name, src := range map[string]string{
		"item by item":     unpaged,
		"with a condition": strings.Replace(unpaged, "    item  =", "    ok    = body.total > 0\n    item  =", 1),
		"as a page":        pagedDefinition,
		"through a filter": strings.Replace(unpaged, "items = body.data", `items = [for one in body.data : one if one.off != true]`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.do("GET /v1/keys", long)
			c := f.client(t, src, nil)
			found, err := c.Find(t.Context(), ListingScope{}, Look{Name: "key-number-7999"})
			if err != nil || len(found.Keys) != 1 || found.Keys[0].Handle.ID != "id-7999" {
				t.Fatalf("%+v, %v", found, err)
			}
			if found, err := c.Find(t.Context(), ListingScope{}, Look{Name: "absent"}); err != nil || !found.Absent() {
				t.Errorf("%+v, %v", found, err)
			}
		})
	}
}

// Even so there is a bound.
func TestEndlessList(t *testing.T) {
	f := newFake(t)
	f.do("GET /v1/keys", func(w http.ResponseWriter, _ *http.Request) {
		item := []byte(`{"id":"i","name":"n","note":"` + strings.Repeat("x", 1<<16) + `"},`)
		fmt.Fprint(w, `{"data":[`)
		for range definition.MaxList/len(item) + 10 {
			if _, err := w.Write(item); err != nil {
				return
			}
		}
	})
	unpaged := strings.NewReplacer("    next  = body.next != null ? { number = body.next } : null\n", "", "    query = { page = page.number }\n", "").Replace(pagedDefinition)
	if _, err := f.client(t, unpaged, nil).Find(t.Context(), ListingScope{}, Look{Name: "n"}); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("the error is %v", err)
	}
}

// An item that is beyond what can be computed with ends the reading: it may be one of ours.
func TestItemsBeyondBounds(t *testing.T) {
	for name, odd := range map[string]string{
		"deep": strings.Repeat("[", 5000) + strings.Repeat("]", 5000),
		"many": "[" + strings.Repeat("{},", 1<<20) + "{}]",
	} {
		f := newFake(t)
		f.do("GET /v1/keys", func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, `{"data":[{"id":"i","name":"n","note":"%s"},{"id":"j","name":"m","odd":%s}]}`, strings.Repeat("x", definition.StreamFrom), odd)
		})
		unpaged := strings.NewReplacer("    next  = body.next != null ? { number = body.next } : null\n", "", "    query = { page = page.number }\n", "").Replace(pagedDefinition)
		if found, err := f.client(t, unpaged, nil).Find(t.Context(), ListingScope{}, Look{Name: "absent"}); err == nil || !strings.Contains(err.Error(), "than can be computed with") {
			t.Errorf("%s: %+v, %v", name, found, err)
		}
	}
}

func TestWithoutItems(t *testing.T) {
	for text, want := range map[string]struct {
		path  []string
		rest  any // nil for an error
		items []any
	}{
		`{"a":1,"data":[1,[2],{"data":3}],"b":{"c":null}}`: {[]string{"data"}, object{"a": json.Number("1"), "data": []any{}, "b": object{"c": nil}}, []any{json.Number("1"), []any{json.Number("2")}, object{"data": json.Number("3")}}},
		` [ "x" , "y" ] `:               {[]string{}, []any{}, []any{"x", "y"}},
		`{"r":{"data" : [ ]},"data":7}`: {[]string{"r", "data"}, object{"r": object{"data": []any{}}, "data": json.Number("7")}, nil},
		`{"data":null}`:                 {[]string{"data"}, nil, nil},
		`{"data":{}}`:                   {[]string{"data"}, nil, nil},
		`{}`:                            {[]string{"data"}, nil, nil},
		`{"data":[1`:                    {[]string{"data"}, nil, nil},
		`{"data":[1]} x`:                {[]string{"data"}, nil, nil},
		`<html>`:                        {[]string{"data"}, nil, nil},
		``:                              {[]string{}, nil, nil},
	} {
		rest, list, err := withoutItems([]byte(text), want.path)
		if want.rest == nil {
			if err == nil {
				t.Errorf("%s: %v, and no error", text, rest)
			}
			continue
		}
		var items []any
		if err == nil {
			err = eachItem(list, func(item cty.Value, _ int) { items = append(items, expr.FromCty(item)) })
		}
		if err != nil || !reflect.DeepEqual(rest, want.rest) || !reflect.DeepEqual(items, want.items) {
			t.Errorf("%s: %v with %v, %v", text, rest, items, err)
		}
	}
}

// What is read item by item is what is read as a whole.
func FuzzStream(f *testing.F) {
	for _, seed := range []string{`{"data":[]}`, `{"data":[1,{"id":"x"},null]}`, `{"data":[1],"data":[2]}`, `{"a":{"data":[1]},"data":[[]]}`, `{"data":7}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, list, err := withoutItems([]byte(text), []string{"data"})
		if err != nil {
			return
		}
		var items []any
		if err := eachItem(list, func(item cty.Value, _ int) { items = append(items, expr.FromCty(item)) }); err != nil {
			t.Fatal(err)
		}
		whole, err := expr.DecodeJSON([]byte(text))
		if err != nil {
			t.Fatalf("%q is read item by item, and not as a whole: %v", text, err)
		}
		fields, _ := whole.(map[string]any)
		if all, _ := expr.FromCty(expr.ToCty(fields["data"])).([]any); len(all) != len(items) || len(all) > 0 && !reflect.DeepEqual(all, items) {
			t.Errorf("%q: %v item by item, %v as a whole", text, items, all)
		}
	})
}
