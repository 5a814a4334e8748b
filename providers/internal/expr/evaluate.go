package expr

import (
	"context"
	"errors"
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Expressions come from a definition that somebody uploaded, and compute with
// what a provider answered. Both may be hostile or mistaken, so everything that
// is evaluated passes through this file: it is counted, and stops at a bound
// instead of taking the plugin's time and memory; and a panic inside HCL or cty
// becomes an error of that expression.
//
// The bound holds inside an expression because MeterTree has put a
// meteredExpression around every part of it, and each part is counted, with the
// size of its result, before it becomes a part of something larger. What a
// function makes is counted before the call, by price.

const (
	// budget is what may be spent on writing one request, or on checking a whole
	// definition: about one unit for 16 bytes made, a fraction of a second in all.
	// The largest built-in definition takes a thirtieth of it.
	budget = 1 << 20
	// budgetPerByte is added for each byte of an answer: reading may look at all
	// of it some ten times over.
	budgetPerByte = 4

	bytesPerUnit   = 16
	scalarUnits    = 4
	structureUnits = 8
	memberUnits    = 2
	problemUnits   = 32

	// DeepestTree bounds parts within parts of one expression.
	DeepestTree = 256
)

// Meter counts what the expressions of one request, one answer or one check
// cost. It is not safe for concurrent use: what runs at the same time has meters
// of its own.
type Meter struct {
	ctx   context.Context
	root  hcl.EvalContext
	left  int
	steps int
	// refusal is set once the budget is spent, and ends every evaluation.
	refusal hcl.Diagnostics
}

// meterKey is where evaluation finds its meter; no definition can write it.
const meterKey = "\x00 meter of the evaluation under way"

var meterType = cty.Capsule("meter", reflect.TypeFor[Meter]())

// NewMeter begins to count. responseBytes is the length of the answer that is to be
// read, in bytes; 0 for none. The end of ctx ends evaluation.
func NewMeter(ctx context.Context, responseBytes int) *Meter {
	return &Meter{ctx: ctx, left: budget + budgetPerByte*responseBytes}
}

// rootFor is what all evaluations under the meter stand upon. It is made by the first,
// since many a request or answer has no expression that is computed.
func (m *Meter) rootFor(absence absence) *hcl.EvalContext {
	if m.root.Variables == nil {
		m.root.Variables = map[string]cty.Value{meterKey: cty.CapsuleVal(meterType, m)}
	}
	m.root.Variables[absenceKey] = absenceValue[absence]
	return &m.root
}

// meterIn is the meter of an evaluation; nil where there is none, which is for
// what is written out and costs nothing.
func meterIn(ctx *hcl.EvalContext) *Meter {
	if ctx == nil {
		return nil
	}
	for ctx.Parent() != nil {
		ctx = ctx.Parent()
	}
	if held, ok := ctx.Variables[meterKey]; ok {
		return held.EncapsulatedValue().(*Meter)
	}
	return nil
}

// Evaluate computes an expression with names. The error never holds a value: it
// is told by its place.
func (m *Meter) Evaluate(expr hclsyntax.Expression, names map[string]cty.Value) (value cty.Value, found hcl.Diagnostics) {
	return m.evaluate(expr, Scope{Names: names})
}

func (m *Meter) evaluate(expr hclsyntax.Expression, s Scope) (value cty.Value, found hcl.Diagnostics) {
	defer func() {
		if r := recover(); r != nil {
			// HCL and cty panic on some values. What they say may quote one.
			value, found = cty.DynamicVal, problemAt(expr, "cannot be computed", "Write this expression in another way.")
		}
	}()
	ctx := m.rootFor(s.absence).NewChild()
	ctx.Variables, ctx.Functions = s.Names, s.functions
	if s.functions == nil {
		ctx.Functions = Functions
	}
	value, found = m.value(expr, ctx)
	if m.refusal != nil {
		return cty.DynamicVal, m.refusal // which try and can may have taken for an ordinary error
	}
	return value, found
}

// value computes a part of an expression and counts it.
func (m *Meter) value(expr hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if !m.spend(1, expr) {
		return cty.DynamicVal, m.refusal
	}
	value, found := m.compute(expr, ctx)
	m.spend(problemUnits*len(found), expr)
	if !found.HasErrors() {
		m.weigh(value, expr)
	}
	if m.refusal != nil {
		return cty.DynamicVal, m.refusal
	}
	return value, found
}

// compute leaves the work to HCL, once what it would take is paid for.
func (m *Meter) compute(expr hclsyntax.Expression, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	switch e := expr.(type) {
	case *hclsyntax.FunctionCallExpr:
		return m.call(e, ctx)
	case *hclsyntax.ConditionalExpr:
		return m.choose(e, ctx)
	case *hclsyntax.ScopeTraversalExpr:
		return traverse(e, ctx)
	case *hclsyntax.RelativeTraversalExpr:
		return traverseRelative(e, ctx)
	case *hclsyntax.ForExpr:
		if e.CondExpr == nil {
			return e.Value(ctx)
		}
		tolerant := *e
		tolerant.CondExpr = &filterExpression{e.CondExpr}
		return tolerant.Value(ctx)
	case *hclsyntax.BinaryOpExpr:
		paid, left, right := *e, evaluated(e.LHS, ctx), evaluated(e.RHS, ctx)
		if e.Op == hclsyntax.OpLogicalAnd || e.Op == hclsyntax.OpLogicalOr {
			left, right = absenceIn(ctx).condition(left), absenceIn(ctx).condition(right)
		}
		if e.Op.Impl.Params()[0].Type == cty.Number && (tooLongForNumber(left.value) || tooLongForNumber(right.value)) {
			return cty.DynamicVal, problemAt(e, "invalid operand", "A text as long as this is no number.")
		}
		if e.Op == hclsyntax.OpEqual || e.Op == hclsyntax.OpNotEqual {
			m.spend(comparingUnits(left.value)+comparingUnits(right.value), e)
		}
		paid.LHS, paid.RHS = left, right
		return paid.Value(ctx)
	case *hclsyntax.UnaryOpExpr:
		paid, operand := *e, evaluated(e.Val, ctx)
		if e.Op == hclsyntax.OpLogicalNot {
			operand = absenceIn(ctx).condition(operand)
		}
		if tooLongForNumber(operand.value) {
			return cty.DynamicVal, problemAt(e, "invalid operand", "A text as long as this is no number.")
		}
		paid.Val = operand
		return paid.Value(ctx)
	case *hclsyntax.IndexExpr:
		paid, collection, key := *e, evaluated(e.Collection, ctx), evaluated(e.Key, ctx)
		if tooLongForNumber(key.value) && !HasNames(collection.value) {
			return cty.DynamicVal, problemAt(e, "invalid index", "A text as long as this is no number.")
		}
		paid.Collection, paid.Key = collection, key
		value, found := paid.Value(ctx)
		return absenceIn(ctx).index(collection, key, value, found)
	}
	return expr.Value(ctx)
}

// choose computes a condition. HCL makes the two results one type; of lists and
// objects that takes long, and fails where elements differ, so the one that is
// not chosen is left out there.
func (m *Meter) choose(e *hclsyntax.ConditionalExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	condition, yes, no := absenceIn(ctx).condition(evaluated(e.Condition, ctx)), evaluated(e.TrueResult, ctx), evaluated(e.FalseResult, ctx)
	if structured(yes.value) || structured(no.value) {
		plain, _ := condition.value.Unmark()
		switch {
		case plain.IsKnown() && !plain.IsNull() && plain.Type() == cty.Bool:
			if plain.True() {
				no = leftOut(no)
			} else {
				yes = leftOut(yes)
			}
		case !m.spend(unifyingUnits(yes.value)+unifyingUnits(no.value), e):
			return cty.DynamicVal, m.refusal
		}
	}
	chosen := *e
	chosen.Condition, chosen.TrueResult, chosen.FalseResult = condition, yes, no
	return chosen.Value(ctx)
}

// leftOut is a result that is not chosen: null, with its marks, since whoever
// sees the result learns something about it.
func leftOut(e *evaluatedExpression) *evaluatedExpression {
	_, marks := e.value.UnmarkDeep()
	return &evaluatedExpression{Expression: e.Expression, value: cty.NullVal(cty.DynamicPseudoType).WithMarks(marks)}
}

// structured reports whether a value is a list, a map or an object.
func structured(value cty.Value) bool {
	t := value.Type()
	return t.IsTupleType() || t.IsObjectType() || t.IsCollectionType()
}

// call computes a function's arguments, pays for the call, and makes it. Those
// that take expressions instead of values (try and can) compute them themselves.
func (m *Meter) call(e *hclsyntax.FunctionCallExpr, ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	f, known := Functions[e.Name]
	if known && takesExpressions(f) {
		return e.Value(failing(ctx))
	}
	if !known {
		return e.Value(ctx)
	}
	paid := *e
	paid.Args = make([]hclsyntax.Expression, len(e.Args))
	values := make([]cty.Value, len(e.Args))
	for i, arg := range e.Args {
		one := evaluated(arg, ctx)
		if list, wanted := parameterType(f, i), !e.ExpandFinal && !one.found.HasErrors(); wanted {
			one.value = asListOf(one.value, list)
		}
		paid.Args[i], values[i] = one, one.value
	}
	units, err := price(e, f, values)
	if err != nil {
		return cty.DynamicVal, problemAt(e, "too much to compute", Capital(err)+".")
	}
	if !m.spend(units, e) {
		return cty.DynamicVal, m.refusal
	}
	return paid.Value(ctx)
}

// asListOf is a tuple as a list of texts, numbers or bools, where a function takes that: HCL
// would compare the type of each element with those of all others. What cannot be converted
// is left to HCL, which tells.
func asListOf(value cty.Value, list cty.Type) cty.Value {
	if value == cty.NilVal || list == cty.NilType || !list.IsListType() || !list.ElementType().IsPrimitiveType() {
		return value
	}
	plain, marks := value.Unmark()
	if plain.IsNull() || !plain.IsKnown() || !plain.Type().IsTupleType() || plain.LengthInt() == 0 {
		return value
	}
	elements := make([]cty.Value, 0, plain.LengthInt())
	for it := plain.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if list.ElementType() == cty.Number && tooLongForNumber(element) {
			return value
		}
		element, err := convert.Convert(element, list.ElementType())
		if err != nil {
			return value
		}
		elements = append(elements, element)
	}
	return cty.ListVal(elements).WithMarks(marks)
}

