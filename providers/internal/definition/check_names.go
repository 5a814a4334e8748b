package definition

import (
	"maps"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
)

// staticScope is where an expression stands: the names that mean something there,
// each with an unknown value of its type.
type staticScope struct {
	names  map[string]cty.Value
	random bool // functions that give another result each time may be called
}

func (at staticScope) with(name string, value cty.Value) staticScope {
	names := maps.Clone(at.names)
	names[name] = value
	return staticScope{names: names, random: at.random}
}

// withAll adds names to a scope.
func (at staticScope) withAll(names map[string]cty.Value) staticScope {
	all := maps.Clone(at.names)
	maps.Copy(all, names)
	return staticScope{names: all, random: at.random}
}

// withResponse is the scope once an answer has come.
func (at staticScope) withResponse() staticScope {
	return at.
		with("status", cty.UnknownVal(cty.Number).RefineNotNull()).
		with("headers", cty.UnknownVal(cty.Map(cty.String)).RefineNotNull()).
		with("body", cty.DynamicVal)
}

// elsewhere says where a name means something, for when it does not.
var elsewhere = map[string]string{
	"connection": "it is not known here.",
	"role":       "no role is known here; it is in issue, revoke, list, lookup and extend.",
	"key":        "no key is known here; it is in issue, revoke, lookup and extend.",
	"saved":      "nothing has been saved yet; it is in what follows a save, and in revoke and extend.",
	"secret":     "it is in revoke, extend and probe only.",
	"status":     "no answer has come yet; it is in ok, gone, save, id, secret and the like.",
	"headers":    "no answer has come yet; it is in ok, gone, save, id, secret and the like.",
	"body":       "no answer has come yet; it is in ok, gone, save, id, secret and the like.",
	"page":       "it is in list only.",
	"each":       "it is in a step, list or lookup that has for_each = … only.",
	"items":      "it is in item and next only.",
	"item":       "it is inside item = { … } and in skip only.",
	"candidate":  "it is in the requests and the results of an issue or a rotate that has candidate = { … }.",
	"previous":   "it is in retire only.",
	"request":    "it is in the recipe of auth \"signature\" only: message, headers and query.",
	"signature":  "it is in headers and query of auth \"signature\" only.",
	"local":      "write local.NAME, and NAME in locals { … }.",
	"token":      "it is in headers of auth \"login\" only.",
}

// attributeKinds name what the attributes of a name are.
var attributeKinds = map[string]string{
	"connection": "connection field", "role": "role field", "key": "attribute of a key here", "saved": "saved value here", "secret": "secret field",
	"candidate": "candidate value here", "each": "attribute of each", "previous": "previous field",
	"request": "request attribute",
}

// wanted checks the type of a result; it returns what to write instead, or "".
type wanted interface {
	wrong(t cty.Type) string
}

type wantKind int

const (
	wantAny wantKind = iota
	wantBool
	wantText
	wantObject
	wantList
	wantStatusCondition
	wantElements
)

func (w wantKind) wrong(t cty.Type) string {
	isList := t.IsListType() || t.IsTupleType() || t.IsSetType()
	isObject := t.IsObjectType() || t.IsMapType()
	switch {
	case w == wantBool && t != cty.Bool:
		return "Write a condition that is true or false."
	case w == wantText && !t.IsPrimitiveType():
		return "Write a string or a number."
	case w == wantObject && !isObject:
		return "Write an object, { name = … }."
	case w == wantList && !isList:
		return "Write a list; values(…) makes one of an object."
	case w == wantElements && !isList && !isObject:
		return "Write a list, or an object: the request is made for each of its elements."
	case w == wantStatusCondition && t != cty.Bool && !isList:
		return "Write a list of statuses, such as [404], or a condition."
	}
	return ""
}

// wantType is the type of an auth argument.
type wantType struct{ kind cty.Type }

func (w wantType) wrong(t cty.Type) string {
	if _, err := convert.Convert(cty.UnknownVal(t), w.kind); err != nil {
		return "Write a " + w.kind.FriendlyName() + "."
	}
	return ""
}

// checkAll checks expressions of one scope; nil ones are absent.
func (p *parser) checkAll(at staticScope, want wanted, exprs ...hclsyntax.Expression) {
	for _, expr := range expr.Present(exprs) {
		p.checkOne(at, want, expr)
	}
}

// checkOne checks names, functions and the result's type, and returns the
// result as far as it is known.
func (p *parser) checkOne(at staticScope, want wanted, expr hclsyntax.Expression) cty.Value {
	if p.onExpression != nil {
		p.onExpression(expr, at.names)
	}
	before := len(p.list)
	p.checkNames(at, expr)
	p.noteHeaders(expr)
	p.checkFunctions(at, expr)
	if len(p.list) > before {
		return cty.DynamicVal
	}
	value, found := p.meter.Evaluate(expr, at.names)
	p.addAll(found)
	p.checkBranches(at, expr)
	if found.HasErrors() {
		return cty.DynamicVal
	}
	plain, _ := value.UnmarkDeep()
	if t := plain.Type(); t != cty.DynamicPseudoType {
		if advice := want.wrong(t); advice != "" {
			p.add(expr.Range(), "wrong type", "This is %s. %s", describeType(t), advice)
		}
	}
	return value
}

