package expr

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
)

// Capital is the error's text as the beginning of a sentence.
func Capital(err error) string {
	text := err.Error()
	if text == "" {
		return text
	}
	first, size := utf8.DecodeRuneInString(text)
	if first >= 'a' && first <= 'z' {
		first -= 'a' - 'A'
	}
	return string(first) + text[size:]
}

// SortedNames are the keys of a map, sorted.
func SortedNames[V any](m map[string]V) []string {
	if len(m) == 0 {
		return nil
	}
	names := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(names)
	return names
}

// Flatten reads an object of texts and lists of texts; what is null is left
// out, and a list repeats its name.
func Flatten(value cty.Value) (url.Values, error) {
	value, _ = value.UnmarkDeep()
	flat := url.Values{}
	if value.IsNull() {
		return flat, nil
	}
	if t := value.Type(); !t.IsObjectType() && !t.IsMapType() {
		return nil, errors.New("must be an object")
	}
	for name, element := range value.AsValueMap() {
		if element.IsNull() {
			continue
		}
		if text, ok := TextOf(element); ok {
			flat.Add(name, text)
			continue
		}
		if t := element.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
			return nil, fmt.Errorf("%q must be a string, a number, a bool or a list of them", name)
		}
		for _, one := range element.AsValueSlice() {
			text, ok := TextOf(one)
			if !ok {
				return nil, fmt.Errorf("%q must be a list of strings, numbers or bools", name)
			}
			flat.Add(name, text)
		}
	}
	return flat, nil
}
