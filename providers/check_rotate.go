package providers

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// checkRotate checks every expression of rotate at its place.
func (p *parser) checkRotate(base place) {
	rotate, kept := p.def.rotate, map[string]cty.Value{}
	if rotate == nil {
		return
	}
	at := base.with("key", unknownKey("name", "expires_at", "ttl"))
	if len(rotate.candidate) > 0 {
		at = at.with("candidate", p.checkCandidate(base, rotate.candidate))
	}
	p.checkSteps(at, base.with("key", unknownKey("name")), rotate.calls, kept)
	now := func() place { return at.answered().with("saved", cty.ObjectVal(maps.Clone(kept))) }
	p.checkSave(now(), rotate.save, kept)
	previous := map[string]cty.Value{}
	for _, member := range rotate.connection {
		field := p.def.Connection.Lookup(member.name)
		if field == nil {
			p.add(member.at, "unknown connection field", "There is no connection field %q; %s", member.name, instead(member.name, p.def.Connection.Names()))
			continue
		}
		t := field.Type.WithoutOptionalAttributesDeep()
		p.checkAll(now(), wantType{t}, member.expr)
		previous[member.name] = cty.UnknownVal(t)
		if field.Sensitive {
			previous[member.name] = sensitive(previous[member.name])
		}
	}
	p.checkRetire(base.with("previous", cty.ObjectVal(previous)), kept)
	for _, list := range rotate.lists {
		p.checkStrays(base, list)
	}
}

// checkCandidate returns candidate.* as the requests see it.
func (p *parser) checkCandidate(at place, candidate []named) cty.Value {
	at.random = true
	chosen := map[string]cty.Value{}
	for _, member := range candidate {
		value := p.checkOne(at, wantText, member.expr)
		plain, _ := value.UnmarkDeep()
		chosen[member.name] = sensitive(cty.UnknownVal(plain.Type()).RefineNotNull())
	}
	return cty.ObjectVal(chosen)
}

func (p *parser) checkRetire(at place, kept map[string]cty.Value) {
	kept = maps.Clone(kept)
	for name := range kept {
		kept[name] = cty.DynamicVal // kept as JSON, which forgets the type
	}
	for _, step := range p.def.rotate.retire {
		p.checkStep(func() place { return at.with("saved", cty.ObjectVal(maps.Clone(kept))) }, step, kept)
	}
}

func (p *parser) checkStrays(at place, list *listBlock) {
	if list.step == "lookup" {
		at = at.with("key", unknownKey("name"))
		p.checkCall(at, list.call)
		p.checkItems(at.answered(), list)
	} else {
		p.checkList(at, list)
	}
	if previous := find(list.item, "previous"); previous != nil {
		item := at.answered().with("items", cty.DynamicVal).with("item", cty.DynamicVal)
		p.checkAll(item, wantObject, previous)
	}
}

// checkRotateNeeds looks at what the parts of rotate need from each other.
func (p *parser) checkRotateNeeds() {
	rotate := p.def.rotate
	if rotate == nil {
		return
	}
	if !slices.ContainsFunc(rotate.connection, func(m named) bool { return p.def.Connection.Lookup(m.name).Sensitive }) {
		p.add(rotate.at, "no new credential", "connection must give a sensitive field its new value: that is the credential.")
	}
	made := rotate.made()
	p.checkCandidateUse(rotate.candidate, made)
	p.checkUndos(rotate.calls)
	p.checkRetireNamesOld()
	if len(rotate.lists) == 0 {
		return
	}
	if len(rotate.retire) == 0 {
		p.add(rotate.lists[0].at, "list without retire", "What this finds is removed by retire, and there is none: write it, or leave the %s out.", rotate.lists[0].step)
		return
	}
	if !mentionsOf("key", made...)["name"] {
		p.add(rotate.at, "missing key.name", "The %s finds a new credential by its name, so the request must send key.name.", rotate.lists[0].step)
	}
	for _, list := range rotate.lists {
		p.checkStraySuffices(list)
	}
}

// checkCandidateUse: what is chosen and never sent is a mistake.
func (p *parser) checkCandidateUse(candidate []named, exprs []hclsyntax.Expression) {
	used := mentionsOf("candidate", exprs...)
	for _, member := range candidate {
		if !used[member.name] {
			p.add(member.at, "candidate without use", "No request mentions candidate.%s: send it, or leave it out.", member.name)
		}
	}
}

// checkRetireNamesOld: retire runs with the new credential, so connection.*
// there is the new one, and deleting that would leave none.
func (p *parser) checkRetireNamesOld() {
	rotate := p.def.rotate
	changed := mentions{}
	for _, member := range rotate.connection {
		changed[member.name] = true
	}
	for _, step := range rotate.retire {
		exprs := present(append(step.path.expressions(), step.query, step.body))
		for _, expr := range exprs {
			for _, one := range mentionsIn(expr) {
				if one.root == "connection" && changed[one.attribute] {
					p.add(one.at, "names the new credential", "In retire connection.%s has its new value already: write previous.%s for the old one.", one.attribute, one.attribute)
				}
			}
		}
		if step.method == "DELETE" && len(mentionsOf("saved", exprs...))+len(mentionsOf("previous", exprs...)) == 0 {
			p.add(step.at, "retire without a credential", "retire must say which credential: a saved value, or previous.NAME.")
		}
	}
}

// checkStraySuffices: what is listed must be enough for one step of retire at
// least, and the steps that it is not enough for must have a condition.
func (p *parser) checkStraySuffices(list *listBlock) {
	rotate := p.def.rotate
	kept, previous := rotate.kept(), writtenNames(find(list.item, "previous"))
	enough := false
	for _, step := range rotate.retire {
		lacks := func(one mention) bool {
			return one.root == "saved" && kept[one.attribute] && find(list.item, one.attribute) == nil ||
				one.root == "previous" && !slices.Contains(previous, one.attribute)
		}
		missing := slices.DeleteFunc(mentionsInAll(step.expressions()), func(one mention) bool { return !lacks(one) })
		enough = enough || len(missing) == 0
		if step.when != nil {
			continue
		}
		for _, one := range missing {
			if one.root == "saved" {
				p.add(one.at, "not known of a stray", "A credential found by %s needs it too: add %s = item.… to its item.", list.step, one.attribute)
			} else {
				p.add(one.at, "not known of a stray", "A credential found by %s has no previous.%s: add previous = { %s = item.… } to its item.", list.step, one.attribute, one.attribute)
			}
		}
		enough = enough || len(missing) > 0 // told already
	}
	if !enough {
		p.add(list.at, "not enough to retire", "No step of retire can do with what item gives: add what one of them mentions, such as old_id = item.id.")
	}
}
