package definition

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

// fields reads all fields of one kind, "connection" or "role", which are written in two
// ways: as members of a block without a label, role { scopes = { … } }, or as blocks of
// their own, role "scopes" { … }.
func (r *blockReader) fields(kind string) field.Fields {
	var fields field.Fields
	add := func(body *hclsyntax.Body, name string, at hcl.Range) {
		switch {
		case !fieldName.MatchString(name):
			r.p.add(at, "bad field name", "A field's name is lower-case letters, digits and _.")
		case fields.Lookup(name) != nil:
			r.p.add(at, "duplicate field", "The %s field %q is declared twice.", kind, name)
		default:
			fields = append(fields, r.p.readField(body, kind, name, at))
		}
	}
	for _, block := range r.blocks(kind) {
		if len(block.Labels) == 0 {
			r.p.fieldsOf(block, add)
		} else if name, at, ok := r.label(block); ok {
			add(block.Body, name, at)
		}
	}
	return fields
}

// fieldsOf reads a block whose members are fields.
func (p *parser) fieldsOf(block *hclsyntax.Block, add func(body *hclsyntax.Body, name string, at hcl.Range)) {
	for _, inner := range block.Body.Blocks {
		p.add(inner.TypeRange, "field written as block", "Here a field is %s = { … } with an equals sign; a block of its own is %s \"NAME\" { … }.", inner.Type, block.Type)
	}
	for _, attribute := range sortedAttributes(block.Body) {
		object, ok := attribute.Expr.(*hclsyntax.ObjectConsExpr)
		if !ok {
			p.add(attribute.NameRange, "bad field", "Without a label %s { … } holds fields, each of them NAME = { … }, such as %s = { help = \"What it is.\" }; one field by itself is %s \"NAME\" { … }.", block.Type, attribute.Name, block.Type)
			continue
		}
		add(p.asBody(object, "field "+attribute.Name), attribute.Name, attribute.NameRange)
	}
}

// asBody is an object as the body of a block with the same attributes.
func (p *parser) asBody(object *hclsyntax.ObjectConsExpr, what string) *hclsyntax.Body {
	body := &hclsyntax.Body{Attributes: hclsyntax.Attributes{}, SrcRange: object.SrcRange, EndRange: object.SrcRange}
	for _, item := range object.Items {
		at := item.KeyExpr.Range()
		key, err := expr.ConstantOf(item.KeyExpr)
		if err != nil || key.IsNull() || key.Type() != cty.String {
			p.add(at, "computed name", "Names in %s must be written out.", what)
			continue
		}
		name := key.AsString()
		if body.Attributes[name] != nil {
			p.add(at, "duplicate name", "%q is given twice.", name)
		}
		body.Attributes[name] = &hclsyntax.Attribute{Name: name, Expr: item.ValueExpr, SrcRange: hcl.RangeBetween(at, item.ValueExpr.Range()), NameRange: at}
	}
	return body
}

func (p *parser) readField(body *hclsyntax.Body, kind, name string, at hcl.Range) *field.Field {
	r := p.open(body, kind+" field",
		[]string{"type", "required", "default", "sensitive", "enum", "min", "max", "pattern", "binds_addresses", "help"}, nil)
	field := &field.Field{
		Name:      name,
		Type:      cty.String,
		Required:  r.literalBool("required"),
		Sensitive: r.literalBool("sensitive"),
		Min:       r.literalNumber("min"),
		Max:       r.literalNumber("max"),
		Pattern:   r.literalString("pattern"),
		Help:      r.literalString("help"),

		BindsAddresses: r.literalBool("binds_addresses"),
		OfConnection:   kind == "connection",
	}
	p.fields[field] = at
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
		p.add(at, "bad field", "%s.", expr.Capital(err))
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
