package definition

import (
	"cmp"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
)

// checkNeeds looks at what the blocks need from each other.
func (p *parser) checkNeeds() {
	d := p.def
	listings := d.listings()
	if d.Issue.ID == nil && !d.findsByName() {
		p.add(d.Issue.at, "missing id", "Without id = … the key can only be found by its name: write id, or a list or lookup block.")
	}
	key := expr.ReferencesTo("key", d.Issue.expressions()...)
	p.checkInPlace()
	if !key["name"] && d.findsByName() {
		p.add(d.Issue.at, "missing key.name", "list and lookup find keys by name, so issue must send key.name; where keys have no names, and nothing else could carry one, say unnamed = true in list.")
	}
	if d.Unnamed != nil && d.Required.Revoking.Key["name"] {
		p.add(d.Revoke[0].at, "revoke by name", "A key that is listed without a name cannot be revoked by key.name: write key.id, or a saved value.")
	}
	if d.Expiry.bounds() && !key["expires_at"] && !key["ttl"] {
		p.add(d.Issue.at, "expiry without use", "The expiry block bounds key.expires_at and key.ttl, and issue mentions neither: send one, or leave the block out.")
	}
	if d.Networks != (Networks{}) && !d.Capabilities.IPBinding {
		p.add(d.Issue.at, "cidrs without use", "The cidrs block bounds key.cidrs and key.ips, and issue mentions neither: send one, or leave the block out.")
	}
	p.checkCandidateUse(d.Issue.Candidate, d.Issue.expressions())
	if !d.Issue.InPlace {
		p.checkUndos(d.Issue.Calls)
	}
	p.checkRevokeNamesKey()
	if d.ListFirst && d.Listing() == nil {
		p.add(d.Revoke[0].at, "list_first without a list", "There is no list that could be read first: write one, or make the look a step of revoke, with gone.")
	}
	for _, block := range listings {
		p.checkListingSuffices(block)
	}
	if d.Extend != nil && !d.ExtendsByTime() && len(d.Extend.Grant.expressions()) == 0 {
		p.add(d.Extend.at, "extend without an end", "Nobody would know the new end: send key.expires_at or key.ttl, or, where the provider chooses, read it back with expires_at or expires_in, or write expiry { fixed = … }.")
	}
	if d.Probe != nil && len(expr.ReferencesTo("secret", d.Probe.requestExpressions()...)) == 0 {
		p.add(d.Probe.at, "probe without the key", "probe must send the key, secret.NAME: it asks whether the key works.")
	}
	p.checkUniqueEnds()
	if d.Lookup != nil && !expr.ReferencesTo("key", d.Lookup.requestExpressions()...)["name"] && !d.findsByEnd() {
		p.add(d.Lookup.at, "lookup without a name", "lookup must send key.name; a block that reads all keys is called list. Only where keys have no names, and an end that the provider keeps to the microsecond, may items choose by has_unique_end(item's end, key.name).")
	}
}

// findsByEnd reports whether a lookup knows the key by its end, in the place of a name.
func (d *Definition) findsByEnd() bool {
	return d.Lookup != nil && expr.Calls("has_unique_end", d.Lookup.Items)
}

// checkUniqueEnds: an end by which a key is found is given to it when it is made, and kept
// whenever it is moved.
func (p *parser) checkUniqueEnds() {
	d := p.def
	gives := expr.Calls("unique_end", d.Issue.expressions()...)
	switch {
	case d.findsByEnd() && !gives:
		p.add(d.Issue.at, "missing unique_end", "lookup finds a key by its end, so issue must send unique_end(key.expires_at, key.name) as the end.")
	case d.findsByEnd() && d.Unnamed == nil:
		p.add(d.Lookup.at, "has_unique_end with names", "A key with a name is found by that; where keys have none, say so in a list { unnamed = true … } beside the lookup: one whose id is known is seen there, whatever became of its end.")
	case gives && !d.findsByEnd():
		p.add(d.Issue.at, "unique_end without use", "Nothing finds a key by its end: choose by has_unique_end(…, key.name) in items of a lookup, or send rfc3339(key.expires_at).")
	case gives && d.Extend != nil && !expr.Calls("unique_end", d.Extend.expressions()...):
		p.add(d.Extend.at, "end without its mark", "lookup finds a key by its end, so extend must send unique_end(key.expires_at, key.name) too.")
	}
}

