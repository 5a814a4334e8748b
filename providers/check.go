package providers

import (
	"maps"
	"slices"
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// check evaluates every expression with unknown values of the declared types,
// so that a wrong name, function or type is found when a definition is loaded,
// and then looks at what the blocks need from each other.
func (p *parser) check() {
	d := p.def
	base := place{names: map[string]cty.Value{"connection": unknownFields(d.Connection)}}
	if d.base != nil {
		p.checkAll(base, wantText, d.base.expressions()...)
	}
	base = base.with("base_url", cty.UnknownVal(cty.String).RefineNotNull())
	p.checkAuth(base, d.auth)
	p.checkErrors(base)
	if d.check != nil {
		p.checkCall(base, d.check)
	}
	withRole := base.with("role", unknownFields(d.Role))
	saved, secret := p.checkIssue(withRole)
	p.checkListing(withRole)
	existing := withRole.
		with("saved", saved).
		with("secret", secret)
	p.checkRevoke(existing.with("key", unknownKey("name", "id")))
	if d.extend != nil {
		at := existing.with("key", unknownKey("name", "id", "expires_at", "ttl"))
		p.checkCall(at, d.extend.call)
		p.checkGrant(at.answered(), d.extend.grant)
	}
	if d.probe != nil {
		at := base.with("secret", secret)
		p.checkCall(at, d.probe.call)
		p.checkAll(at.answered(), wantVerdict, d.probe.alive, d.probe.dead)
	}
	p.checkRotate(base)
	if p.any() {
		return
	}
	d.derive()
	p.checkNeeds()
	p.checkRotateNeeds()
	p.checkOptional(withRole)
	p.checkUse()
}

// keyTypes are the attributes of key.*.
var keyTypes = map[string]cty.Type{
	"name": cty.String, "id": cty.String, "expires_at": cty.String, "ttl": cty.Number, "cidrs": cty.List(cty.String), "ips": cty.List(cty.String),
}

// unknownKey is key.* with some of its attributes.
func unknownKey(names ...string) cty.Value {
	attributes := map[string]cty.Value{}
	for _, name := range names {
		attributes[name] = cty.UnknownVal(keyTypes[name]).RefineNotNull()
	}
	return cty.ObjectVal(attributes)
}

// checkCall checks one request and what is read from its answer.
func (p *parser) checkCall(at place, c *call) {
	p.checkAll(at, wantText, c.path.values()...)
	p.checkAll(at, wantBool, c.path.conditions()...)
	p.checkAll(at, wantBool, c.when)
	p.checkAll(at, wantObject, c.query, c.headers)
	for _, name := range writtenNames(c.headers) {
		if err := checkHeader(name, ""); err != nil {
			p.add(c.headers.Range(), "bad header", "%s.", capital(err))
		}
	}
	switch c.format {
	case formBody, multipartBody:
		p.checkAll(at, wantObject, c.body)
	case rawBody:
		p.checkAll(at, wantText, c.body)
	default:
		p.checkAll(at, wantAny, c.body)
	}
	p.checkAuth(at, c.auth)
	if c.anyStatus {
		p.checkAll(at.answered(), wantVerdict, c.ok)
	} else {
		p.checkAll(at.answered(), wantBool, c.ok)
	}
	p.checkAll(at.answered(), wantVerdict, c.gone)
}

func (p *parser) checkAuth(at place, uses []*authUse) {
	for _, use := range uses {
		p.checkAll(at, wantBool, use.when)
		kind := authKinds[use.kind]
		for _, arg := range use.args {
			argument := kind.arguments[arg.name]
			p.checkAll(at.withAll(argument.adds), wantType{argument.kind}, arg.expr)
			if value, err := constantOf(arg.expr); err == nil && !argument.allows(value) {
				p.add(arg.expr.Range(), "bad "+arg.name, "%s is one of %s.", arg.name, strings.Join(argument.enum, ", "))
			}
		}
		if use.request != nil {
			p.checkCall(at, use.request)
		}
		if kind.check != nil {
			p.addAll(kind.check(use.authBlock))
		}
	}
}

func (p *parser) checkErrors(at place) {
	p.checkAll(at.answered(), wantAny, p.def.errors.message)
	p.checkAll(at.answered(), wantVerdict, p.def.errors.refused, p.def.errors.unauthorized, p.def.errors.throttled)
}

// checkIssue walks the steps in order, each seeing what the earlier ones
// saved, and returns saved.* and secret.* as later blocks see them.
func (p *parser) checkIssue(at place) (saved, secret cty.Value) {
	issue, kept := p.def.issue, map[string]cty.Value{}
	at = at.with("key", unknownKey("name", "expires_at", "ttl", "cidrs", "ips"))
	undo := at.with("key", unknownKey("name"))
	if len(issue.candidate) > 0 {
		at = at.with("candidate", p.checkCandidate(at, issue.candidate))
	}
	now := func() place { return at.with("saved", cty.ObjectVal(maps.Clone(kept))) }
	p.checkSteps(at, undo, issue.calls, kept)
	at = at.answered()
	p.checkSave(now(), issue.save, kept)
	p.checkAll(now(), wantText, issue.id)
	p.checkGrant(now(), issue.grant)
	fields := map[string]cty.Value{}
	for i, member := range issue.secret {
		want := wanted(wantAny)
		if i == 0 {
			want = wantText // by this value a leaked key is recognised
		}
		p.checkAll(now(), want, member.expr)
		fields[member.name] = sensitive(cty.DynamicVal)
	}
	for name := range kept {
		kept[name] = cty.DynamicVal // kept as JSON, which forgets the type
	}
	return cty.ObjectVal(kept), cty.ObjectVal(fields)
}

// checkSteps walks ordered requests, each seeing what the earlier ones saved,
// with their undos, which stand at a place of their own.
func (p *parser) checkSteps(at, undo place, calls []*call, kept map[string]cty.Value) {
	for _, step := range calls {
		p.checkStep(func() place { return at.with("saved", cty.ObjectVal(maps.Clone(kept))) }, step, kept)
		if step.undo != nil {
			p.checkCall(undo.with("saved", cty.ObjectVal(maps.Clone(kept))), step.undo)
		}
	}
}

// checkStep checks a request with its poll and adds what they save to kept.
func (p *parser) checkStep(now func() place, step *call, kept map[string]cty.Value) {
	p.checkCall(now(), step)
	p.checkSave(now().answered(), step.save, kept)
	if step.poll != nil {
		p.checkCall(now().answered(), step.poll.call)
		p.checkAll(now().answered(), wantVerdict, step.poll.until, step.poll.failed)
		p.checkSave(now().answered(), step.poll.save, kept)
	}
}

// checkSave checks each member and adds it, with the type it will have, to kept.
func (p *parser) checkSave(at place, members []named, kept map[string]cty.Value) {
	made := map[string]cty.Value{}
	for _, member := range members {
		value := p.checkOne(at, wantAny, member.expr)
		marked := len(value.Marks()) > 0
		made[member.name] = cty.UnknownVal(value.Type())
		if marked {
			made[member.name] = sensitive(made[member.name])
		}
	}
	maps.Copy(kept, made)
}

func (p *parser) checkRevoke(at place) {
	kept := at.names["saved"].AsValueMap()
	if kept == nil {
		kept = map[string]cty.Value{}
	}
	now := func() place { return at.with("saved", cty.ObjectVal(maps.Clone(kept))) }
	for _, step := range p.def.revoke {
		p.checkStep(now, step, kept)
	}
}

// checkListing checks list and lookup.
func (p *parser) checkListing(at place) {
	if list := p.def.list; list != nil {
		p.checkList(at, list)
	}
	if lookup := p.def.lookup; lookup != nil {
		at := at.with("key", unknownKey("name"))
		p.checkCall(at, lookup.call)
		p.checkItems(at.answered(), lookup)
	}
}

// checkList checks a list, also as its first page sees it, where page
// attributes are still null.
func (p *parser) checkList(at place, list *listBlock) {
	p.checkNext(list)
	p.checkPages(at, list, cty.DynamicVal)
	if !p.any() {
		p.checkPages(at, list, cty.NullVal(cty.DynamicPseudoType))
	}
}

func (p *parser) checkPages(at place, list *listBlock, each cty.Value) {
	attributes := map[string]cty.Value{}
	for _, name := range list.pages {
		attributes[name] = each
	}
	if list.pagination != nil {
		attributes[list.pagination.pageAttribute()] = list.pagination.unknownValue()
	}
	p.checkPageNames(list)
	at = at.with("page", cty.ObjectVal(attributes))
	p.checkCall(at, list.call)
	p.checkItems(at.answered(), list)
	after := at.answered().with("items", cty.DynamicVal)
	p.checkAll(after, wantObject, list.next)
	p.checkPagination(after, list)
}

// checkPageNames makes sure that next, or pagination, sets every attribute of page
// that the block uses: another name would be null for ever.
func (p *parser) checkPageNames(list *listBlock) {
	set := writtenNames(list.next)
	if list.pagination != nil {
		set = []string{list.pagination.pageAttribute()}
	}
	if len(set) == 0 && list.next != nil {
		return // next is computed in a way that does not show its names
	}
	for _, expr := range list.expressions() {
		for _, one := range mentionsIn(expr) {
			if one.root == "page" && one.attribute != "" && !slices.Contains(set, one.attribute) {
				p.add(one.at, "page attribute never set", "Neither next nor pagination sets %q: %s", one.attribute, instead(one.attribute, set))
			}
		}
	}
}

func (p *parser) checkItems(at place, block *listBlock) {
	p.checkAll(at, wantList, block.items)
	at = at.with("items", cty.DynamicVal).with("item", cty.DynamicVal)
	for _, member := range block.item {
		want := wanted(wantAny)
		switch member.name {
		case "id", "name":
			want = wantText
		case "secret":
			want = wantObject
		}
		p.checkAll(at, want, member.expr)
	}
}
