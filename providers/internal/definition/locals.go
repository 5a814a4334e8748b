package definition

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
)

// Locals are expressions that a definition writes once: local.x stands for the whole
// expression, wherever that is, so it means what it would mean there. They are put in
// place before anything is read.

const (
	// largestLocal bounds the parts of one local with all that it mentions, and
	// mostInlined those of all places: a local of locals of locals would double each
	// time.
	largestLocal = 1 << 11
	mostInlined  = 1 << 15
)

// inliner puts locals in place.
type inliner struct {
	p       *parser
	written map[string]*hclsyntax.Attribute
	sizes   map[string]int // of those that are done
	under   []string       // those being done, which may not mention each other
	used    map[string]bool
	total   int
}

// inlineLocals puts the locals of a provider in place.
func (p *parser) inlineLocals(body *hclsyntax.Body) {
	l := &inliner{p: p, written: map[string]*hclsyntax.Attribute{}, sizes: map[string]int{}, used: map[string]bool{}}
	for _, block := range body.Blocks {
		if block.Type != "locals" {
			continue
		}
		p.def.locals += string(block.Body.SrcRange.SliceBytes(p.def.source))
		for _, attribute := range sortedAttributes(block.Body) {
			if !fieldName.MatchString(attribute.Name) || l.written[attribute.Name] != nil {
				p.add(attribute.NameRange, "bad local", "A local has a name of its own, of lower-case letters, digits and _.")
				continue
			}
			l.written[attribute.Name] = attribute
		}
	}
	if len(l.written) > 0 {
		l.inBody(body)
	}
	for name, attribute := range l.written {
		if !l.used[name] && !p.any() {
			p.add(attribute.NameRange, "local without use", "Nothing mentions local.%s: leave it out.", name)
		}
	}
}

func (l *inliner) inBody(body *hclsyntax.Body) {
	for _, block := range body.Blocks {
		if block.Type != "locals" {
			l.inBody(block.Body)
		}
	}
	for _, attribute := range sortedAttributes(body) {
		if name, rest := l.mentioned(attribute.Expr); name != "" && len(rest) == 0 {
			if whole := l.resolve(name, attribute.Expr.Range()); whole != nil {
				attribute.Expr = whole // it may have to be an object, or a path, that is written out
			}
			continue
		}
		l.total += l.inExpression(&attribute.Expr)
	}
}

// mentioned is the local that an expression is, with the attributes that it asks of it.
func (l *inliner) mentioned(e hclsyntax.Expression) (name string, rest hcl.Traversal) {
	traversal, ok := e.(*hclsyntax.ScopeTraversalExpr)
	if !ok || traversal.Traversal.RootName() != "local" || len(traversal.Traversal) < 2 {
		return "", nil
	}
	step, ok := traversal.Traversal[1].(hcl.TraverseAttr)
	if !ok {
		return "", nil
	}
	return step.Name, traversal.Traversal[2:]
}

// inExpression puts locals in place in an expression, and returns how many parts it has
// then.
func (l *inliner) inExpression(place *hclsyntax.Expression) int {
	if *place == nil || l.total > mostInlined {
		return 0
	}
	name, rest := l.mentioned(*place)
	if name == "" {
		size := 1
		for _, part := range expr.Parts(*place) {
			size += l.inExpression(part)
		}
		return size
	}
	whole := l.resolve(name, (*place).Range())
	if whole == nil {
		*place = &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: (*place).Range()} // told already
		return 1
	}
	paren := l.p.inline(whole)
	*place = paren
	if len(rest) > 0 {
		*place = &hclsyntax.RelativeTraversalExpr{Source: paren, Traversal: rest, SrcRange: whole.Range()}
	}
	return 1 + l.sizes[name]
}

// resolve is a local with those that it mentions in place; nil where it has none.
func (l *inliner) resolve(name string, at hcl.Range) hclsyntax.Expression {
	attribute := l.written[name]
	switch {
	case attribute == nil:
		l.p.add(at, "unknown local", "There is no local %q; %s", name, suggest.Instead(name, expr.SortedNames(l.written)))
		return nil
	case slices.Contains(l.under, name):
		l.p.add(attribute.NameRange, "local of itself", "local.%s mentions itself.", name)
		return nil
	}
	l.used[name] = true
	if _, done := l.sizes[name]; !done {
		l.under = append(l.under, name)
		size := l.inExpression(&attribute.Expr)
		l.under = l.under[:len(l.under)-1]
		l.sizes[name] = size
		if size > largestLocal {
			l.p.add(attribute.NameRange, "local too large", "A local has at most %d parts, with those that it mentions.", largestLocal)
			attribute.Expr = &hclsyntax.LiteralValueExpr{Val: cty.DynamicVal, SrcRange: at}
		}
	}
	if l.total += l.sizes[name]; l.total > mostInlined {
		l.p.add(at, "too many locals", "Locals make this definition too large: mention smaller ones, or fewer.")
		return nil
	}
	return attribute.Expr
}

// inline marks an expression as one that stands in place of a local.
func (p *parser) inline(e hclsyntax.Expression) *hclsyntax.ParenthesesExpr {
	paren := &hclsyntax.ParenthesesExpr{Expression: e, SrcRange: e.Range()}
	p.inlined[paren] = true
	return paren
}

// inlinedText is the text that an inlined local is; nil for what is none.
func (p *parser) inlinedText(part hclsyntax.Expression) hclsyntax.Expression {
	paren, ok := part.(*hclsyntax.ParenthesesExpr)
	if !ok || !p.inlined[paren] {
		return nil
	}
	inner := paren.Expression
	for {
		deeper, ok := inner.(*hclsyntax.ParenthesesExpr)
		if !ok {
			break
		}
		inner = deeper.Expression
	}
	switch inner.(type) {
	case *hclsyntax.TemplateExpr, *hclsyntax.ConditionalExpr:
		return inner
	}
	return nil
}