// checkInPlace: a credential that is replaced in place is known by an id of the thing
// that it belongs to. It cannot be found, moved or taken back: others use it.
func (p *parser) checkInPlace() {
	d := p.def
	if !d.Issue.InPlace {
		return
	}
	const because = "a credential that is replaced in place is the only one, and others use it too: "
	for _, list := range d.listings() {
		p.add(list.at, "list of one", because+"leave %s out, since there are no keys of ours to be found.", list.Block)
	}
	if d.Extend != nil {
		p.add(d.Extend.at, "extend of a static key", because+"no lease is renewed, so leave extend out.")
	}
	for _, step := range d.Issue.Calls {
		if step.Undo != nil {
			p.add(step.Undo.at, "undo in place", because+"the one before is gone for good, so leave undo out.")
		}
	}
	if !d.Capabilities.KnownID {
		p.add(d.Issue.at, "id of an answer", because+"id says which one it is before the request, such as id = role.application_id, and needs nothing of an answer.")
	}
	if by := d.Required.Revoking; by.Key["name"] || !by.Key["id"] {
		p.add(d.Revoke[0].at, "revoke by name", because+"revoke names it by key.id, and not by key.name.")
	}
}

// bounds reports whether the expiry block says anything about ends that issue
// chooses.
func (x Expiry) bounds() bool {
	return x.Minimum > 0 || x.Maximum > 0 || x.Granularity > 0 || len(x.Allowed) > 0
}

func (d *Definition) listings() []*ListBlock {
	var found []*ListBlock
	for _, block := range []*ListBlock{d.List, d.Unnamed, d.Lookup} {
		if block != nil {
			found = append(found, block)
		}
	}
	return found
}

// Listing is the list of all keys, be they named or not; nil where there is none.
func (d *Definition) Listing() *ListBlock { return cmp.Or(d.List, d.Unnamed) }

// findsByName reports whether a key can be found by the name that was chosen for it.
func (d *Definition) findsByName() bool { return d.List != nil || d.Lookup != nil }

// checkUndos: when a later step can fail, the first step that changes
// something needs an undo; it may cover what later steps build on it.
func (p *parser) checkUndos(calls []*Call) {
	for i, step := range calls {
		if step.Method == "GET" {
			continue
		}
		if step.ForEach != nil {
			p.add(step.ForEach.Range(), "for_each without an undo", "Some of these requests may have been made when one fails: let them come after a step with an undo { … } that takes back what they made too.")
		}
		if i < len(calls)-1 && step.Undo == nil && len(step.Save) > 0 {
			p.add(step.at, "missing undo", `A later step may fail, so this one needs an undo { … }, which takes back what it made.`)
		}
		return
	}
}

// checkRevokeNamesKey: a revoke that says nothing about the key would delete
// something else.
func (p *parser) checkRevokeNamesKey() {
	var exprs []hclsyntax.Expression
	for _, step := range p.def.Revoke {
		exprs = append(exprs, step.requestExpressions()...)
	}
	if len(expr.ReferencesTo("key", exprs...))+len(expr.ReferencesTo("saved", exprs...))+len(expr.ReferencesTo("secret", exprs...)) == 0 {
		p.add(p.def.Revoke[0].at, "revoke without a key", "revoke must say which key: key.id, key.name or a saved value.")
	}
}

