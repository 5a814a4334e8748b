package expr

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// What an answer does not hold is decided here, for every expression that reads
// one: an attribute or element that is absent, or that of something null, reads
// as null; and null counts as false in a condition.
//
// Where much depends on what an answer says (that a key is gone, that nothing
// was made, that a list is empty), absence proves nothing: there it is unknown,
// and a condition that needs it says neither yes nor no. Inside try and can it is
// an error, so that the next argument is taken.

// absence is how an evaluation reads what is absent.
type absence string

const (
	absentIsNull absence = ""
	// AbsentIsUnknown leaves what is absent unknown, which is told from null.
	AbsentIsUnknown absence = "unknown"
	// AbsentInItems is as AbsentIsUnknown; and a for keeps the elements of which
	// its condition cannot tell, since one of them may be ours.
	AbsentInItems absence = "items"
	absentFails   absence = "fails"
)

// absenceKey is where evaluation finds how to read; no definition can write it.
const absenceKey = "\x00 how to read what is absent"

// Reading is the scope for expressions that read what is absent in another way.
func (s Scope) Reading(how absence) Scope {
	s.absence = how
	return s
}

func absenceIn(ctx *hcl.EvalContext) absence {
	for ; ctx != nil; ctx = ctx.Parent() {
		if how, ok := ctx.Variables[absenceKey]; ok {
			return absence(how.AsString())
		}
	}
	return absentIsNull
}

// value is what something absent reads as.
func (a absence) value() cty.Value {
	if a == absentIsNull {
		return cty.NullVal(cty.DynamicPseudoType)
	}
	return cty.DynamicVal
}

// failing is the context for the arguments of try and can.
func failing(ctx *hcl.EvalContext) *hcl.EvalContext {
	child := ctx.NewChild()
	child.Variables = failingNames
	return child
}

var failingNames = map[string]cty.Value{absenceKey: absenceValue[absentFails]}

// absenceValue is each way as what stands in a context.
var absenceValue = map[absence]cty.Value{
	absentIsNull: cty.StringVal(""), AbsentIsUnknown: cty.StringVal(string(AbsentIsUnknown)),
	AbsentInItems: cty.StringVal(string(AbsentInItems)), absentFails: cty.StringVal(string(absentFails)),
}

// declaredNames are those whose attributes the definition declares: what is not
// there is a mistake in the definition.
var declaredNames = map[string]bool{
	"connection": true, "role": true, "key": true, "candidate": true, "previous": true,
	"page": true, "request": true, "signature": true, "token": true,
}

// traverse computes a.b.c and a[0].
func traverse(e *hclsyntax.ScopeTraversalExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	name := e.Traversal.RootName()
	root, known := variable(name, ctx)
	if !known {
		return e.Value(ctx) // tells that there is none
	}
	if value, there := attributeOf(root, e.Traversal[1:]); there {
		return value, nil
	}
	how := absenceIn(ctx)
	if how == absentFails || declaredNames[name] && !isLoopVariable(name, ctx) {
		return e.Value(ctx)
	}
	return how.follow(root, e.Traversal[1:])
}

// variable is what a name stands for.
func variable(name string, ctx *hcl.EvalContext) (cty.Value, bool) {
	for ; ctx != nil; ctx = ctx.Parent() {
		if value, ok := ctx.Variables[name]; ok {
			return value, true
		}
	}
	return cty.NilVal, false
}

// attributeOf follows attributes of objects for as long as they are there.
func attributeOf(value cty.Value, steps hcl.Traversal) (cty.Value, bool) {
	for _, step := range steps {
		attribute, ok := step.(hcl.TraverseAttr)
		if !ok || value.IsMarked() || value.IsNull() || !value.IsKnown() || !value.Type().IsObjectType() || !value.Type().HasAttribute(attribute.Name) {
			return cty.NilVal, false
		}
		value = value.GetAttr(attribute.Name)
	}
	return value, true
}

// isLoopVariable reports whether a name is that of a variable of a for.
func isLoopVariable(name string, ctx *hcl.EvalContext) bool {
	for ; ctx != nil; ctx = ctx.Parent() {
		if _, ok := ctx.Variables[name]; ok {
			return ctx.Parent() != nil && ctx.Parent().Parent() != nil // below the names in scope
		}
	}
	return false
}

// traverseRelative computes f(x).b and (a)[0].
func traverseRelative(e *hclsyntax.RelativeTraversalExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	how := absenceIn(ctx)
	if how == absentFails {
		return e.Value(ctx)
	}
	source, found := e.Source.Value(ctx)
	if found.HasErrors() {
		return cty.DynamicVal, found
	}
	return how.follow(source, e.Traversal)
}

func (a absence) follow(value cty.Value, steps hcl.Traversal) (cty.Value, hcl.Diagnostics) {
	for _, step := range steps {
		plain, marks := value.Unmark()
		if plain.IsNull() {
			return a.value().WithMarks(marks), nil
		}
		next, found := step.TraversalStep(value)
		switch {
		case !found.HasErrors():
			value = next
		case plain.IsKnown():
			return a.value().WithMarks(marks), nil
		default:
			return cty.DynamicVal, found // a mistake that is seen in the types
		}
	}
	return value, nil
}

// index is the result of a[b], where what is not there is absent.
func (a absence) index(collection, key *evaluatedExpression, value cty.Value, found hcl.Diagnostics) (cty.Value, hcl.Diagnostics) {
	if !found.HasErrors() || a == absentFails || collection.found.HasErrors() || key.found.HasErrors() {
		return value, found
	}
	plain, marks := collection.value.Unmark()
	named, _ := key.value.Unmark()
	if !plain.IsKnown() || !named.IsKnown() {
		return value, found
	}
	return a.value().WithMarks(marks), nil
}

// condition lets null count as false.
func (a absence) condition(e *evaluatedExpression) *evaluatedExpression {
	plain, marks := e.value.Unmark()
	if a != absentIsNull || e.found.HasErrors() || plain == cty.NilVal || !plain.IsNull() {
		return e
	}
	return &evaluatedExpression{Expression: e.Expression, value: cty.False.WithMarks(marks)}
}

// filterExpression is the condition of a for.
type filterExpression struct{ hclsyntax.Expression }

// Value is the condition's, and never null.
func (e *filterExpression) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	how := absenceIn(ctx)
	one := how.condition(evaluated(e.Expression, ctx))
	if how != AbsentInItems {
		return one.value, one.found
	}
	if plain, _ := one.value.Unmark(); one.found.HasErrors() || plain.IsNull() || !plain.IsKnown() {
		return cty.True, nil
	}
	return one.value, one.found
}
