package providers

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// rotateBlock replaces the connection's credential.
type rotateBlock struct {
	issueBlock // candidate, calls and save; its id and secret stay empty
	// connection are the fields that change.
	connection []named
	// retire removes the old credential; empty where it ends by itself.
	retire []*call
	// lists find a new credential of which no answer told.
	lists []*listBlock
}

// readRotate reads
//
//	rotate {
//	  candidate = { password = random_password(32) } # optional
//	  …a request, or steps, as in issue…
//	  connection = { admin_key = body.key }
//	  save       = { old_id = … }                    # for retire
//	  retire { …a request, or steps, as in revoke; each with when = … where it cannot always be made… }
//	  list   { …as the provider's own, with item = { name = item.name, old_id = item.id }… }
//	}
func (p *parser) readRotate(block *hclsyntax.Block) *rotateBlock {
	own, inner := []string{"candidate", "connection", "save"}, []string{"retire", "list", "lookup"}
	rotate := &rotateBlock{issueBlock: issueBlock{at: block.DefRange()}}
	var r *blockReader
	if steps := stepsOf(block); len(steps) > 0 {
		r = p.open(block.Body, "rotate", own, with(inner, "step"))
		rotate.calls = p.readSteps(r, steps, with(requestAttributes, "save"), with(requestBlocks, "undo", "poll"))
	} else {
		r = p.open(block.Body, "rotate", with(requestAttributes, own...), slices.Concat(requestBlocks, inner, []string{"step", "poll"}))
		rotate.calls = []*call{r.call(block)}
	}
	rotate.candidate = r.object("candidate")
	rotate.connection = r.object("connection")
	rotate.save = r.object("save")
	if r.attribute("connection") == nil {
		r.missing("connection", "it says which connection fields change, such as connection = { admin_key = body.key }")
	}
	if retire := r.only("retire"); retire != nil {
		rotate.retire = p.readRetire(retire)
	}
	for _, kind := range []string{"list", "lookup"} {
		for _, list := range r.blocks(kind) {
			rotate.lists = append(rotate.lists, p.readStrays(list))
		}
	}
	return rotate
}

func (p *parser) readRetire(block *hclsyntax.Block) []*call {
	own := with(requestAttributes, "gone", "when")
	if steps := stepsOf(block); len(steps) > 0 {
		r := p.open(block.Body, "retire", nil, []string{"step"})
		return p.readSteps(r, steps, with(own, "save"), with(requestBlocks, "poll"))
	}
	r := p.open(block.Body, "retire", own, with(requestBlocks, "step", "poll"))
	return []*call{r.call(block)}
}

// readStrays reads a list or lookup of rotate. There may be several: a
// credential can be made of two things that are listed in two places.
func (p *parser) readStrays(block *hclsyntax.Block) *listBlock {
	if len(block.Labels) > 0 {
		p.add(block.LabelRanges[0], "unexpected label", "%s has no label: write %s { … }.", block.Type, block.Type)
	}
	list := p.readList(block, "name")
	list.block, list.step = "rotate", block.Type
	return list
}

// steps are the requests of a rotation; none where there is no rotate block.
func (b *rotateBlock) steps() []*call {
	if b == nil {
		return nil
	}
	return b.calls
}

// all are all requests of the block, its undos included.
func (b *rotateBlock) all() []*call {
	if b == nil {
		return nil
	}
	var all []*call
	for _, step := range slices.Concat(b.calls, b.retire) {
		all = append(all, step)
		if step.undo != nil {
			all = append(all, step.undo)
		}
		if step.poll != nil {
			all = append(all, step.poll.call)
		}
	}
	for _, list := range b.lists {
		all = append(all, list.call)
	}
	return all
}

// made are the expressions of the rotation itself, without retire and lists.
func (b *rotateBlock) made() []hclsyntax.Expression {
	exprs := b.issueBlock.expressions()
	for _, member := range b.connection {
		exprs = append(exprs, member.expr)
	}
	return exprs
}

// retiring are the expressions of retire.
func (b *rotateBlock) retiring() []hclsyntax.Expression {
	var exprs []hclsyntax.Expression
	for _, step := range b.retire {
		exprs = append(exprs, step.expressions()...)
	}
	return exprs
}

// kept are the saved values that retire needs from the rotation; what it saves
// on its way is not among them.
func (b *rotateBlock) kept() mentions {
	kept := mentionsOf("saved", b.retiring()...)
	for _, step := range b.retire {
		for _, member := range step.allSaved() {
			delete(kept, member.name)
		}
	}
	return kept
}
