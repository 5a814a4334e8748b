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
		given := values[field.Name]
		if given == nil {
			given = field.Default
		}
		value, err := field.toCty(given)
		if err != nil {
			return cty.NilVal, fmt.Errorf("%q must be %s", field.Name, field.wanted())
		}
		if field.Sensitive {
			value = expr.Sensitive(value)
		}
		attributes[field.Name] = value
	}
	return cty.ObjectVal(attributes), nil
}

// toCty is a value of the field's type, null where there is none. Texts and lists of them,
// which most are, are made without a conversion.
func (f *Field) toCty(given any) (cty.Value, error) {
	switch given := given.(type) {
	case nil:
		return cty.NullVal(f.Type.WithoutOptionalAttributesDeep()), nil
	case string:
		if f.Type == cty.String {
			return cty.StringVal(given), nil
		}
	case []any:
		if texts := textValues(given); len(texts) > 0 && f.Type.IsListType() && f.Type.ElementType() == cty.String {
			return cty.ListVal(texts), nil
		}
	}
	return convert.Convert(expr.ToCty(given), f.Type)
}

// textValues are the elements of a list of texts; nil where one is no text.
func textValues(list []any) []cty.Value {
	texts := make([]cty.Value, len(list))
	for i, element := range list {
		text, ok := element.(string)
		if !ok {
			return nil
		}
		texts[i] = cty.StringVal(text)
	}
	return texts
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
