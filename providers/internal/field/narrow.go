package field

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
)

// Narrowable reports whether it can be told what makes a value of this field a
// narrower one: fewer elements of a list, fewer entries of a map, a smaller
// number. Of any other value, only the provider knows.
func (f *Field) Narrowable() bool {
	t := f.Type
	return t == cty.Number || t.IsListType() || t.IsSetType() || t.IsMapType()
}

// Narrow replaces values by those of raw, which is as for Merge. Only the fields
// in allowed may be named, and only to narrow what values has. None may become
// empty or 0, which many providers take for "all". An error is one sentence that
// names the field and what to write; it never quotes a value. reserved are the
// caller's own field names, to be offered for unknown ones.
func (f Fields) Narrow(values expr.Values, raw map[string]any, allowed, reserved []string) (expr.Values, error) {
	narrowed := maps.Clone(values)
	for _, name := range slices.Sorted(maps.Keys(raw)) {
		field := f.Lookup(name)
		switch {
		case field == nil:
			return nil, fmt.Errorf("unknown field %q: %s", name, suggest.Instead(name, slices.Concat(allowed, reserved)))
		case !slices.Contains(allowed, name) || !field.Narrowable():
			return nil, fmt.Errorf("%q is for the role to say: leave it out, or add it to the role's narrowable_fields", name)
		case raw[name] == nil:
			return nil, fmt.Errorf("%q %w", name, errEmptied)
		}
		value, err := field.Accept(raw[name])
		if err == nil {
			err = within(value, values[name])
		}
		if err != nil {
			return nil, fmt.Errorf("%q %w", name, err)
		}
		narrowed[name] = value
	}
	return narrowed, nil
}

var errEmptied = errors.New("must not be empty: leave it out to get what the role has")

// within reports why a value is not a part of what there is.
func within(value, whole any) error {
	switch v := value.(type) {
	case []any:
		all, _ := whole.([]any)
		if len(v) == 0 {
			return errEmptied
		}
		for _, element := range v {
			if !slices.ContainsFunc(all, func(one any) bool { return reflect.DeepEqual(one, element) }) {
				return errors.New("must hold nothing but what the role has")
			}
		}
		return nil
	case map[string]any:
		all, _ := whole.(map[string]any)
		if len(v) == 0 {
			return errEmptied
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := within(v[name], all[name]); err != nil {
				return fmt.Errorf("at %q %w", name, err)
			}
		}
		return nil
	case json.Number:
		most, _ := whole.(json.Number)
		return smaller(v, most)
	}
	if !reflect.DeepEqual(value, whole) {
		return errors.New("must be what the role has")
	}
	return nil
}

func smaller(number, most json.Number) error {
	n, err := cty.ParseNumberVal(number.String())
	if err != nil {
		return errors.New("must be a number")
	}
	limit, err := cty.ParseNumberVal(most.String())
	if err != nil || n.GreaterThan(limit).True() {
		return errors.New("must be at most what the role has")
	}
	if !n.GreaterThan(cty.Zero).True() {
		return errors.New("must be more than 0")
	}
	return nil
}
