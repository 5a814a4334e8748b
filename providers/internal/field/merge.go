package field

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
)

// Merge lays raw over stored and returns the complete, checked result.
//
// raw holds what Vault hands over: strings from its CLI, JSON values from its
// API. Each is converted to its field's type ("5" to a number, "a,b" or JSON
// text to a list, "a=b" or JSON text to a map). A null removes the stored
// value; so does an empty string where the field is not a string. Defaults
// are filled in. An error is one sentence that names the field and what to
// write; it never quotes a value. reserved are the caller's own field names:
// they are passed over, and offered when an unknown name is near one.
func (f Fields) Merge(stored expr.Values, raw map[string]any, reserved []string) (expr.Values, error) {
	merged := expr.Values{}
	for _, field := range f {
		if value, ok := stored[field.Name]; ok && value != nil {
			merged[field.Name] = value
		}
	}
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		field := f.Lookup(name)
		switch {
		case field != nil && field.isRemoval(raw[name]):
			delete(merged, name)
		case field != nil:
			merged[name] = raw[name]
		case !slices.Contains(reserved, name):
			return nil, fmt.Errorf("unknown field %q: %s", name, suggest.Instead(name, append(f.Names(), reserved...)))
		}
	}
	return f.complete(merged)
}

// complete converts and checks every value and fills in the defaults.
func (f Fields) complete(given expr.Values) (expr.Values, error) {
	result := expr.Values{}
	for _, field := range f {
		value, ok := given[field.Name]
		if !ok {
			if field.Required {
				return nil, fmt.Errorf("%q is required: give %s", field.Name, field.wanted())
			}
			if field.Default != nil {
				result[field.Name] = field.Default
			}
			continue
		}
		accepted, err := field.Accept(value)
		if err != nil {
			return nil, fmt.Errorf("%q %w", field.Name, err)
		}
		result[field.Name] = accepted
	}
	return result, nil
}

// WithDefaults adds the defaults to values that may have been stored before
// the definition had them.
func WithDefaults(fields Fields, values expr.Values) expr.Values {
	result := maps.Clone(values)
	if result == nil {
		result = expr.Values{}
	}
	for _, field := range fields {
		if result[field.Name] == nil && field.Default != nil {
			result[field.Name] = field.Default
		}
		if value := result[field.Name]; value != nil {
			result[field.Name] = field.withoutLineEnd(value) // stored by an earlier version
		}
	}
	return result
}

// isRemoval reports whether raw asks for the stored value to be forgotten. The
// CLI cannot say null, so an empty string stands for it where it can mean
// nothing else.
func (f *Field) isRemoval(raw any) bool {
	return raw == nil || raw == "" && f.Type != cty.String
}

// Accept converts raw to the field's type and checks the field's rules.
func (f *Field) Accept(raw any) (any, error) {
	value, err := f.convertTo(raw, f.Type)
	if err != nil {
		return nil, err
	}
	value = f.withoutLineEnd(value)
	if value == "" && f.Required {
		return nil, errors.New("is required: it must not be empty")
	}
	elements, isList := value.([]any)
	if err := f.checkSize(value); err != nil {
		return nil, err
	}
	switch members, isMap := value.(map[string]any); {
	case isMap && f.Type.IsMapType():
		for _, name := range expr.SortedNames(members) {
			elements = append(elements, members[name])
		}
	case !isList:
		elements = []any{value}
	}
	for _, element := range elements {
		if err := f.checkElement(element); err != nil {
			return nil, err
		}
	}
	return value, nil
}

// withoutLineEnd drops the line ends after the text of a connection field.
func (f *Field) withoutLineEnd(value any) any {
	if text, ok := value.(string); ok && f.OfConnection {
		return strings.TrimRight(text, "\r\n")
	}
	return value
}