// noteHeaders has an answer's headers put in scope where something reads them.
func (p *parser) noteHeaders(expression hclsyntax.Expression) {
	if len(expr.ReferencesTo("headers", expression)) > 0 {
		p.def.ReadsHeaders = true
	}
}

func describeType(t cty.Type) string {
	name := t.FriendlyName()
	if strings.ContainsAny(name[:1], "aeiou") {
		return "an " + name
	}
	return "a " + name
}

// checkNames checks every name.attribute against the scope.
func (p *parser) checkNames(at staticScope, expression hclsyntax.Expression) {
	for _, one := range expr.ReferencesIn(expression) {
		value, ok := at.names[one.Root]
		if !ok {
			if why, known := elsewhere[one.Root]; known {
				p.add(one.At, "name out of place", "%s means nothing here: %s", one.Root, why)
			} else {
				p.add(one.At, "unknown name", "There is no name %q; %s", one.Root, suggest.Instead(one.Root, expr.SortedNames(at.names)))
			}
			continue
		}
		if one.Root == "headers" && one.Attribute != strings.ToLower(one.Attribute) {
			p.add(one.At, "header in capitals", "Names in headers are in lower case: write headers[%q].", strings.ToLower(one.Attribute))
		}
		kind, closed := attributeKinds[one.Root]
		t := value.Type()
		if !closed || !t.IsObjectType() {
			continue
		}
		switch names := expr.SortedNames(t.AttributeTypes()); {
		case one.Attribute == "":
			p.add(one.At, "attribute expected", "Name which one: %s.NAME, written out.", one.Root)
		case t.HasAttribute(one.Attribute):
		case one.Root == "key" && keyTypes[one.Attribute] != cty.NilType:
			p.add(one.At, "name out of place", "key.%s is not known here; %s", one.Attribute, "known are "+strings.Join(names, ", ")+".")
		default:
			p.add(one.AttributeRange(), "unknown "+strings.Fields(kind)[0]+" "+strings.Fields(kind)[1], "There is no %s %q; %s", kind, one.Attribute, suggest.Instead(one.Attribute, names))
		}
	}
}

// checkFunctions checks the names of functions, also where evaluation does not
// come by: in the branch not taken, and inside try.
func (p *parser) checkFunctions(at staticScope, expression hclsyntax.Expression) {
	_ = hclsyntax.VisitAll(expression, func(node hclsyntax.Node) hcl.Diagnostics {
		call, ok := node.(*hclsyntax.FunctionCallExpr)
		if !ok {
			return nil
		}
		f, known := expr.Functions[call.Name]
		switch {
		case !known:
			p.add(call.NameRange, "unknown function", "There is no function %q; %s", call.Name, didYouMean(call.Name))
		case strings.HasPrefix(call.Name, expr.RandomPrefix) && !at.random:
			p.add(call.NameRange, "function out of place", "%s gives another result each time, so it belongs into the candidate of rotate or issue, which is chosen once for all requests.", call.Name)
		case call.ExpandFinal:
		case len(call.Args) < len(f.Params()) || len(call.Args) > len(f.Params()) && f.VarParam() == nil:
			p.add(call.NameRange, "wrong number of arguments", "%s takes %d, and this gives it %d.", call.Name, len(f.Params()), len(call.Args))
		}
		return nil
	})
}

// didYouMean is the nearest function, or else all of them.
func didYouMean(name string) string {
	if best := suggest.Nearest(name, expr.SortedNames(expr.Functions)); best != "" {
		return "did you mean \"" + best + "\"?"
	}
	return "there are " + strings.Join(expr.SortedNames(expr.Functions), ", ") + "."
}

// checkBranches evaluates both branches of every condition by themselves:
// with an unknown condition HCL keeps quiet about them.
func (p *parser) checkBranches(at staticScope, expr hclsyntax.Expression) {
	_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		condition, ok := node.(*hclsyntax.ConditionalExpr)
		if !ok {
			return nil
		}
		for _, branch := range []hclsyntax.Expression{condition.TrueResult, condition.FalseResult} {
			if p.standsAlone(at, branch) {
				_, found := p.meter.Evaluate(branch, at.names)
				p.addAll(found)
			}
		}
		return nil
	})
}

// standsAlone reports whether an expression uses no variable of a for around
// it, and no page attribute that is null on the first page only.
func (p *parser) standsAlone(at staticScope, expression hclsyntax.Expression) bool {
	for _, one := range expr.ReferencesIn(expression) {
		if _, ok := at.names[one.Root]; !ok || one.Root == "page" {
			return false
		}
	}
	return true
}
