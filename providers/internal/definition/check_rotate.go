package definition

import (
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
)

// checkRotate checks every expression of rotate at its place.
func (p *parser) checkRotate(base staticScope) {
	rotate, kept := p.def.Rotate, map[string]cty.Value{}
	if rotate == nil {
		return
	}
	at := base.with("key", unknownKey("name", "expires_at", "ttl"))
	if len(rotate.Candidate) > 0 {
		at = at.with("candidate", p.checkCandidate(base, rotate.Candidate))
	}
	p.checkSteps(at, base.with("key", unknownKey("name")), rotate.Calls, kept)
	now := func() staticScope { return at.withResponse().with("saved", cty.ObjectVal(maps.Clone(kept))) }
	p.checkSave(now(), rotate.Save, kept)
	previous := map[string]cty.Value{}
	for _, member := range rotate.Connection {
		field := p.def.Connection.Lookup(member.Name)
		if field == nil {
			p.add(member.At, "unknown connection field", "There is no connection field %q; %s", member.Name, suggest.Instead(member.Name, p.def.Connection.Names()))
			continue
		}
		t := field.Type.WithoutOptionalAttributesDeep()
		p.checkAll(now(), wantType{t}, member.Expr)
		previous[member.Name] = cty.UnknownVal(t)
		if field.Sensitive {
			previous[member.Name] = expr.Sensitive(previous[member.Name])
		}
	}
	p.checkRetire(base.with("previous", cty.ObjectVal(previous)), kept)
	for _, list := range rotate.Lists {
		p.checkStrays(base, list)
	}
}

// checkCandidate returns candidate.* as the requests see it.
func (p *parser) checkCandidate(at staticScope, candidate []expr.Member) cty.Value {
	at.random = true
	chosen := map[string]cty.Value{}
	for _, member := range candidate {
		value := p.checkOne(at, wantText, member.Expr)
		plain, _ := value.UnmarkDeep()
		chosen[member.Name] = expr.Sensitive(cty.UnknownVal(plain.Type()).RefineNotNull())
	}
	return cty.ObjectVal(chosen)
}

func (p *parser) checkRetire(at staticScope, kept map[string]cty.Value) {
	kept = maps.Clone(kept)
	for name := range kept {
		kept[name] = cty.DynamicVal // kept as JSON, which forgets the type
	}
	for _, step := range p.def.Rotate.Retire {
		p.checkStep(func() staticScope { return at.with("saved", cty.ObjectVal(maps.Clone(kept))) }, step, kept)
	}
}

func (p *parser) checkStrays(at staticScope, list *ListBlock) {
	if list.ByName {
		at = at.with("key", unknownKey("name"))
	}
	at = p.checkList(at, list)
	if previous := expr.Find(list.Item, "previous"); previous != nil {
		item := at.with("items", cty.DynamicVal).with("item", cty.DynamicVal)
		p.checkAll(item, wantObject, previous)
	}
}

// checkRotateNeeds looks at what the parts of rotate need from each other.
func (p *parser) checkRotateNeeds() {
	rotate := p.def.Rotate
	if rotate == nil {
		return
	}
	if !slices.ContainsFunc(rotate.Connection, func(m expr.Member) bool { return p.def.Connection.Lookup(m.Name).Sensitive }) {
		p.add(rotate.at, "no new credential", "connection must give a sensitive field its new value: that is the credential.")
	}
	made := rotate.made()
	p.checkCandidateUse(rotate.Candidate, made)
	p.checkUndos(rotate.Calls)
	p.checkRetireNamesOld()
	if len(rotate.Lists) == 0 {
		return
	}
	if len(rotate.Retire) == 0 {
		p.add(rotate.Lists[0].at, "list without retire", "What this finds is removed by retire, and there is none: write it, or leave the %s out.", rotate.Lists[0].Step)
		return
	}
	if !expr.ReferencesTo("key", made...)["name"] {
		p.add(rotate.at, "missing key.name", "The %s finds a new credential by its name, so the request must send key.name.", rotate.Lists[0].Step)
	}
	for _, list := range rotate.Lists {
		p.checkOrphanSuffices(list)
	}
}

// checkCandidateUse: what is chosen and never sent is a mistake.
func (p *parser) checkCandidateUse(candidate []expr.Member, exprs []hclsyntax.Expression) {
	used := expr.ReferencesTo("candidate", exprs...)
	for _, member := range candidate {
		if !used[member.Name] {
			p.add(member.At, "candidate without use", "No request mentions candidate.%s: send it, or leave it out.", member.Name)
		}
	}
}

// checkRetireNamesOld: retire runs with the new credential, so connection.*
// there is the new one, and deleting that would leave none.
func (p *parser) checkRetireNamesOld() {
	rotate := p.def.Rotate
	changed := expr.References{}
	for _, member := range rotate.Connection {
		changed[member.Name] = true
	}
	for _, step := range rotate.Retire {
		exprs := expr.Present(append(step.Path.expressions(), step.ForEach, step.Query, step.Body))
		for _, expression := range exprs {
			for _, one := range expr.ReferencesIn(expression) {
				if one.Root == "connection" && changed[one.Attribute] {
					p.add(one.At, "names the new credential", "In retire connection.%s has its new value already: write previous.%s for the old one.", one.Attribute, one.Attribute)
				}
			}
		}
		if step.Method == "DELETE" && len(expr.ReferencesTo("saved", exprs...))+len(expr.ReferencesTo("previous", exprs...)) == 0 {
			p.add(step.at, "retire without a credential", "retire must say which credential: a saved value, or previous.NAME.")
		}
	}
}

// checkStraySuffices: what is listed must be enough for one step of retire at
// least, and the steps that it is not enough for must have a condition.
func (p *parser) checkOrphanSuffices(list *ListBlock) {
	rotate := p.def.Rotate
	kept, previous := rotate.SavedForRetire(), expr.WrittenNames(expr.Find(list.Item, "previous"))
	enough := false
	for _, step := range rotate.Retire {
		lacks := func(one expr.Reference) bool {
			return one.Root == "saved" && kept[one.Attribute] && expr.Find(list.Item, one.Attribute) == nil ||
				one.Root == "previous" && !slices.Contains(previous, one.Attribute)
		}
		missing := slices.DeleteFunc(expr.ReferencesInAll(step.Expressions()), func(one expr.Reference) bool { return !lacks(one) })
		enough = enough || len(missing) == 0
		if step.When != nil {
			continue
		}
		for _, one := range missing {
			if one.Root == "saved" {
				p.add(one.At, "not known of an orphan", "A credential found by %s needs it too: add %s = item.… to its item.", list.Step, one.Attribute)
			} else {
				p.add(one.At, "not known of an orphan", "A credential found by %s has no previous.%s: add previous = { %s = item.… } to its item.", list.Step, one.Attribute, one.Attribute)
			}
		}
		enough = enough || len(missing) > 0 // told already
	}
	if !enough {
		p.add(list.at, "not enough to retire", "No step of retire can do with what item gives: add what one of them mentions, such as old_id = item.id.")
	}
}