// weigh pays for the size of a result.
func (m *Meter) weigh(value cty.Value, expr hclsyntax.Expression) bool {
	value, _ = value.Unmark()
	t := value.Type()
	switch {
	case value.IsNull() || !value.IsKnown():
		return m.spend(scalarUnits, expr)
	case t == cty.String:
		return m.spend(scalarUnits+len(value.AsString())/bytesPerUnit, expr)
	case t == cty.Number:
		if outOfBounds(value) {
			m.refuse(expr, "number beyond all bounds", "This computes to a number that cannot be written out.")
			return false
		}
		return m.spend(scalarUnits, expr)
	case t.IsObjectType():
		units := structureUnits
		for name := range t.AttributeTypes() {
			units += memberUnits + len(name)/bytesPerUnit
		}
		if !m.spend(units, expr) {
			return false
		}
		for name := range t.AttributeTypes() {
			if !m.weigh(value.GetAttr(name), expr) {
				return false
			}
		}
	case t.IsTupleType() || t.IsCollectionType():
		if !m.spend(structureUnits+memberUnits*value.LengthInt(), expr) {
			return false
		}
		for it := value.ElementIterator(); it.Next(); {
			if _, element := it.Element(); !m.weigh(element, expr) {
				return false
			}
		}
	}
	return true
}

