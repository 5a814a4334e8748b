package definition

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// What is declared and never read looks as if it did something: a role field
// that no request sends narrows nothing.

// checkUse finds role fields and item members that nothing reads.
func (p *parser) checkUse() {
	d := p.def
	read := expr.ReferencesTo("role", expressionsIn(p.body, "validation")...)
	for _, field := range d.Role {
		if at, ok := p.fields[field]; ok && !read[field.Name] {
			p.add(at, "role field without use", "No request mentions role.%s, so whoever sets it would narrow nothing: send it in a request, or leave the field out.", field.Name)
		}
	}
	for _, list := range d.listings() {
		p.checkItemUse(list, []string{"id", "name", "created_at", "last_used_at", "expires_at", "secret"}, d.Required.Saved)
	}
	if d.Rotate != nil {
		for _, list := range d.Rotate.Lists {
			p.checkItemUse(list, []string{"name", "previous"}, d.Rotate.SavedForRetire())
		}
	}
}

// checkItemUse finds the members that are neither of the language's own nor
// needed as saved values.
func (p *parser) checkItemUse(list *ListBlock, own []string, saved expr.References) {
	for _, member := range list.Item {
		if !slices.Contains(own, member.Name) && !saved[member.Name] {
			p.add(member.At, "item member without use", "Nothing reads %s of a listed key: the language knows %s, and beside them what is read as saved.NAME; leave it out.", member.Name, strings.Join(own, ", "))
		}
	}
}

// expressionsIn are all expressions in a body and the blocks inside it, but those of
// that type.
func expressionsIn(body *hclsyntax.Body, without ...string) []hclsyntax.Expression {
	var all []hclsyntax.Expression
	for _, attribute := range body.Attributes {
		all = append(all, attribute.Expr)
	}
	for _, block := range body.Blocks {
		if !slices.Contains(without, block.Type) {
			all = append(all, expressionsIn(block.Body, without...)...)
		}
	}
	return all
}

// checkNext: what is no object, in none of its branches, would fail on the
// second page.
func (p *parser) checkNext(list *ListBlock) {
	if list.Next != nil && !maybeObject(list.Next) {
		p.add(list.Next.Range(), "bad next", "Write next as an object, whose members are page.NAME in the next request: next = body.cursor == null ? null : { cursor = body.cursor }.")
	}
}

// maybeObject reports whether an expression can be an object that is written
// out, or made by a function or a for.
func maybeObject(expression hclsyntax.Expression) bool {
	switch e := expr.Bare(expression).(type) {
	case *hclsyntax.ObjectConsExpr, *hclsyntax.ForExpr:
		return true
	case *hclsyntax.ParenthesesExpr:
		return maybeObject(e.Expression)
	case *hclsyntax.ConditionalExpr:
		return maybeObject(e.TrueResult) || maybeObject(e.FalseResult)
	case *hclsyntax.FunctionCallExpr:
		if e.Name != "try" && e.Name != "coalesce" {
			return true
		}
		return slices.ContainsFunc(e.Args, maybeObject)
	}
	return false
}
