package providers

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// mentions are the attributes of one name (role.*, saved.*, …) that some
// expressions use.
type mentions map[string]bool

// pick keeps the values that are mentioned; nil when there is none.
func (m mentions) pick(values map[string]any) Values {
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

// mention is one place where an expression uses a name.
type mention struct {
	root, attribute string // role, limit; attribute is "" for the name alone
	at              hcl.Range
	traversal       hcl.Traversal
}

// mentionsIn are all names that an expression uses, its own for variables aside.
func mentionsIn(expr hclsyntax.Expression) []mention {
	if expr == nil {
		return nil
	}
	var found []mention
	for _, traversal := range expr.Variables() {
		one := mention{root: traversal.RootName(), at: traversal.SourceRange(), traversal: traversal}
		if len(traversal) > 1 {
			switch step := traversal[1].(type) {
			case hcl.TraverseAttr:
				one.attribute = step.Name
			case hcl.TraverseIndex:
				if step.Key.Type() == cty.String && step.Key.IsKnown() && !step.Key.IsNull() {
					one.attribute = step.Key.AsString()
				}
			}
		}
		found = append(found, one)
	}
	return found
}

// mentionsOf are the attributes of root that the expressions use.
func mentionsOf(root string, exprs ...hclsyntax.Expression) mentions {
	found := mentions{}
	for _, expr := range exprs {
		for _, one := range mentionsIn(expr) {
			if one.root == root {
				found[one.attribute] = true
			}
		}
	}
	return found
}

// mentionsOnly reports whether an expression uses no name but one.
func mentionsOnly(root string, expr hclsyntax.Expression) bool {
	return !slices.ContainsFunc(mentionsIn(expr), func(one mention) bool { return one.root != root })
}

// mentionsAnswer reports whether an expression waits for an answer, directly
// or through what was saved of one.
func mentionsAnswer(expr hclsyntax.Expression) bool {
	for _, one := range mentionsIn(expr) {
		switch one.root {
		case "status", "headers", "body":
			return true
		}
	}
	return false
}

// readsClock reports whether an expression gives another result at another time.
func readsClock(expr hclsyntax.Expression) bool {
	found := false
	_ = hclsyntax.VisitAll(expr, func(node hclsyntax.Node) hcl.Diagnostics {
		call, ok := node.(*hclsyntax.FunctionCallExpr)
		found = found || ok && clockFunctions[call.Name] != nil
		return nil
	})
	return found
}

func present(exprs []hclsyntax.Expression) []hclsyntax.Expression {
	kept := exprs[:0:0]
	for _, expr := range exprs {
		if expr != nil {
			kept = append(kept, expr)
		}
	}
	return kept
}

// attributeRange is the place of the attribute alone, without the dot.
func (m mention) attributeRange() hcl.Range {
	if len(m.traversal) < 2 {
		return m.at
	}
	at := m.traversal[1].SourceRange()
	if _, ok := m.traversal[1].(hcl.TraverseAttr); ok {
		at.Start.Column++
		at.Start.Byte++
	}
	return at
}

// writtenNames are the names of all objects written out inside an expression.
func writtenNames(expr hclsyntax.Expression) []string {
	switch e := bare(expr).(type) {
	case *hclsyntax.ObjectConsExpr:
		var names []string
		for _, item := range e.Items {
			if key, err := constantOf(item.KeyExpr); err == nil && !key.IsNull() && key.Type() == cty.String {
				names = append(names, key.AsString())
			}
		}
		return names
	case *hclsyntax.ConditionalExpr:
		return slices.Concat(writtenNames(e.TrueResult), writtenNames(e.FalseResult))
	case *hclsyntax.ParenthesesExpr:
		return writtenNames(e.Expression)
	case *hclsyntax.FunctionCallExpr:
		var names []string
		for _, arg := range e.Args {
			names = append(names, writtenNames(arg)...)
		}
		return names
	}
	return nil
}

func mentionsInAll(exprs []hclsyntax.Expression) []mention {
	var all []mention
	for _, expr := range exprs {
		all = append(all, mentionsIn(expr)...)
	}
	return all
}