// checkListingSuffices: what is found in a list must be enough to revoke it.
func (p *parser) checkListingSuffices(block *ListBlock) {
	d := p.def
	listed := expr.ReferencesTo("role", block.expressions()...)
	secrets := expr.WrittenNames(expr.Find(block.Item, "secret"))
	for _, expression := range d.existing() {
		for _, one := range expr.ReferencesIn(expression) {
			switch {
			case one.Root == "role" && !listed[one.Attribute]:
				p.add(one.At, "not known of a listed key", "A key found by %s has no role; mention role.%s in %s too, or put the value into its item and save, and write saved.%s here.", block.Block, one.Attribute, block.Block, one.Attribute)
			case one.Root == "saved" && d.Required.Saved[one.Attribute] && expr.Find(block.Item, one.Attribute) == nil:
				p.add(one.At, "not known of a listed key", "A key found by %s needs it too: add %s = item.… to its item.", block.Block, one.Attribute)
			case one.Root == "secret" && !slices.Contains(secrets, one.Attribute):
				p.add(one.At, "not known of a listed key", "A key found by %s has no secret: without secret = { %s = item.… } in its item it cannot be revoked; add that, or leave %s out.", block.Block, one.Attribute, block.Block)
			}
		}
	}
}

// existing are the expressions of revoke, which must work for a listed key.
func (d *Definition) existing() []hclsyntax.Expression {
	var exprs []hclsyntax.Expression
	for _, step := range d.Revoke {
		exprs = append(exprs, step.Expressions()...)
	}
	return exprs
}

// checkOptional computes the requests with every optional field left out: what
// then fails would fail for the first role that does so.
func (p *parser) checkOptional(at staticScope) {
	d := p.def
	sparse := at.
		with("connection", p.leftOut(d.Connection)).
		with("role", p.leftOut(d.Role)).
		with("key", unknownKey("name", "id", "expires_at", "ttl", "cidrs", "ips"))
	for _, name := range []string{"saved", "secret", "page", "candidate", "previous", "each"} {
		sparse = sparse.with(name, cty.DynamicVal)
	}
	sparse = sparse.withResponse() // of an earlier step
	d.visit(func(at requestPosition, c *Call) {
		// A rotation that lacks a field for its path is refused before it begins.
		if !at.isToken() && !at.inRotate() {
			p.checkPathFields(c)
		}
	})
	for _, c := range d.requests() {
		for _, expr := range expr.Present([]hclsyntax.Expression{c.Query, c.Headers, c.Body}) {
			p.checkLeftOut(sparse, expr)
		}
	}
	if d.Shared != nil {
		for _, expr := range d.Shared.expressions(JSONBody) {
			p.checkLeftOut(sparse, expr)
		}
	}
}

func (p *parser) leftOut(fields field.Fields) cty.Value {
	attributes := map[string]cty.Value{}
	for _, field := range fields {
		t := field.Type.WithoutOptionalAttributesDeep()
		attributes[field.Name] = cty.UnknownVal(t).RefineNotNull()
		if !field.Required && field.Default == nil {
			attributes[field.Name] = cty.NullVal(t)
		}
	}
	return cty.ObjectVal(attributes)
}

func (p *parser) checkLeftOut(sparse staticScope, expr hclsyntax.Expression) {
	_, found := p.meter.Evaluate(expr, sparse.names)
	for _, d := range found {
		if d.Severity != hcl.DiagError || d.Subject == nil {
			continue
		}
		p.add(*d.Subject, "fails without optional fields", "When every optional field is left out this cannot be computed: make the field required, give it a default, or write role.x == null ? null : …")
		return
	}
}

// checkPathFields: a path cannot do without any of its values.
func (p *parser) checkPathFields(c *Call) {
	if c.Path.When != nil {
		return // the condition may be about just that
	}
	for _, part := range c.Path.Parts {
		traversal, ok := expr.Bare(part.Value).(*hclsyntax.ScopeTraversalExpr)
		if !ok {
			continue
		}
		one := expr.ReferencesIn(traversal)[0]
		fields := map[string]field.Fields{"role": p.def.Role, "connection": p.def.Connection}[one.Root]
		if field := fields.Lookup(one.Attribute); field != nil && !field.Required && field.Default == nil {
			p.add(one.At, "optional field in a path", "A path cannot do without it: make the %s field %q required, give it a default, or choose between two paths with a condition.", one.Root, one.Attribute)
		}
	}
}
