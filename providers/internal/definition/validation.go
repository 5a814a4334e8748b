package definition

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

// validation is what the fields of a connection or role must meet together.
type validation struct {
	at        hcl.Range
	condition hclsyntax.Expression // nil where exactlyOne is set
	// exactlyOne are fields of which one must be set.
	exactlyOne []hclsyntax.Expression
	message    string
	ofRole     bool // it mentions role.*
}

// readValidations reads
//
//	validation {
//	  condition     = role.admin == false || role.project != null
//	  error_message = "admin needs a project"
//	}
//	validation { exactly_one_of = [role.user, role.team] }
func (r *blockReader) readValidations() []*validation {
	var found []*validation
	for _, block := range r.blocks("validation") {
		inner := r.p.open(block.Body, "validation", []string{"condition", "error_message", "exactly_one_of"}, nil)
		v := &validation{at: block.DefRange(), condition: inner.expression("condition"), message: inner.literalString("error_message")}
		fields := inner.expression("exactly_one_of")
		switch {
		case (v.condition == nil) == (fields == nil):
			r.p.add(v.at, "bad validation", "Write condition with error_message, or exactly_one_of = [role.a, role.b].")
			continue
		case v.condition != nil && v.message == "":
			inner.missing("error_message", "it says what to write instead, and is shown where the condition does not hold")
		case fields != nil:
			v.exactlyOne = r.p.fieldsNamed(fields)
			if v.message == "" {
				v.message = "give exactly one of " + strings.Join(fieldNames(v.exactlyOne), ", ")
			}
		}
		v.ofRole = len(expr.ReferencesTo("role", v.expressions()...)) > 0
		found = append(found, v)
	}
	return found
}

// fieldsNamed are the elements of a list of fields, which is written out.
func (p *parser) fieldsNamed(list hclsyntax.Expression) []hclsyntax.Expression {
	tuple, ok := list.(*hclsyntax.TupleConsExpr)
	if ok && len(tuple.Exprs) > 1 && len(fieldNames(tuple.Exprs)) == len(tuple.Exprs) {
		return tuple.Exprs
	}
	p.add(list.Range(), "bad exactly_one_of", "Write a list of two fields or more, such as [role.user, role.team].")
	return nil
}

// fieldNames are the names of those expressions that are a field.
func fieldNames(exprs []hclsyntax.Expression) []string {
	var names []string
	for _, one := range exprs {
		traversal, ok := expr.Bare(one).(*hclsyntax.ScopeTraversalExpr)
		if !ok || len(traversal.Traversal) != 2 {
			continue
		}
		if step, ok := traversal.Traversal[1].(hcl.TraverseAttr); ok {
			names = append(names, step.Name)
		}
	}
	return names
}

func (v *validation) expressions() []hclsyntax.Expression {
	if v.condition != nil {
		return []hclsyntax.Expression{v.condition}
	}
	return v.exactlyOne
}

// checkValidations checks what validations mention: fields, of a connection and a role.
func (p *parser) checkValidations(withRole staticScope) {
	at := staticScope{names: map[string]cty.Value{"connection": withRole.names["connection"], "role": withRole.names["role"]}}
	for _, v := range p.def.validations {
		if v.condition != nil {
			p.checkAll(at, wantBool, v.condition)
		}
		p.checkAll(at, wantAny, v.exactlyOne...)
		if len(expr.ReferencesTo("role", v.expressions()...))+len(expr.ReferencesTo("connection", v.expressions()...)) == 0 {
			p.add(v.at, "validation of nothing", "A validation is about fields: mention role.NAME or connection.NAME.")
		}
	}
}

// ValidateConnection says what is wrong between the fields of a connection, in the
// definition's own words.
func (d *Definition) ValidateConnection(connection expr.Values) error {
	return d.validate(connection, nil, false)
}

// ValidateRole says what is wrong between the fields of a role, and between those and
// its connection's.
func (d *Definition) ValidateRole(connection, role expr.Values) error {
	return d.validate(connection, role, true)
}

func (d *Definition) validate(connection, role expr.Values, ofRole bool) error {
	if len(d.validations) == 0 {
		return nil
	}
	s, err := d.fieldScope(connection, role)
	if err != nil {
		return err
	}
	for _, v := range d.validations {
		if v.ofRole != ofRole {
			continue
		}
		if met, err := v.meets(s); err != nil || !met {
			return errors.New(v.message) // one that cannot be computed is not met
		}
	}
	return nil
}

// fieldScope is connection.* and role.*.
func (d *Definition) fieldScope(connection, role expr.Values) (expr.Scope, error) {
	var s expr.Scope
	for name, of := range map[string]struct {
		fields field.Fields
		values expr.Values
	}{"connection": {d.Connection, connection}, "role": {d.Role, role}} {
		value, err := field.FieldsValue(of.fields, of.values)
		if err != nil {
			return s, fmt.Errorf("%s field %w", name, err)
		}
		s = s.With(name, value)
	}
	return s, nil
}

func (v *validation) meets(s expr.Scope) (bool, error) {
	if v.condition != nil {
		return s.Truth(v.condition)
	}
	set := 0
	for _, one := range v.exactlyOne {
		value, err := s.Evaluate(one)
		if err != nil {
			return false, err
		}
		if !value.IsNull() {
			set++
		}
	}
	return set == 1, nil
}
