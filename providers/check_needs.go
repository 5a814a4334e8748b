package providers

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// checkNeeds looks at what the blocks need from each other.
func (p *parser) checkNeeds() {
	d := p.def
	listings := d.listings()
	if d.issue.id == nil && len(listings) == 0 {
		p.add(d.issue.at, "missing id", "Without id = … the key can only be found by its name: write id, or a list or lookup block.")
	}
	key := mentionsOf("key", d.issue.expressions()...)
	if !key["name"] && len(listings) > 0 {
		p.add(d.issue.at, "missing key.name", "list and lookup find keys by name, so issue must send key.name.")
	}
	if d.Expiry.bounds() && !key["expires_at"] && !key["ttl"] {
		p.add(d.issue.at, "expiry without use", "The expiry block bounds key.expires_at and key.ttl, and issue mentions neither: send one, or leave the block out.")
	}
	if d.Networks != (Networks{}) && !d.Capabilities.IPBinding {
		p.add(d.issue.at, "cidrs without use", "The cidrs block bounds key.cidrs and key.ips, and issue mentions neither: send one, or leave the block out.")
	}
	p.checkCandidateUse(d.issue.candidate, d.issue.expressions())
	p.checkUndos(d.issue.calls)
	p.checkRevokeNamesKey()
	for _, block := range listings {
		p.checkListingSuffices(block)
	}
	if d.extend != nil {
		if !d.extendsByTime() && len(d.extend.grant.expressions()) == 0 {
			p.add(d.extend.at, "extend without an end", "Nobody would know the new end: send key.expires_at or key.ttl, or, where the provider chooses, read it back with expires_at or expires_in, or write expiry { fixed = … }.")
		}
	}
	if d.probe != nil && len(mentionsOf("secret", d.probe.requestExpressions()...)) == 0 {
		p.add(d.probe.at, "probe without the key", "probe must send the key, secret.NAME: it asks whether the key works.")
	}
	if d.lookup != nil && !mentionsOf("key", d.lookup.requestExpressions()...)["name"] {
		p.add(d.lookup.at, "lookup without a name", "lookup must send key.name; a block that reads all keys is called list.")
	}
}

// bounds reports whether the expiry block says anything about ends that issue
// chooses.
func (x Expiry) bounds() bool {
	return x.Minimum > 0 || x.Maximum > 0 || x.Granularity > 0 || len(x.Allowed) > 0
}

func (d *Definition) listings() []*listBlock {
	var found []*listBlock
	for _, block := range []*listBlock{d.list, d.lookup} {
		if block != nil {
			found = append(found, block)
		}
	}
	return found
}

// checkUndos: when a later step can fail, the first step that changes
// something needs an undo; it may cover what later steps build on it.
func (p *parser) checkUndos(calls []*call) {
	for i, step := range calls {
		if step.method == "GET" {
			continue
		}
		if i < len(calls)-1 && step.undo == nil && len(step.save) > 0 {
			p.add(step.at, "missing undo", `A later step may fail, so this one needs an undo { … }, which takes back what it made.`)
		}
		return
	}
}

// checkRevokeNamesKey: a revoke that says nothing about the key would delete
// something else.
func (p *parser) checkRevokeNamesKey() {
	var exprs []hclsyntax.Expression
	for _, step := range p.def.revoke {
		exprs = append(exprs, step.requestExpressions()...)
	}
	if len(mentionsOf("key", exprs...))+len(mentionsOf("saved", exprs...))+len(mentionsOf("secret", exprs...)) == 0 {
		p.add(p.def.revoke[0].at, "revoke without a key", "revoke must say which key: key.id, key.name or a saved value.")
	}
}