// spend pays, and reports whether there was enough.
func (m *Meter) spend(units int, expr hclsyntax.Expression) bool {
	if m.refusal != nil {
		return false
	}
	m.left -= units
	m.steps++
	const between = 1 << 12 // looks at the context
	switch {
	case m.left < 0:
		m.refuse(expr, "too much to compute", "This takes more time or memory than a definition may: loop over less, or make shorter texts.")
	case m.steps%between == 0 && m.ctx.Err() != nil:
		m.refuse(expr, "given up", "The request that needed this was given up.")
	}
	return m.refusal == nil
}

func (m *Meter) refuse(expr hclsyntax.Expression, summary, detail string) {
	if m.refusal == nil {
		m.refusal = problemAt(expr, summary, detail)
	}
}

func problemAt(expr hclsyntax.Expression, summary, detail string) hcl.Diagnostics {
	at := expr.Range()
	return hcl.Diagnostics{{Severity: hcl.DiagError, Summary: summary, Detail: detail, Subject: &at}}
}

// meteredExpression is a part of an expression that is counted. It takes the
// form of parentheses around the part, so that whatever walks the tree sees it.
type meteredExpression struct{ *hclsyntax.ParenthesesExpr }

// Value computes the part.
func (e *meteredExpression) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	if m := meterIn(ctx); m != nil {
		return m.value(e.Expression, ctx)
	}
	return e.Expression.Value(ctx)
}

// evaluatedExpression is one that has its value already.
type evaluatedExpression struct {
	hclsyntax.Expression
	value cty.Value
	found hcl.Diagnostics
}

func evaluated(expr hclsyntax.Expression, ctx *hcl.EvalContext) *evaluatedExpression {
	value, found := expr.Value(ctx)
	return &evaluatedExpression{Expression: expr, value: value, found: found}
}

// Value is the value that there is.
func (e *evaluatedExpression) Value(*hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	return e.value, e.found
}

