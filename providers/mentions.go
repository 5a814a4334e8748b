package providers

import (
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

// requestExpressions are all that writing the request evaluates.
func (c *call) requestExpressions() []hclsyntax.Expression {
	exprs := c.path.expressions()
	exprs = append(exprs, c.when, c.query, c.headers, c.body)
	for _, use := range c.auth {
		exprs = append(exprs, use.expressions()...)
	}
	return present(exprs)
}

// expressions are all that signing in evaluates.
func (u *authUse) expressions() []hclsyntax.Expression {
	exprs := []hclsyntax.Expression{u.when}
	for _, arg := range u.args {
		exprs = append(exprs, arg.expr)
	}
	if u.request != nil {
		exprs = append(exprs, u.request.expressions()...)
	}
	return present(exprs)
}

// answerExpressions are all that reading the answer evaluates.
func (c *call) answerExpressions() []hclsyntax.Expression {
	exprs := []hclsyntax.Expression{c.ok, c.gone}
	for _, member := range c.save {
		exprs = append(exprs, member.expr)
	}
	return present(exprs)
}

// expressions are all of the request, its poll included, without its undo.
func (c *call) expressions() []hclsyntax.Expression {
	exprs := append(c.requestExpressions(), c.answerExpressions()...)
	if c.poll != nil {
		exprs = append(exprs, c.poll.expressions()...)
		exprs = append(exprs, c.poll.until)
	}
	return present(exprs)
}

// expressions are all of the listing.
func (l *listBlock) expressions() []hclsyntax.Expression {
	exprs := append(l.call.expressions(), l.items, l.start, l.next)
	for _, member := range l.item {
		exprs = append(exprs, member.expr)
	}
	return present(exprs)
}

// pageAttributes are the attributes of page that the block uses.
func (l *listBlock) pageAttributes() []string {
	return sortedNames(mentionsOf("page", l.expressions()...))
}

// expressions are all of the issue block, with undos.
func (b *issueBlock) expressions() []hclsyntax.Expression {
	exprs := []hclsyntax.Expression{b.id}
	for _, step := range b.calls {
		exprs = append(exprs, step.expressions()...)
		if step.undo != nil {
			exprs = append(exprs, step.undo.expressions()...)
		}
	}
	for _, member := range append(append([]named{}, b.save...), b.secret...) {
		exprs = append(exprs, member.expr)
	}
	return present(exprs)
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
