package providers

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

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
		exprs = append(exprs, c.poll.until, c.poll.failed)
	}
	return present(exprs)
}

// expressions are all of the listing.
func (l *listBlock) expressions() []hclsyntax.Expression {
	exprs := append(l.call.expressions(), l.items, l.next)
	if l.pagination != nil {
		exprs = append(exprs, l.pagination.next, l.pagination.more)
	}
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

// allSaved are what a step and its poll save.
func (c *call) allSaved() []named {
	if c.poll == nil {
		return c.save
	}
	return slices.Concat(c.save, c.poll.save)
}
