package definition

import (
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

// fields reads all blocks of one kind, "connection" or "role".
func (r *blockReader) fields(kind string) field.Fields {
	var fields field.Fields
	for _, block := range r.blocks(kind) {
		name, at, ok := r.label(block)
		switch {
		case !ok:
		case !fieldName.MatchString(name):
			r.p.add(at, "bad field name", "A field's name is lower-case letters, digits and _.")
		case fields.Lookup(name) != nil:
			r.p.add(at, "duplicate field", "The %s field %q is declared twice.", kind, name)
		default:
			fields = append(fields, r.p.readField(block, kind, name))
		}
	}
	return fields
}

func (p *parser) readField(block *hclsyntax.Block, kind, name string) *field.Field {
	r := p.open(block.Body, kind+" field",
		[]string{"type", "required", "default", "sensitive", "enum", "min", "max", "pattern", "help"}, nil)
	field := &field.Field{
		Name:      name,
		Type:      cty.String,
		Required:  r.literalBool("required"),
		Sensitive: r.literalBool("sensitive"),
		Min:       r.literalNumber("min"),
		Max:       r.literalNumber("max"),
		Pattern:   r.literalString("pattern"),
		Help:      r.literalString("help"),

		OfConnection: kind == "connection",
	}
	p.fields[field] = block.LabelRanges[0]
	if field.Sensitive && kind == "role" {
		p.add(r.attribute("sensitive").NameRange, "sensitive role field", "Roles are readable: a secret belongs into a connection field.")
	}
	if attribute := r.attribute("type"); attribute != nil {
		t, optional, ok := readType(attribute.Expr)
		if !ok {
			p.add(attribute.Expr.Range(), "bad type", "Types are string, number, bool, list(…), map(…), object({…}) and any, without quotes.")
			return field
		}
		field.Type, field.Optional = t, optional
	}
	if attribute := r.attribute("default"); attribute != nil {
		field.Default = p.constantJSON(attribute.Expr, "default")
	}
	if attribute := r.attribute("enum"); attribute != nil {
		list, ok := p.constantJSON(attribute.Expr, "enum").([]any)
		if !ok || len(list) == 0 {
			p.add(attribute.Expr.Range(), "bad enum", `enum is a list of values, such as ["read", "write"].`)
		}
		field.Enum = list
	}
	if p.any() {
		return field
	}
	if err := field.Validate(); err != nil {
		p.add(block.DefRange(), "bad field", "%s.", expr.Capital(err))
	}
	return field
}

// readType reads a type. Its optional(…) may hold defaults, which are computed,
// so nothing in it may repeat.
func readType(expression hclsyntax.Expression) (cty.Type, *typeexpr.Defaults, bool) {
	if expr.Holds[*hclsyntax.ForExpr](expression) || expr.Holds[*hclsyntax.SplatExpr](expression) {
		return cty.NilType, nil, false
	}
	t, optional, found := typeexpr.TypeConstraintWithDefaults(expression)
	return t, optional, !found.HasErrors()
}

// constantJSON is the JSON value of an expression that mentions nothing.
func (p *parser) constantJSON(expression hclsyntax.Expression, what string) any {
	value, err := expr.ConstantOf(expression)
	if err != nil || !value.IsWhollyKnown() {
		p.add(expression.Range(), "bad "+what, "%s must be written out.", what)
		return nil
	}
	return expr.FromCty(value)
}
