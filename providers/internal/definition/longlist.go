package definition

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

const (
	// MaxList bounds a list in one answer whose items can be read one by one, so
	// that nothing but its text is held at a time; maxPage one that has to be
	// computed with as a whole.
	MaxList = 64 << 20
	maxPage = 16 << 20
	// StreamFrom is from which length on items are read one by one.
	StreamFrom = 1 << 20
)

// streamPath is where in an answer the items are, as a path of names; ok is false
// where the definition looks at them as a whole, or does more than naming them.
func (l *ListBlock) streamPath(d *Definition) (path []string, ok bool) {
	at, ok := expr.Bare(l.Items).(*hclsyntax.ScopeTraversalExpr)
	if !ok || at.Traversal.RootName() != "body" || l.Next != nil || l.Pagination != nil {
		return nil, false
	}
	exprs := []hclsyntax.Expression{l.OK, l.Gone, l.Skip, d.Errors.Message, d.Errors.Refused, d.Errors.Unauthorized, d.Errors.Throttled}
	for _, member := range l.Item {
		exprs = append(exprs, member.Expr)
	}
	for _, expression := range exprs {
		for _, one := range expr.ReferencesIn(expression) {
			if one.Root == "items" || one.Root == "body" && overlap(expr.TraversalText(one.Traversal), expr.TraversalText(at.Traversal)) {
				return nil, false
			}
		}
	}
	path = []string{}
	for _, step := range at.Traversal[1:] {
		switch step := step.(type) {
		case hcl.TraverseAttr:
			path = append(path, step.Name)
		case hcl.TraverseIndex:
			if step.Key.Type() != cty.String {
				return nil, false
			}
			path = append(path, step.Key.AsString())
		default:
			return nil, false
		}
	}
	return path, true
}

// WrittenOut says that the items are a list that the definition writes out, such as
// [body], so that each is there whatever the answer holds.
func (l *ListBlock) WrittenOut() bool {
	_, written := expr.Bare(l.Items).(*hclsyntax.TupleConsExpr)
	return written
}

// allowLong lets the answers to a list be longer than others.
func (l *ListBlock) allowLong(d *Definition) {
	l.Longest = maxPage
	if l.Item == nil {
		return // a step's, which is gathered as a whole
	}
	if path, ok := l.streamPath(d); ok && !l.Text {
		l.Stream, l.Longest = path, MaxList
	}
}