// checkSize applies min and max.
func (f *Field) checkSize(value any) error {
	if f.Min == nil && f.Max == nil {
		return nil
	}
	var size float64
	of := ""
	switch v := value.(type) {
	case json.Number:
		size, _ = v.Float64()
	case string:
		size, of = float64(utf8.RuneCountInString(v)), "characters long"
	case []any:
		size, of = float64(len(v)), "elements long"
	}
	switch {
	case f.Min != nil && size < *f.Min:
		return errors.New(strings.TrimSpace(fmt.Sprintf("must be at least %s %s", number(*f.Min), of)))
	case f.Max != nil && size > *f.Max:
		return errors.New(strings.TrimSpace(fmt.Sprintf("must be at most %s %s", number(*f.Max), of)))
	}
	return nil
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// checkElement applies enum and pattern to a value, or to one of a list.
func (f *Field) checkElement(value any) error {
	if len(f.Enum) > 0 && !slices.Contains(f.Enum, value) {
		return fmt.Errorf("must be one of %s", f.choices())
	}
	if text, ok := value.(string); ok && f.Pattern != "" && !f.pattern.MatchString(text) {
		return fmt.Errorf("must match the pattern %s", f.Pattern)
	}
	return nil
}

// convertTo turns what Vault handed over into a JSON value of type t.
func (f *Field) convertTo(raw any, t cty.Type) (any, error) {
	wrong := fmt.Errorf("must be %s", f.wanted())
	plain, err := normalize(raw)
	if err != nil {
		return nil, wrong
	}
	if expr.Inexact(raw) {
		return nil, errors.New("holds a whole number above 9007199254740992, whose last digits may be lost on the way here: write it as a string")
	}
	if text, ok := plain.(string); ok {
		plain = readText(text, t)
	}
	if list, ok := plain.([]any); ok && t.IsMapType() {
		plain = readPairs(list)
	}
	if err := noStrangers(plain, t, ""); err != nil {
		return nil, err
	}
	if err := bearable(plain); err != nil {
		return nil, err
	}
	if !computableAs(plain, t) {
		return nil, wrong
	}
	value := expr.ToCty(plain)
	if f.Optional != nil && t.Equals(f.Type) {
		value = f.Optional.Apply(value)
	}
	value, err = convert.Convert(value, t)
	if err != nil || !value.IsWhollyKnown() || value.IsNull() {
		return nil, wrong
	}
	kept := expr.FromCty(expr.WithoutNulls(value))
	if _, err := convert.Convert(expr.ToCty(kept), t); err != nil {
		return nil, wrong // null stands where there has to be something
	}
	return kept, nil
}

// normalize turns any Go value that encodes as JSON into plain JSON values.
func normalize(raw any) (any, error) {
	switch v := raw.(type) {
	case nil, bool, string, json.Number:
		return v, nil
	}
	text, err := json.Marshal(raw)
	if err != nil {
		return nil, err
	}
	return expr.DecodeJSON(text)
}

// readText reads a string, as the CLI gives it, for a field of type t.
func readText(text string, t cty.Type) any {
	trimmed := strings.TrimSpace(text)
	if t == cty.String {
		return text
	}
	if strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "[") {
		if value, err := expr.DecodeJSON([]byte(trimmed)); err == nil {
			return value
		}
	}
	switch {
	case t.IsListType() || t.IsSetType() || t.IsMapType():
		var parts []any
		for part := range strings.SplitSeq(text, ",") {
			parts = append(parts, strings.TrimSpace(part))
		}
		return parts
	case t == cty.DynamicPseudoType:
		return text
	default:
		return trimmed
	}
}

// readPairs reads "name=value" texts as a map; anything else stays as it is.
func readPairs(list []any) any {
	pairs := map[string]any{}
	for _, element := range list {
		text, _ := element.(string)
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return list
		}
		pairs[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return pairs
}

// noStrangers refuses attributes that an object type does not have, which a
// conversion would drop without a word.
func noStrangers(value any, t cty.Type, path string) error {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			inner := cty.DynamicPseudoType
			switch {
			case t.IsObjectType() && !t.HasAttribute(name):
				return fmt.Errorf("has no attribute %q: %s", path+name, suggest.Instead(name, expr.SortedNames(t.AttributeTypes())))
			case t.IsObjectType():
				inner = t.AttributeType(name)
			case t.IsMapType():
				inner = t.ElementType()
			}
			if err := noStrangers(v[name], inner, path+name+"."); err != nil {
				return err
			}
		}
	case []any:
		if !t.IsListType() && !t.IsSetType() {
			return nil
		}
		for _, element := range v {
			if err := noStrangers(element, t.ElementType(), path); err != nil {
				return err
			}
		}
	}
	return nil
}

const (
	// longestValue bounds the texts in a field's value, in bytes, and
	// mostElements all that is in it.
	longestValue = 64 << 10
	mostElements = 1000
)

// bearable refuses values that would take long to look through each time that
// a request is written.
func bearable(value any) error {
	elements, length := extent(value)
	switch {
	case elements > mostElements:
		return fmt.Errorf("must hold at most %d elements in all", mostElements)
	case length > longestValue:
		return fmt.Errorf("must be at most %d bytes long", longestValue)
	}
	return nil
}

// extent is how many values there are in one, and how long their texts.
func extent(value any) (elements, length int) {
	switch v := value.(type) {
	case string:
		return 1, len(v)
	case []any:
		for _, element := range v {
			e, l := extent(element)
			elements, length = elements+e, length+l
		}
	case map[string]any:
		for name, element := range v {
			e, l := extent(element)
			elements, length = elements+e, length+l+len(name)
		}
	default:
		return 1, 0
	}
	return elements, length
}

// computableAs reports whether every text that stands where type t has a number
// can be read as one: that of a text with a million digits takes minutes.
func computableAs(value any, t cty.Type) bool {
	switch v := value.(type) {
	case string:
		return t != cty.Number || expr.Computable(v)
	case []any:
		for _, element := range v {
			if (t.IsListType() || t.IsSetType()) && !computableAs(element, t.ElementType()) {
				return false
			}
		}
	case map[string]any:
		for name, element := range v {
			if t.IsMapType() && !computableAs(element, t.ElementType()) || t.IsObjectType() && t.HasAttribute(name) && !computableAs(element, t.AttributeType(name)) {
				return false
			}
		}
	}
	return true
}
