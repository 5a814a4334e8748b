package expr

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// References are the attributes of one name (role.*, saved.*, …) that some
// expressions use.
type References map[string]bool

// Pick keeps the values that are mentioned; nil when there is none.
func (m References) Pick(values map[string]any) Values {
	var picked Values
	for name := range m {
		if value := values[name]; value != nil {
			if picked == nil {
				picked = Values{}
			}
			picked[name] = value
		}
	}
	return picked
}

// Reference is one place where an expression uses a name.
type Reference struct {
	Root, Attribute string // role, limit; attribute is "" for the name alone
	// At is where it stands, and Traversal the whole of what is written, such as
	// body.keys[0].id.
	At        hcl.Range
	Traversal hcl.Traversal
}

// ReferencesIn are all names that an expression uses, its own for variables aside.
func ReferencesIn(expr hclsyntax.Expression) []Reference {
	if expr == nil {
		return nil
	}
	var found []Reference
	for _, traversal := range expr.Variables() {
		one := Reference{Root: traversal.RootName(), At: traversal.SourceRange(), Traversal: traversal}
		if len(traversal) > 1 {
			switch step := traversal[1].(type) {
			case hcl.TraverseAttr:
				one.Attribute = step.Name
			case hcl.TraverseIndex:
				if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
					one.Attribute = step.Key.AsString()
				}
			}
		}
		found = append(found, one)
	}
	return found
}

// ReferencesTo are the attributes of root that the expressions use.
func ReferencesTo(root string, exprs ...hclsyntax.Expression) References {
	found := References{}
	for _, expr := range exprs {
		for _, one := range ReferencesIn(expr) {
			if one.Root == root {
				found[one.Attribute] = true
			}
		}
	}
	return found
}

// IsReferredOutside reports whether the expressions use an attribute of root beside the
// arguments of a function.
func IsReferredOutside(function, root, attribute string, exprs ...hclsyntax.Expression) bool {
	outside := 0
	count := func(in hclsyntax.Expression, by int) {
		for _, one := range ReferencesIn(in) {
			if one.Root == root && one.Attribute == attribute {
				outside += by
			}
		}
	}
	for _, expr := range Present(exprs) {
		count(expr, 1)
		_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
			if call, ok := node.(*hclsyntax.FunctionCallExpr); ok && call.Name == function {
				count(call, -1)
			}
			return nil
		})
	}
	return outside > 0
}

// MentionsOnly reports whether an expression uses no name but one.
func MentionsOnly(root string, expr hclsyntax.Expression) bool {
	return !slices.ContainsFunc(ReferencesIn(expr), func(one Reference) bool { return one.Root != root })
}

// ReadsAnswer reports whether an expression waits for an answer, directly
// or through what was saved of one.
func ReadsAnswer(expr hclsyntax.Expression) bool {
	for _, one := range ReferencesIn(expr) {
		switch one.Root {
		case "status", "headers", "body":
			return true
		}
	}
	return false
}

// ReadsClock reports whether an expression gives another result at another time.
func ReadsClock(expr hclsyntax.Expression) bool {
	return calls(func(name string) bool { return clockFunctions[name] != nil }, expr)
}

// Calls reports whether one of the expressions calls the function; nil ones call none.
func Calls(function string, exprs ...hclsyntax.Expression) bool {
	return calls(func(name string) bool { return name == function }, Present(exprs)...)
}

func calls(wanted func(name string) bool, exprs ...hclsyntax.Expression) bool {
	found := false
	for _, expr := range exprs {
		_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
			call, ok := node.(*hclsyntax.FunctionCallExpr)
			found = found || ok && wanted(call.Name)
			return nil
		})
	}
	return found
}

// Present are the expressions that are not nil.
func Present(exprs []hclsyntax.Expression) []hclsyntax.Expression {
	kept := exprs[:0:0]
	for _, expr := range exprs {
		if expr != nil {
			kept = append(kept, expr)
		}
	}
	return kept
}

// AttributeRange is the place of the attribute alone, without the dot.
func (m Reference) AttributeRange() hcl.Range {
	if len(m.Traversal) < 2 {
		return m.At
	}
	at := m.Traversal[1].SourceRange()
	if _, ok := m.Traversal[1].(hcl.TraverseAttr); ok {
		at.Start.Column++
		at.Start.Byte++
	}
	return at
}

// WrittenNames are the names of all objects written out inside an expression.
func WrittenNames(expr hclsyntax.Expression) []string {
	switch e := Bare(expr).(type) {
	case *hclsyntax.ObjectConsExpr:
		var names []string
		for _, item := range e.Items {
			if key, err := ConstantOf(item.KeyExpr); err == nil && !key.IsNull() && key.Type() == cty.String {
				names = append(names, key.AsString())
			}
		}
		return names
	case *hclsyntax.ConditionalExpr:
		return slices.Concat(WrittenNames(e.TrueResult), WrittenNames(e.FalseResult))
	case *hclsyntax.ParenthesesExpr:
		return WrittenNames(e.Expression)
	case *hclsyntax.FunctionCallExpr:
		var names []string
		for _, arg := range e.Args {
			names = append(names, WrittenNames(arg)...)
		}
		return names
	}
	return nil
}

// ReferencesInAll are all names that several expressions use.
func ReferencesInAll(exprs []hclsyntax.Expression) []Reference {
	var all []Reference
	for _, expr := range exprs {
		all = append(all, ReferencesIn(expr)...)
	}
	return all
}
