package definition

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// check evaluates every expression with unknown values of the declared types,
// so that a wrong name, function or type is found when a definition is loaded,
// and then looks at what the blocks need from each other.
func (p *parser) check() {
	d := p.def
	base := staticScope{names: map[string]cty.Value{"connection": field.UnknownFields(d.Connection)}}
	if d.base != nil {
		p.checkAll(base, wantText, d.base.expressions()...)
	}
	base = base.with("base_url", cty.UnknownVal(cty.String).RefineNotNull())
	p.checkAuth(base, d.Auth)
	p.checkShared(base)
	p.checkErrors(base)
	if d.Check != nil {
		p.checkCall(base, d.Check)
	}
	withRole := base.with("role", field.UnknownFields(d.Role))
	p.checkValidations(withRole)
	saved, secret := p.checkIssue(withRole)
	p.checkListing(withRole)
	existing := withRole.
		with("saved", saved).
		with("secret", secret)
	p.checkExisting(existing.with("key", unknownKey("name", "id")), d.Revoke)
	if d.Extend != nil {
		at := existing.with("key", unknownKey("name", "id", "expires_at", "ttl"))
		p.checkActualExpiry(p.checkExisting(at, d.Extend.Calls).withResponse(), d.Extend.Grant)
	}
	if d.Probe != nil {
		at := base.with("secret", secret)
		p.checkCall(at, d.Probe.Call)
		p.checkAll(at.withResponse(), wantStatusCondition, d.Probe.Alive, d.Probe.Dead)
	}
	p.checkRotate(base)
	if d.Rotate != nil {
		p.checkAll(withRole.with("saved", saved), wantBool, d.Rotate.RevokesKeys)
	}
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
func (p *parser) checkCall(at staticScope, c *Call) {
	if c.Shared == nil || c.Path != c.Shared.Path {
		p.checkPath(at, c.Path)
	}
	p.checkAll(at, wantObject, c.Query, c.Headers)
	p.checkHeaderNames(c.Headers)
	switch c.Format {
	case FormBody, MultipartBody:
		p.checkAll(at, wantObject, c.Body)
	case rawBody:
		p.checkAll(at, wantText, c.Body)
	default:
		p.checkAll(at, wantAny, c.Body)
	}
	p.checkAuth(at, c.Auth)
	p.checkGiven(at, c)
	switch {
	case c.AnyStatus:
		p.checkAll(at.withResponse(), wantStatusCondition, c.OK)
	case c.Shared == nil || c.OK != c.Shared.OK:
		p.checkAll(at.withResponse(), wantBool, c.OK)
	}
	p.checkAll(at.withResponse(), wantStatusCondition, c.Gone)
}

func (p *parser) checkPath(at staticScope, path *pathTemplate) {
	p.checkAll(at, wantText, path.Values()...)
	p.checkAll(at, wantBool, path.conditions()...)
}

func (p *parser) checkHeaderNames(headers hclsyntax.Expression) {
	for _, name := range expr.WrittenNames(headers) {
		if err := transport.CheckHeader(name, ""); err != nil {
			p.add(headers.Range(), "bad header", "%s.", expr.Capital(err))
		}
	}
}

// checkShared checks what all requests have in common, where nothing is known but the
// connection.
func (p *parser) checkShared(at staticScope) {
	shared := p.def.Shared
	if shared == nil {
		return
	}
	if shared.Path != nil {
		p.checkPath(at, shared.Path)
	}
	p.checkAll(at, wantObject, shared.Query, shared.Headers, shared.JSON)
	p.checkHeaderNames(shared.Headers)
	p.checkAll(at.withResponse(), wantBool, shared.OK)
}

// checkCommonSecrets: a request that does not carry the connection's credential must not
// get it by way of what all requests have in common.
func (p *parser) checkCommonSecrets(c *Call) {
	if c.Credential == AdminCredential || c.Shared == nil {
		return
	}
	used := expr.ReferencesTo("connection", c.Shared.expressions(c.Format)...)
	for _, field := range p.def.Connection {
		if field.Sensitive && used[field.Name] {
			p.add(c.at, "credential in common", "requests mentions connection.%s, and this request must not carry the connection's credential: give it another by credential = { … }, or leave %s out of requests.", field.Name, field.Name)
		}
	}
}

// checkGiven: a request that carries another credential than the connection's must give
// all of it, since what it leaves out is the connection's own.
func (p *parser) checkGiven(at staticScope, c *Call) {
	if c.Credential != GivenCredential {
		p.checkCommonSecrets(c)
		return
	}
	given := map[string]bool{}
	for _, member := range c.Given {
		field := p.def.Connection.Lookup(member.Name)
		if field == nil {
			p.add(member.At, "unknown connection field", "There is no connection field %q; %s", member.Name, suggest.Instead(member.Name, p.def.Connection.Names()))
			continue
		}
		given[member.Name] = true
		p.checkAll(at, wantType{field.Type.WithoutOptionalAttributesDeep()}, member.Expr)
	}
	var carried []hclsyntax.Expression
	for _, use := range p.def.Auth {
		carried = append(carried, use.expressions()...)
	}
	if c.Shared != nil {
		carried = append(carried, c.Shared.expressions(c.Format)...)
	}
	used := expr.ReferencesTo("connection", carried...)
	for _, field := range p.def.Connection {
		if field.Sensitive && used[field.Name] && !given[field.Name] {
			p.add(c.at, "credential in part", "Without %s = … in credential this request would carry the connection's own: write which it is, such as secret.%s, or null for none.", field.Name, field.Name)
		}
	}
}

func (p *parser) checkAuth(at staticScope, uses []*AuthUse) {
	for _, use := range uses {
		p.checkAll(at, wantBool, use.When)
		kind := auth.Kinds[use.Kind]
		for _, arg := range use.Args {
			argument := kind.Arguments[arg.Name]
			p.checkAll(at.withAll(argument.Adds), wantType{argument.Kind}, arg.Expr)
			if value, err := expr.ConstantOf(arg.Expr); err == nil && !argument.Allows(value) {
				p.add(arg.Expr.Range(), "bad "+arg.Name, "%s is one of %s.", arg.Name, strings.Join(argument.Enum, ", "))
			}
		}
		if use.Request != nil {
			p.checkCall(at, use.Request)
		}
		if kind.Check != nil {
			p.addAll(kind.Check(use.Block))
		}
	}
}

func (p *parser) checkErrors(at staticScope) {
	p.checkAll(at.withResponse(), wantAny, p.def.Errors.Message)
	p.checkAll(at.withResponse(), wantStatusCondition, p.def.Errors.Refused, p.def.Errors.Unauthorized, p.def.Errors.Throttled)
}

// checkIssue walks the steps in order, each seeing what the earlier ones
// saved, and returns saved.* and secret.* as later blocks see them.
func (p *parser) checkIssue(at staticScope) (saved, secret cty.Value) {
	issue, kept := p.def.Issue, map[string]cty.Value{}
	at = at.with("key", unknownKey("name", "expires_at", "ttl", "cidrs", "ips"))
	undo := at.with("key", unknownKey("name"))
	if len(issue.Candidate) > 0 {
		at = at.with("candidate", p.checkCandidate(at, issue.Candidate))
	}
	now := func() staticScope { return at.with("saved", cty.ObjectVal(maps.Clone(kept))) }
	p.checkSteps(at, undo, issue.Calls, kept)
	at = at.withResponse()
	p.checkSave(now(), issue.Save, kept)
	p.checkAll(now(), wantText, issue.ID)
	p.checkActualExpiry(now(), issue.ActualExpiry)
	p.checkGranted(now(), issue.Granted)
	fields := map[string]cty.Value{}
	for i, member := range issue.Secret {
		want := wanted(wantAny)
		if i == 0 {
			want = wantText // by this value a leaked key is recognised
		}
		p.checkAll(now(), want, member.Expr)
		fields[member.Name] = expr.Sensitive(cty.DynamicVal)
	}
	for name := range kept {
		kept[name] = cty.DynamicVal // kept as JSON, which forgets the type
	}
	return cty.ObjectVal(kept), cty.ObjectVal(fields)
}

// checkGranted: what the answer tells is compared with the role field of the same name.
func (p *parser) checkGranted(at staticScope, granted []expr.Member) {
	for _, member := range granted {
		if p.def.Role.Lookup(member.Name) == nil {
			p.add(member.At, "unknown role field", "There is no role field %q; %s granted says of role fields what the key has got.", member.Name, suggest.Instead(member.Name, p.def.Role.Names()))
		}
		p.checkAll(at, wantAny, member.Expr)
	}
}

// checkSteps walks ordered requests, each seeing what the earlier ones saved,
// with their undos, which stand at a place of their own.
func (p *parser) checkSteps(at, undo staticScope, calls []*Call, kept map[string]cty.Value) {
	for _, step := range calls {
		p.checkStep(func() staticScope { return at.with("saved", cty.ObjectVal(maps.Clone(kept))) }, step, kept)
		if step.Undo != nil {
			p.checkCall(undo.with("saved", cty.ObjectVal(maps.Clone(kept))), step.Undo)
		}
	}
}

// checkStep checks a request with its poll and adds what they save to kept.
func (p *parser) checkStep(now func() staticScope, step *Call, kept map[string]cty.Value) {
	p.checkAll(now(), wantBool, step.When)
	each := p.checkForEach(now(), step.ForEach)
	now = func(now func() staticScope) func() staticScope {
		return func() staticScope { return now().withAll(each) }
	}(now)
	p.checkCall(now(), step)
	p.checkSave(now().withResponse(), step.Save, kept)
	if step.Poll != nil {
		p.checkCall(now().withResponse(), step.Poll.Call)
		p.checkAll(now().withResponse(), wantStatusCondition, step.Poll.Until, step.Poll.Failed)
		p.checkSave(now().withResponse(), step.Poll.Save, kept)
	}
	if step.ForEach != nil {
		for _, member := range step.AllSaved() {
			kept[member.Name] = listOf(kept[member.Name])
		}
	}
}

// checkForEach returns each.* as the request sees it; nil where it is made once.
func (p *parser) checkForEach(at staticScope, forEach hclsyntax.Expression) map[string]cty.Value {
	if forEach == nil {
		return nil
	}
	value, _ := p.checkOne(at, wantElements, forEach).UnmarkDeep()
	key, element := cty.DynamicVal, cty.DynamicVal
	switch t := value.Type(); {
	case t.IsListType() || t.IsSetType():
		key, element = cty.UnknownVal(cty.Number).RefineNotNull(), cty.UnknownVal(t.ElementType())
	case t.IsTupleType():
		key = cty.UnknownVal(cty.Number).RefineNotNull()
	case t.IsMapType():
		key, element = cty.UnknownVal(cty.String).RefineNotNull(), cty.UnknownVal(t.ElementType())
	case t.IsObjectType():
		key = cty.UnknownVal(cty.String).RefineNotNull()
	}
	return map[string]cty.Value{"each": cty.ObjectVal(map[string]cty.Value{"key": key, "value": element})}
}

// listOf is what a step with for_each saves: a list of what each of its requests does.
func listOf(value cty.Value) cty.Value {
	if len(value.Marks()) > 0 {
		return expr.Sensitive(cty.DynamicVal)
	}
	return cty.DynamicVal
}

// checkSave checks each member and adds it, with the type it will have, to kept.
func (p *parser) checkSave(at staticScope, members []expr.Member, kept map[string]cty.Value) {
	made := map[string]cty.Value{}
	for _, member := range members {
		value := p.checkOne(at, wantAny, member.Expr)
		marked := len(value.Marks()) > 0
		made[member.Name] = cty.UnknownVal(value.Type())
		if marked {
			made[member.Name] = expr.Sensitive(made[member.Name])
		}
	}
	maps.Copy(kept, made)
}

// checkExisting checks ordered requests about a key that exists, and returns the place
// after the last.
func (p *parser) checkExisting(at staticScope, calls []*Call) staticScope {
	kept := at.names["saved"].AsValueMap()
	if kept == nil {
		kept = map[string]cty.Value{}
	}
	now := func() staticScope { return at.with("saved", cty.ObjectVal(maps.Clone(kept))) }
	for _, step := range calls {
		p.checkStep(now, step, kept)
	}
	return now()
}

// checkListing checks list and lookup.
func (p *parser) checkListing(at staticScope) {
	if list := p.def.List; list != nil {
		p.checkList(at, list)
	}
	if list := p.def.Unnamed; list != nil {
		p.checkList(at, list)
	}
	if lookup := p.def.Lookup; lookup != nil {
		p.checkList(at.with("key", unknownKey("name")), lookup)
	}
}

// checkList checks a list or lookup after its steps, also as its first page sees it,
// where page attributes are still null, and returns the place once its answer has come.
func (p *parser) checkList(at staticScope, list *ListBlock) staticScope {
	kept := map[string]cty.Value{}
	for _, step := range list.Steps {
		each := p.checkForEach(at, step.ForEach)
		after := p.checkEveryPage(at.withAll(each), step)
		if step.Items != nil {
			after = after.with("items", cty.DynamicVal)
		}
		p.checkSave(after, step.Save, kept)
		if step.ForEach != nil {
			for _, member := range step.Save {
				kept[member.Name] = listOf(kept[member.Name])
			}
		}
		at = at.with("saved", cty.ObjectVal(maps.Clone(kept)))
	}
	return p.checkEveryPage(at.withAll(p.checkForEach(at, list.ForEach)), list)
}

// checkEveryPage returns the place once an answer has come.
func (p *parser) checkEveryPage(at staticScope, list *ListBlock) staticScope {
	if list.ByName {
		p.checkCall(at, list.Call)
		p.checkItems(at.withResponse(), list)
		return at.withResponse()
	}
	p.checkNext(list)
	after := p.checkPages(at, list, cty.DynamicVal)
	if !p.any() {
		p.checkPages(at, list, cty.NullVal(cty.DynamicPseudoType))
	}
	return after
}

func (p *parser) checkPages(at staticScope, list *ListBlock, each cty.Value) staticScope {
	attributes := map[string]cty.Value{}
	for _, name := range list.Pages {
		attributes[name] = each
	}
	if list.Pagination != nil {
		attributes[list.Pagination.PageAttribute()] = list.Pagination.unknownValue()
	}
	p.checkPageNames(list)
	at = at.with("page", cty.ObjectVal(attributes))
	p.checkCall(at, list.Call)
	p.checkItems(at.withResponse(), list)
	after := at.withResponse().with("items", cty.DynamicVal)
	p.checkAll(after, wantObject, list.Next)
	p.checkPagination(after, list)
	return at.withResponse()
}

// checkPageNames makes sure that next, or pagination, sets every attribute of page
// that the block uses: another name would be null for ever.
func (p *parser) checkPageNames(list *ListBlock) {
	set := expr.WrittenNames(list.Next)
	if list.Pagination != nil {
		set = []string{list.Pagination.PageAttribute()}
	}
	if len(set) == 0 && list.Next != nil {
		return // next is computed in a way that does not show its names
	}
	for _, expression := range list.ownExpressions() {
		for _, one := range expr.ReferencesIn(expression) {
			if one.Root == "page" && one.Attribute != "" && !slices.Contains(set, one.Attribute) {
				p.add(one.At, "page attribute never set", "Neither next nor pagination sets %q: %s", one.Attribute, suggest.Instead(one.Attribute, set))
			}
		}
	}
}

func (p *parser) checkItems(at staticScope, block *ListBlock) {
	p.checkAll(at, wantList, block.Items)
	at = at.with("items", cty.DynamicVal).with("item", cty.DynamicVal)
	p.checkAll(at, wantBool, block.Skip)
	for _, member := range block.Item {
		want := wanted(wantAny)
		switch member.Name {
		case "id", "name":
			want = wantText
		case "secret":
			want = wantObject
		}
		p.checkAll(at, want, member.Expr)
	}
}
