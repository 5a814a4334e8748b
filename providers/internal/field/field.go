package field

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// Field is one parameter of a connection or role.
type Field struct {
	// Name is what operators write, and expressions read.
	Name string
	// Type is string, number, bool, a list, map or object of them, or any
	// (cty.DynamicPseudoType).
	Type cty.Type
	// Required fields are given, or the configuration is refused.
	Required bool
	// Default is the JSON value used when none is given; nil for none.
	Default any
	// Sensitive values are never shown, logged or kept with a key.
	Sensitive bool
	// Enum are the only values allowed; for a list or a map, of each element.
	Enum []any
	// Min and Max bound a number, the length of a string, or of a list.
	Min, Max *float64
	// Pattern is a regular expression that a whole string must match; for a
	// list, each element.
	Pattern string
	// BindsAddresses says that a key made with a value of it works from some places
	// alone, so that a no to the key itself, asked from elsewhere, tells nothing.
	BindsAddresses bool
	// Help is what an operator reads of it.
	Help string

	// OfConnection says that it is a connection's field, which may come from a
	// file: a line end after its text is none of it.
	OfConnection bool

	Optional *typeexpr.Defaults // of optional() attributes of an object
	pattern  *regexp.Regexp
}

// Fields are the parameters of a connection or role, in source order.
type Fields []*Field

// Lookup is the field of that name, or nil.
func (f Fields) Lookup(name string) *Field {
	for _, field := range f {
		if field.Name == name {
			return field
		}
	}
	return nil
}

// Names are the names of all fields, in source order.
func (f Fields) Names() []string {
	names := make([]string, len(f))
	for i, field := range f {
		names[i] = field.Name
	}
	return names
}

// BindAddresses reports whether the values bind a key to addresses, by one of the fields
// of which the definition says that it does. What is absent, empty or false binds nothing.
func (f Fields) BindAddresses(values expr.Values) bool {
	return slices.ContainsFunc(f, func(field *Field) bool {
		value := values[field.Name]
		if value == nil {
			value = field.Default
		}
		return field.BindsAddresses && !isNothing(value)
	})
}

func isNothing(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case bool:
		return !value
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}

// TypeName is the field's type as a definition writes it: "list(string)".
func (f *Field) TypeName() string { return typeexpr.TypeString(f.Type) }

// element is the type that Enum and Pattern speak of.
func (f *Field) element() cty.Type {
	if f.Type.IsListType() || f.Type.IsSetType() || f.Type.IsMapType() {
		return f.Type.ElementType()
	}
	return f.Type
}

// Validate checks what the definition says about the field itself.
func (f *Field) Validate() error {
	element := f.element()
	switch {
	case f.Required && f.Default != nil:
		return fmt.Errorf("a required field cannot have a default: leave one of them out")
	case f.Sensitive && f.Default != nil:
		return fmt.Errorf("a sensitive field cannot have a default: the definition is not secret")
	case f.Pattern != "" && element != cty.String:
		return fmt.Errorf("pattern is for strings, and lists and maps of strings; this is a %s", f.TypeName())
	case (f.Min != nil || f.Max != nil) && !f.measurable():
		return fmt.Errorf("min and max are for numbers, strings and lists; this is a %s", f.TypeName())
	case f.Min != nil && f.Max != nil && *f.Min > *f.Max:
		return fmt.Errorf("min must not be more than max")
	case f.Enum != nil && !element.IsPrimitiveType():
		return fmt.Errorf("enum is for strings, numbers, and lists and maps of them; this is a %s", f.TypeName())
	}
	pattern, err := regexp.Compile("^(?:" + f.Pattern + ")$")
	if err != nil {
		return fmt.Errorf("pattern is no regular expression: %v", err)
	}
	f.pattern = pattern
	for i, choice := range f.Enum {
		value, err := f.convertTo(choice, element)
		if err != nil {
			return fmt.Errorf("enum value %d must be a %s", i+1, typeexpr.TypeString(element))
		}
		f.Enum[i] = value
	}
	if f.Default != nil {
		value, err := f.Accept(f.Default)
		if err != nil {
			return fmt.Errorf("the default does not fit: %v", err)
		}
		f.Default = value
	}
	return nil
}

func (f *Field) measurable() bool {
	return f.Type == cty.Number || f.Type == cty.String || f.Type.IsListType() || f.Type.IsSetType()
}

// wanted says in words what to write for the field.
func (f *Field) wanted() string {
	switch t := f.Type; {
	case t == cty.Number:
		return "a number"
	case t == cty.Bool:
		return "true or false"
	case t == cty.String:
		return "a string"
	case t.IsListType() || t.IsSetType():
		return "a list, such as a,b or a JSON array, of type " + f.TypeName()
	case t.IsMapType():
		return "a map, such as a=b or a JSON object, of type " + f.TypeName()
	default:
		return "a JSON value of type " + f.TypeName()
	}
}

// choices lists the enum for an error text.
func (f *Field) choices() string {
	texts := make([]string, len(f.Enum))
	for i, choice := range f.Enum {
		texts[i] = fmt.Sprintf("%q", fmt.Sprint(choice))
	}
	return strings.Join(texts, ", ")
}
