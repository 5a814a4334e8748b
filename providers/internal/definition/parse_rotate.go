package definition

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// RotateBlock replaces the connection's credential.
type RotateBlock struct {
	IssueBlock // candidate, calls and save; its id and secret stay empty
	// Connection are the fields that change.
	Connection []expr.Member
	// RevokesKeys is the condition of a key to end with the credential that is replaced;
	// nil where keys outlive it.
	RevokesKeys hclsyntax.Expression
	// Retire removes the old credential; empty where it ends by itself.
	Retire []*Call
	// Lists find a new credential of which no answer told.
	Lists []*ListBlock
}

// readRotate reads
//
//	rotate {
//	  candidate = { password = random_password(32) } # optional
//	  …a request, or steps, as in issue…
//	  connection = { admin_key = body.key }
//	  save       = { old_id = … }                    # for retire
//	  revokes_keys = true                            # or a condition: keys end with the old credential
//	  retire { …a request, or steps, as in revoke; each with when = … where it cannot always be made… }
//	  list   { …as the provider's own, with item = { name = item.name, old_id = item.id }…
//	           without items, what it does not say is as in the provider's own }
//	}
func (p *parser) readRotate(block *hclsyntax.Block) *RotateBlock {
	own, inner := []string{"candidate", "connection", "save", "revokes_keys"}, []string{"retire", "list", "lookup"}
	rotate := &RotateBlock{IssueBlock: IssueBlock{at: block.DefRange()}}
	var r *blockReader
	if steps := stepsOf(block); len(steps) > 0 {
		r = p.open(block.Body, "rotate", own, with(inner, "step"))
		rotate.Calls = p.readSteps(r, steps, with(requestAttributes, "save", "for_each"), with(requestBlocks, "undo", "poll"))
	} else {
		r = p.open(block.Body, "rotate", with(requestAttributes, own...), slices.Concat(requestBlocks, inner, []string{"step", "poll"}))
		rotate.Calls = []*Call{r.call(block)}
	}
	rotate.Candidate = r.object("candidate")
	rotate.Connection = r.object("connection")
	rotate.Save = r.object("save")
	rotate.RevokesKeys = r.expression("revokes_keys")
	if r.attribute("connection") == nil {
		r.missing("connection", "it says which connection fields change, such as connection = { admin_key = body.key }")
	}
	if retire := r.only("retire"); retire != nil {
		rotate.Retire = p.readRetire(retire)
	}
	for _, kind := range []string{"list", "lookup"} {
		for _, list := range r.blocks(kind) {
			rotate.Lists = append(rotate.Lists, p.readStrays(list))
		}
	}
	return rotate
}

func (p *parser) readRetire(block *hclsyntax.Block) []*Call {
	own := with(requestAttributes, "gone", "when")
	if steps := stepsOf(block); len(steps) > 0 {
		r := p.open(block.Body, "retire", nil, []string{"step"})
		return p.readSteps(r, steps, with(own, "looks", "save", "for_each"), with(requestBlocks, "poll"))
	}
	r := p.open(block.Body, "retire", own, with(requestBlocks, "step", "poll"))
	return []*Call{r.call(block)}
}

// readStrays reads a list or lookup of rotate. There may be several: a
// credential can be made of two things that are listed in two places.
func (p *parser) readStrays(block *hclsyntax.Block) *ListBlock {
	if len(block.Labels) > 0 {
		p.add(block.LabelRanges[0], "unexpected label", "%s has no label: write %s { … }.", block.Type, block.Type)
	}
	if p.keyList != nil && saysLess(block) {
		for _, taken := range takeFrom(p.keyList.Body, block.Body) {
			for _, role := range expr.SortedNames(expr.ReferencesTo("role", taken.Expr)) {
				p.add(block.DefRange(), "list of a role", "This list has no %s of its own, and that of the provider's list names role.%s, which no rotation knows: write %s here.", taken.Name, role, taken.Name)
			}
		}
	}
	list := p.readList(block, "name")
	if list.Unnamed {
		p.add(block.DefRange(), "unnamed in rotate", "A new admin credential is found by its name: where credentials have none, leave %s out.", block.Type)
	}
	list.Block, list.Step = "rotate", block.Type
	return list
}

// saysLess reports whether a list of rotate has no items, so that what it does not say is
// as in the provider's list.
func saysLess(block *hclsyntax.Block) bool {
	return block.Type == "list" && block.Body.Attributes["items"] == nil
}

// takeFrom gives a list what it does not say itself of the provider's list, and returns the
// attributes: the request, or parts of it, and how the answer is read; not what the items
// are read for.
func takeFrom(list, own *hclsyntax.Body) (taken []*hclsyntax.Attribute) {
	said := func(names []string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return own.Attributes[name] != nil })
	}
	method, body := said(methods), said(bodyFormats)
	for _, attribute := range sortedAttributes(list) {
		name := attribute.Name
		switch {
		case own.Attributes[name] != nil, slices.Contains([]string{"item", "unnamed", "gone"}, name):
		case method && slices.Contains(methods, name), body && slices.Contains(bodyFormats, name):
		default:
			own.Attributes[name] = attribute
			taken = append(taken, attribute)
		}
	}
	for _, block := range list.Blocks {
		if !slices.ContainsFunc(own.Blocks, func(other *hclsyntax.Block) bool { return other.Type == block.Type }) {
			own.Blocks = append(own.Blocks, block)
		}
	}
	return taken
}

// Steps are the requests of a rotation; none where there is no rotate block.
func (b *RotateBlock) Steps() []*Call {
	if b == nil {
		return nil
	}
	return b.Calls
}

// MayRevokeKeys reports whether a rotation ends keys, or those that a condition is
// true of.
func (b *RotateBlock) MayRevokeKeys() bool {
	if b == nil || b.RevokesKeys == nil {
		return false
	}
	value, err := expr.ConstantOf(b.RevokesKeys)
	return err != nil || !value.RawEquals(cty.False)
}

// RevokesAllKeys reports whether it ends them whatever they are.
func (b *RotateBlock) RevokesAllKeys() bool {
	if b == nil || b.RevokesKeys == nil {
		return false
	}
	value, err := expr.ConstantOf(b.RevokesKeys)
	return err == nil && value.RawEquals(cty.True)
}

// made are the expressions of the rotation itself, without retire and lists.
func (b *RotateBlock) made() []hclsyntax.Expression {
	exprs := b.IssueBlock.expressions()
	for _, member := range b.Connection {
		exprs = append(exprs, member.Expr)
	}
	return exprs
}

// Retiring are the expressions of retire.
func (b *RotateBlock) Retiring() []hclsyntax.Expression {
	var exprs []hclsyntax.Expression
	for _, step := range b.Retire {
		exprs = append(exprs, step.Expressions()...)
	}
	return exprs
}

// SavedForRetire are the saved values that retire needs from the rotation; what it saves
// on its way is not among them.
func (b *RotateBlock) SavedForRetire() expr.References {
	kept := expr.ReferencesTo("saved", b.Retiring()...)
	for _, step := range b.Retire {
		for _, member := range step.AllSaved() {
			delete(kept, member.Name)
		}
	}
	return kept
}
