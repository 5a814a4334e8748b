package providers

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

const (
	// maxList bounds a list in one answer whose items can be read one by one, so
	// that nothing but its text is held at a time; maxPage one that has to be
	// computed with as a whole.
	maxList = 64 << 20
	maxPage = 16 << 20
	// streamFrom is from which length on items are read one by one.
	streamFrom = 1 << 20
)

// streamPath is where in an answer the items are, as a path of names; ok is false
// where the definition looks at them as a whole, or does more than naming them.
func (l *listBlock) streamPath(d *Definition) (path []string, ok bool) {
	at, ok := bare(l.items).(*hclsyntax.ScopeTraversalExpr)
	if !ok || at.Traversal.RootName() != "body" || l.next != nil || l.pagination != nil {
		return nil, false
	}
	exprs := []hclsyntax.Expression{l.ok, l.gone, d.errors.message, d.errors.refused, d.errors.unauthorized, d.errors.throttled}
	for _, member := range l.item {
		exprs = append(exprs, member.expr)
	}
	for _, expr := range exprs {
		for _, one := range mentionsIn(expr) {
			if one.root == "items" || one.root == "body" && samePlace(traversalText(one.traversal), traversalText(at.Traversal)) {
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

// allowLong lets the answers to a list be longer than others.
func (l *listBlock) allowLong(d *Definition) {
	l.longest = maxPage
	if path, ok := l.streamPath(d); ok && !l.text {
		l.stream, l.longest = path, maxList
	}
}