// Bare is an expression without the counting around it: what to ask for its kind.
func Bare(expr hclsyntax.Expression) hclsyntax.Expression {
	if metered, ok := expr.(*meteredExpression); ok {
		return metered.Expression
	}
	return expr
}

// DepthOf is how many parts stand within each other.
func DepthOf(expr hclsyntax.Expression) int {
	var deepest depth
	_ = hclsyntax.Walk(expr, &deepest)
	return deepest.most
}

type depth struct{ now, most int }

// Enter goes one part further in.
func (d *depth) Enter(hclsyntax.Node) hcl.Diagnostics {
	d.now++
	d.most = max(d.most, d.now)
	return nil
}

// Exit comes out of a part again.
func (d *depth) Exit(hclsyntax.Node) hcl.Diagnostics {
	d.now--
	return nil
}

// MeterTree has the parts of an expression counted. The expression itself is
// counted by whoever evaluates it.
func MeterTree(expr hclsyntax.Expression) {
	for _, part := range Parts(expr) {
		switch e := (*part).(type) {
		case nil, *hclsyntax.LiteralValueExpr, *hclsyntax.AnonSymbolExpr, *hclsyntax.ExprSyntaxError, *meteredExpression:
		case *hclsyntax.ObjectConsKeyExpr:
			MeterTree(e)
		default:
			MeterTree(e)
			*part = &meteredExpression{&hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.Range()}}
		}
	}
}

// Parts are the places of an expression's parts.
func Parts(expr hclsyntax.Expression) []*hclsyntax.Expression {
	var parts []*hclsyntax.Expression
	all := func(list []hclsyntax.Expression) {
		for i := range list {
			parts = append(parts, &list[i])
		}
	}
	switch e := expr.(type) {
	case *hclsyntax.ParenthesesExpr:
		parts = append(parts, &e.Expression)
	case *hclsyntax.RelativeTraversalExpr:
		parts = append(parts, &e.Source)
	case *hclsyntax.FunctionCallExpr:
		all(e.Args)
	case *hclsyntax.ConditionalExpr:
		parts = append(parts, &e.Condition, &e.TrueResult, &e.FalseResult)
	case *hclsyntax.IndexExpr:
		parts = append(parts, &e.Collection, &e.Key)
	case *hclsyntax.TupleConsExpr:
		all(e.Exprs)
	case *hclsyntax.ObjectConsExpr:
		for i := range e.Items {
			parts = append(parts, &e.Items[i].KeyExpr, &e.Items[i].ValueExpr)
		}
	case *hclsyntax.ObjectConsKeyExpr:
		if hcl.ExprAsKeyword(e.Wrapped) == "" || e.ForceNonLiteral {
			parts = append(parts, &e.Wrapped)
		}
	case *hclsyntax.ForExpr:
		parts = append(parts, &e.CollExpr, &e.KeyExpr, &e.ValExpr, &e.CondExpr)
	case *hclsyntax.SplatExpr:
		parts = append(parts, &e.Source, &e.Each)
	case *hclsyntax.TemplateExpr:
		all(e.Parts)
	case *hclsyntax.TemplateJoinExpr:
		parts = append(parts, &e.Tuple)
	case *hclsyntax.TemplateWrapExpr:
		parts = append(parts, &e.Wrapped)
	case *hclsyntax.BinaryOpExpr:
		parts = append(parts, &e.LHS, &e.RHS)
	case *hclsyntax.UnaryOpExpr:
		parts = append(parts, &e.Val)
	}
	return parts
}

// ConstantOf evaluates an expression that is written out: it mentions nothing,
// calls nothing and repeats nothing, so it is no larger than its source.
func ConstantOf(expr hclsyntax.Expression) (cty.Value, error) {
	if !writtenOut(expr) {
		return cty.NilVal, errNotLiteral
	}
	value, found := NewMeter(context.Background(), 0).Evaluate(expr, nil)
	if found.HasErrors() {
		return cty.NilVal, errNotLiteral
	}
	return value, nil
}

// writtenOut reports whether an expression is made of literals alone.
func writtenOut(expr hclsyntax.Expression) bool {
	return !Holds[*hclsyntax.ForExpr](expr) && !Holds[*hclsyntax.SplatExpr](expr) && !Holds[*hclsyntax.FunctionCallExpr](expr)
}

// Holds reports whether a part of that kind is anywhere in an expression.
func Holds[Kind hclsyntax.Node](expr hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		_, is := node.(Kind)
		found = found || is
		return nil
	})
	return found
}

var errNotLiteral = errors.New("not a literal")
