package field

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// FieldsValue is the object behind connection.* or role.*: every declared
// field, null where there is no value.
func FieldsValue(fields Fields, values expr.Values) (cty.Value, error) {
	attributes := map[string]cty.Value{}
	for _, field := range fields {
		t := field.Type.WithoutOptionalAttributesDeep()
		value := cty.NullVal(t)
		given := values[field.Name]
		if given == nil {
			given = field.Default
		}
		if given != nil {
			converted, err := convert.Convert(expr.ToCty(given), field.Type)
			if err != nil {
				return cty.NilVal, fmt.Errorf("%q must be %s", field.Name, field.wanted())
			}
			value = converted
		}
		if field.Sensitive {
			value = expr.Sensitive(value)
		}
		attributes[field.Name] = value
	}
	return cty.ObjectVal(attributes), nil
}

// UnknownFields is connection.* or role.* before anything was given.
func UnknownFields(fields Fields) cty.Value {
	attributes := map[string]cty.Value{}
	for _, field := range fields {
		value := cty.UnknownVal(field.Type.WithoutOptionalAttributesDeep())
		if field.Sensitive {
			value = expr.Sensitive(value)
		}
		attributes[field.Name] = value
	}
	return cty.ObjectVal(attributes)
}

// ChangedTo is a rotated field's new value, nil where it is to be removed. The
// field's own rules do not matter: the provider has decided.
func (f *Field) ChangedTo(value cty.Value) (any, error) {
	plain := expr.FromCty(value)
	if plain == nil || plain == "" {
		if f.Sensitive || f.Required {
			return nil, expr.ErrMissing
		}
		return nil, nil
	}
	return f.convertTo(plain, f.Type)
}