// checkListingSuffices: what is found in a list must be enough to revoke it.
func (p *parser) checkListingSuffices(block *listBlock) {
	d := p.def
	listed := mentionsOf("role", block.expressions()...)
	secrets := writtenNames(find(block.item, "secret"))
	for _, expr := range d.existing() {
		for _, one := range mentionsIn(expr) {
			switch {
			case one.root == "role" && !listed[one.attribute]:
				p.add(one.at, "not known of a listed key", "A key found by %s has no role; mention role.%s in %s too, or put the value into its item and save, and write saved.%s here.", block.block, one.attribute, block.block, one.attribute)
			case one.root == "saved" && d.needs.saved[one.attribute] && find(block.item, one.attribute) == nil:
				p.add(one.at, "not known of a listed key", "A key found by %s needs it too: add %s = item.… to its item.", block.block, one.attribute)
			case one.root == "secret" && !slices.Contains(secrets, one.attribute):
				p.add(one.at, "not known of a listed key", "A key found by %s has no secret: without secret = { %s = item.… } in its item it cannot be revoked; add that, or leave %s out.", block.block, one.attribute, block.block)
			}
		}
	}
}

// existing are the expressions of revoke, which must work for a listed key.
func (d *Definition) existing() []hclsyntax.Expression {
	var exprs []hclsyntax.Expression
	for _, step := range d.revoke {
		exprs = append(exprs, step.expressions()...)
	}
	return exprs
}

// checkOptional computes the requests with every optional field left out: what
// then fails would fail for the first role that does so.
func (p *parser) checkOptional(at place) {
	d := p.def
	sparse := at.
		with("connection", p.leftOut(d.Connection)).
		with("role", p.leftOut(d.Role)).
		with("key", unknownKey("name", "id", "expires_at", "ttl", "cidrs", "ips"))
	for _, name := range []string{"saved", "secret", "page", "candidate", "previous"} {
		sparse = sparse.with(name, cty.DynamicVal)
	}
	sparse = sparse.answered() // of an earlier step
	for _, c := range d.calls() {
		p.checkPathFields(c)
	}
	// A rotation that lacks a field for its path is refused before it begins.
	for _, c := range slices.Concat(d.calls(), d.rotate.all()) {
		for _, expr := range present([]hclsyntax.Expression{c.query, c.headers, c.body}) {
			p.checkLeftOut(sparse, expr)
		}
	}
}

func (p *parser) leftOut(fields Fields) cty.Value {
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

func (p *parser) checkLeftOut(sparse place, expr hclsyntax.Expression) {
	_, found := p.meter.evaluate(expr, sparse.names)
	for _, d := range found {
		if d.Severity != hcl.DiagError || d.Subject == nil {
			continue
		}
		p.add(*d.Subject, "fails without optional fields", "When every optional field is left out this cannot be computed: make the field required, give it a default, or write role.x == null ? null : …")
		return
	}
}

// checkPathFields: a path cannot do without any of its values.
func (p *parser) checkPathFields(c *call) {
	if c.path.when != nil {
		return // the condition may be about just that
	}
	for _, part := range c.path.parts {
		traversal, ok := bare(part.value).(*hclsyntax.ScopeTraversalExpr)
		if !ok {
			continue
		}
		one := mentionsIn(traversal)[0]
		fields := map[string]Fields{"role": p.def.Role, "connection": p.def.Connection}[one.root]
		if field := fields.Lookup(one.attribute); field != nil && !field.Required && field.Default == nil {
			p.add(one.at, "optional field in a path", "A path cannot do without it: make the %s field %q required, give it a default, or choose between two paths with a condition.", one.root, one.attribute)
		}
	}
}

// calls are all requests of the definition.
func (d *Definition) calls() []*call {
	all := []*call{d.check}
	if d.extend != nil {
		all = append(all, d.extend.call)
	}
	for _, step := range slices.Concat(d.issue.calls, d.revoke) {
		all = append(all, step, step.undo)
		if step.poll != nil {
			all = append(all, step.poll.call)
		}
	}
	for _, block := range d.listings() {
		all = append(all, block.call)
	}
	if d.probe != nil {
		all = append(all, d.probe.call)
	}
	return slices.DeleteFunc(all, func(c *call) bool { return c == nil })
}
