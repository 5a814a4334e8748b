package definition

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// requestExpressions are all that writing the request evaluates.
func (c *Call) requestExpressions() []hclsyntax.Expression {
	exprs := c.Path.expressions()
	exprs = append(exprs, c.When, c.ForEach, c.Query, c.Headers, c.Body)
	if c.Shared != nil {
		exprs = append(exprs, c.Shared.expressions(c.Format)...)
	}
	for _, member := range c.Given {
		exprs = append(exprs, member.Expr)
	}
	for _, use := range c.Auth {
		exprs = append(exprs, use.expressions()...)
	}
	return expr.Present(exprs)
}

// expressions are what writing a request with such a body evaluates, beside a path.
func (s *SharedRequest) expressions(body bodyFormat) []hclsyntax.Expression {
	exprs := []hclsyntax.Expression{s.Query, s.Headers}
	if body == JSONBody {
		exprs = append(exprs, s.JSON)
	}
	return expr.Present(exprs)
}

// expressions are all that signing in evaluates.
func (u *AuthUse) expressions() []hclsyntax.Expression {
	exprs := []hclsyntax.Expression{u.When}
	for _, arg := range u.Args {
		exprs = append(exprs, arg.Expr)
	}
	if u.Request != nil {
		exprs = append(exprs, u.Request.Expressions()...)
	}
	return expr.Present(exprs)
}

// probing are all that asking a key evaluates: what the provider's own blocks make of the
// fields that the probe gives them is a part of it.
func (d *Definition) probing() []hclsyntax.Expression {
	exprs := append(d.Probe.Expressions(), d.Probe.Alive, d.Probe.Dead)
	if d.Probe.Credential == GivenCredential {
		for _, use := range d.Auth {
			exprs = append(exprs, use.expressions()...)
		}
	}
	return expr.Present(exprs)
}

// answerExpressions are all that reading the answer evaluates.
func (c *Call) answerExpressions() []hclsyntax.Expression {
	exprs := []hclsyntax.Expression{c.OK, c.Gone}
	for _, member := range c.Save {
		exprs = append(exprs, member.Expr)
	}
	return expr.Present(exprs)
}

// Expressions are all of the request, its poll included, without its undo.
func (c *Call) Expressions() []hclsyntax.Expression {
	exprs := append(c.requestExpressions(), c.answerExpressions()...)
	if c.Poll != nil {
		exprs = append(exprs, c.Poll.Expressions()...)
		exprs = append(exprs, c.Poll.Until, c.Poll.Failed)
	}
	return expr.Present(exprs)
}

// expressions are all of the listing, its steps included.
func (l *ListBlock) expressions() []hclsyntax.Expression {
	exprs := l.ownExpressions()
	for _, step := range l.Steps {
		exprs = append(exprs, step.expressions()...)
	}
	return exprs
}

// ownExpressions are all of the listing but its steps.
func (l *ListBlock) ownExpressions() []hclsyntax.Expression {
	exprs := append(l.Call.Expressions(), l.Items, l.Skip, l.Next)
	if l.Pagination != nil {
		exprs = append(exprs, l.Pagination.Next, l.Pagination.More)
	}
	for _, member := range l.Item {
		exprs = append(exprs, member.Expr)
	}
	return expr.Present(exprs)
}

// pageAttributes are the attributes of page that the block uses.
func (l *ListBlock) pageAttributes() []string {
	return expr.SortedNames(expr.ReferencesTo("page", l.ownExpressions()...))
}

// expressions are all of the issue block, with undos.
func (b *IssueBlock) expressions() []hclsyntax.Expression {
	exprs := []hclsyntax.Expression{b.ID}
	for _, step := range b.Calls {
		exprs = append(exprs, step.Expressions()...)
		if step.Undo != nil {
			exprs = append(exprs, step.Undo.Expressions()...)
		}
	}
	for _, member := range append(append([]expr.Member{}, b.Save...), b.Secret...) {
		exprs = append(exprs, member.Expr)
	}
	return expr.Present(exprs)
}

// expressions are all of the extension but what is read of its last answer.
func (b *ExtendBlock) expressions() []hclsyntax.Expression {
	var exprs []hclsyntax.Expression
	for _, step := range b.Calls {
		exprs = append(exprs, step.Expressions()...)
	}
	return exprs
}

// AllSaved are what a step and its poll save.
func (c *Call) AllSaved() []expr.Member {
	if c.Poll == nil {
		return c.Save
	}
	return slices.Concat(c.Save, c.Poll.Save)
}
