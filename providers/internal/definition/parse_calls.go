package definition

import (
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
)

var (
	methods     = []string{"get", "post", "put", "patch", "delete"}
	bodyFormats = []string{"json", "form", "multipart", "raw"}
	// requestAttributes may stand in every block that makes a request.
	requestAttributes = slices.Concat(methods, bodyFormats, []string{"query", "headers", "ok", "response", "credential"})
	// requestBlocks may stand there too.
	requestBlocks = []string{"auth"}
)

// with is the names of a request block and those of its own.
func with(names []string, more ...string) []string { return slices.Concat(names, more) }

// readShared reads what all requests have in common:
//
//	requests {
//	  headers = { Accept = "application/vnd.acme.v2+json" }
//	  ok      = body.code == 0
//	}
func (p *parser) readShared(block *hclsyntax.Block) *SharedRequest {
	r := p.open(block.Body, "requests", with(methods, "query", "headers", "json", "ok"), nil)
	shared := &SharedRequest{
		Query:   r.expression("query"),
		Headers: r.expression("headers"),
		JSON:    r.expression("json"),
		OK:      r.expression("ok"),
	}
	if method := r.oneOf(methods); method != nil {
		shared.Method = strings.ToUpper(method.Name)
		shared.Path = p.readPath(method.Expr)
	}
	r.noComputedNames("query")
	r.noComputedNames("headers")
	return shared
}

func (p *parser) readCheck(block *hclsyntax.Block) *Call {
	r := p.open(block.Body, "check", requestAttributes, requestBlocks)
	c := r.call(block)
	c.AnyStatus = ReadsStatus(r.expression("ok"))
	return c
}

func (p *parser) readExtend(block *hclsyntax.Block) *ExtendBlock {
	extend := &ExtendBlock{at: block.DefRange()}
	var r *blockReader
	if steps := stepsOf(block); len(steps) > 0 {
		r = p.open(block.Body, "extend", actualExpiryAttributes, []string{"step"})
		extend.Calls = p.readSteps(r, steps, with(requestAttributes, "gone", "save", "when", "for_each"), with(requestBlocks, "poll"))
	} else {
		r = p.open(block.Body, "extend", slices.Concat(requestAttributes, actualExpiryAttributes, []string{"gone"}), with(requestBlocks, "step"))
		extend.Calls = []*Call{r.call(block)}
	}
	extend.Grant = r.actualExpiry()
	return extend
}

func (p *parser) readIssue(block *hclsyntax.Block) *IssueBlock {
	own := with(actualExpiryAttributes, "candidate", "id", "secret", "identify", "save", "granted", "in_place")
	issue := &IssueBlock{at: block.DefRange()}
	var r *blockReader
	if steps := stepsOf(block); len(steps) > 0 {
		r = p.open(block.Body, "issue", own, []string{"step"})
		issue.Calls = p.readSteps(r, steps, with(requestAttributes, "save", "when", "for_each"), with(requestBlocks, "undo", "poll"))
	} else {
		r = p.open(block.Body, "issue", with(requestAttributes, own...), with(requestBlocks, "step", "poll"))
		issue.Calls = []*Call{r.call(block)}
	}
	issue.InPlace = r.literalBool("in_place")
	issue.Candidate = r.object("candidate")
	issue.ID = r.expression("id")
	issue.Save = r.object("save")
	issue.Secret = r.object("secret")
	r.identify(issue.Secret)
	issue.ActualExpiry = r.actualExpiry()
	issue.Granted = r.object("granted")
	if r.attribute("secret") == nil {
		r.missing("secret", "it says where the key is in the answer, such as secret = { api_key = body.key }")
	} else if len(issue.Secret) == 0 && !p.any() {
		p.add(r.attribute("secret").Expr.Range(), "empty secret", "Name at least one field, such as { api_key = body.key }.")
	}
	return issue
}

// identify puts the field first by whose value a leaked key is recognised: the
// one that identify names, or else the first in source order.
func (r *blockReader) identify(secret []expr.Member) {
	name := r.literalString("identify")
	if name == "" {
		return
	}
	i := slices.IndexFunc(secret, func(member expr.Member) bool { return member.Name == name })
	if i < 0 {
		var names []string
		for _, member := range secret {
			names = append(names, member.Name)
		}
		r.p.add(r.attribute("identify").Expr.Range(), "unknown secret field", "identify names the field of secret that is the key itself, and there is no %q; %s", name, suggest.Instead(name, names))
		return
	}
	first := secret[i]
	copy(secret[1:i+1], secret[:i])
	secret[0] = first
}

// readRevoke returns the requests, and whether the list is read before them.
func (p *parser) readRevoke(block *hclsyntax.Block) (calls []*Call, listFirst bool) {
	if steps := stepsOf(block); len(steps) > 0 {
		r := p.open(block.Body, "revoke", []string{"list_first"}, []string{"step"})
		calls = p.readSteps(r, steps, with(requestAttributes, "gone", "looks", "save", "for_each"), with(requestBlocks, "poll"))
		return calls, r.literalBool("list_first")
	}
	r := p.open(block.Body, "revoke", with(requestAttributes, "gone", "list_first"), with(requestBlocks, "step", "poll"))
	return []*Call{r.call(block)}, r.literalBool("list_first")
}

func stepsOf(block *hclsyntax.Block) []*hclsyntax.Block {
	var steps []*hclsyntax.Block
	for _, inner := range block.Body.Blocks {
		if inner.Type == "step" {
			steps = append(steps, inner)
		}
	}
	return steps
}

// readSteps reads the ordered steps of issue, revoke, extend, rotate or retire.
func (p *parser) readSteps(r *blockReader, steps []*hclsyntax.Block, attributes, blocks []string) []*Call {
	var calls []*Call
	seen := map[string]bool{}
	for i, block := range steps {
		name, ok := p.stepName(r, block, seen)
		if !ok {
			continue
		}
		inner := p.open(block.Body, "step", attributes, blocks)
		c := inner.call(block)
		c.Block, c.Step = r.what, name
		if c.Poll != nil {
			c.Poll.Block, c.Poll.Step = r.what, name
		}
		c.Save, c.ForEach = inner.object("save"), inner.expression("for_each")
		if slices.Contains(attributes, "looks") {
			c.Looks = inner.looks(c, i == len(steps)-1)
		}
		if undo := inner.only("undo"); undo != nil {
			c.Undo = p.open(undo.Body, "undo", with(requestAttributes, "gone"), requestBlocks).call(undo)
			c.Undo.Step = name
			if c.ForEach != nil {
				p.add(undo.DefRange(), "undo for each", "A step with for_each is taken back by the undo of an earlier step, on which it builds.")
			}
		}
		calls = append(calls, c)
	}
	return calls
}

// looks reports whether a step only looks for what the later ones end, so that there
// is nothing to end where that is gone. A post does not tell by itself.
func (r *blockReader) looks(c *Call, last bool) bool {
	attribute := r.attribute("looks")
	switch {
	case attribute != nil:
		return r.literalBool("looks")
	case c.Method == http.MethodGet || len(c.Save) > 0:
		return true
	case c.Method == http.MethodPost && c.Gone != nil && !last:
		r.p.add(r.attribute("gone").NameRange, "gone of a post", "This step may look, or end something: write looks = true where the steps after it are not to be made when the thing is gone, and looks = false where they are.")
	}
	return false
}

// readKeyList reads the provider's list, whose keys may have no names.
func (p *parser) readKeyList(block *hclsyntax.Block) *ListBlock {
	if _, said := block.Body.Attributes["unnamed"]; !said {
		return p.readList(block, "id", "name")
	}
	list := p.readList(block, "id")
	if name := expr.Find(list.Item, "name"); list.Unnamed && name != nil {
		p.add(name.Range(), "unnamed list with a name", "What is listed under a name is found by it: leave unnamed out, or, where this is no name of ours, leave the name out.")
	}
	if !list.Unnamed && expr.Find(list.Item, "name") == nil {
		p.add(block.DefRange(), "missing item.name", "item must say what a listed key's name is, such as name = item.name; only with unnamed = true there is none.")
	}
	return list
}

// readList reads list, or lookup, which has no pages. Required are the
// attributes that item must have.
func (p *parser) readList(block *hclsyntax.Block, required ...string) *ListBlock {
	own, inner := []string{"items", "item", "skip", "unnamed", "next", "gone", "for_each"}, with(requestBlocks, "pagination", "step")
	if block.Type == "lookup" {
		own, inner = []string{"items", "item", "skip", "gone", "for_each"}, with(requestBlocks, "step")
	}
	r := p.open(block.Body, block.Type, with(requestAttributes, own...), inner)
	list := &ListBlock{
		Call:   r.call(block),
		ByName: block.Type == "lookup",
		Items:  r.expression("items"),
		Item:   r.object("item"),
		Skip:   r.expression("skip"),
		Next:   r.expression("next"),
	}
	if list.Items == nil {
		r.missing("items", "it says where the keys are in the answer, such as items = body.data")
	}
	for _, name := range required {
		if r.attribute("item") != nil && expr.Find(list.Item, name) == nil {
			p.add(r.attribute("item").Expr.Range(), "missing item."+name, "item must say what a listed key's %s is, such as %s = item.%s.", name, name, name)
		}
	}
	if r.attribute("item") == nil {
		r.missing("item", "it says how to read one listed key, such as item = { id = item.id, name = item.name }")
	}
	if slices.Contains(own, "unnamed") {
		list.Unnamed = r.literalBool("unnamed")
	}
	list.ForEach = r.expression("for_each")
	list.Pagination = r.readPagination(list.Call)
	list.Pages = list.pageAttributes()
	list.Steps = p.readListSteps(r)
	return list
}

// readListSteps reads the steps of a list or lookup, which come before its own request
// and may be lists themselves.
func (p *parser) readListSteps(r *blockReader) []*ListBlock {
	var steps []*ListBlock
	seen := map[string]bool{}
	for _, block := range r.blocks("step") {
		name, ok := p.stepName(r, block, seen)
		if !ok {
			continue
		}
		inner := p.open(block.Body, "step", with(requestAttributes, "gone", "items", "save", "for_each"), with(requestBlocks, "pagination"))
		step := &ListBlock{Call: inner.call(block), Items: inner.expression("items")}
		step.Block, step.Step = r.what, name
		step.Save, step.ForEach = inner.object("save"), inner.expression("for_each")
		step.Pagination = inner.readPagination(step.Call)
		step.Pages = step.pageAttributes()
		switch {
		case len(step.Save) == 0:
			inner.missing("save", "it says what the requests after it need of its answer, such as save = { ids = body.data[*].id }")
		case step.Pagination != nil && step.Items == nil:
			inner.missing("items", "it says what is gathered from the pages, such as items = body.data; save reads all of it as items")
		}
		steps = append(steps, step)
	}
	return steps
}

// stepName is the label of a step; seen are those of the block so far.
func (p *parser) stepName(r *blockReader, block *hclsyntax.Block, seen map[string]bool) (string, bool) {
	name, at, ok := r.label(block)
	if ok && seen[name] {
		p.add(at, "duplicate step", "Two steps are called %q: name each for what it does.", name)
	}
	seen[name] = true
	return name, ok
}

func (p *parser) readProbe(block *hclsyntax.Block) *ProbeBlock {
	r := p.open(block.Body, "probe", with(requestAttributes, "alive", "dead"), requestBlocks)
	return &ProbeBlock{Call: r.call(block).withoutAdmin(), Alive: r.expression("alive"), Dead: r.expression("dead")}
}

// call reads the request attributes of a block.
func (r *blockReader) call(block *hclsyntax.Block) *Call {
	c := &Call{
		Block:      block.Type,
		at:         block.DefRange(),
		Query:      r.expression("query"),
		Headers:    r.expression("headers"),
		OK:         r.expression("ok"),
		Gone:       r.expression("gone"),
		When:       r.expression("when"),
		Auth:       r.authUses(),
		Given:      r.object("credential"),
		Credential: AdminCredential,
		Shared:     r.p.shared,
	}
	switch given := r.attribute("credential"); {
	case len(r.blocks("auth")) > 0 && given != nil:
		r.p.add(given.NameRange, "two credentials", "An auth block of its own says what the request carries, and credential with what the provider's own is made: keep one.")
	case len(r.blocks("auth")) > 0:
		c.Credential = OwnCredential
	case given != nil:
		c.Credential = GivenCredential
	}
	r.methodOf(c)
	if c.OK == nil && c.Shared != nil {
		c.OK = c.Shared.OK
	}
	if body := r.oneOf(bodyFormats); body != nil {
		c.Format, c.Body = bodyFormat(body.Name), body.Expr
		if c.Method == "GET" {
			r.p.add(body.NameRange, "body in a get", "A get has no body: write query = { … }, or another method.")
		}
	}
	r.noComputedNames("query")
	r.noComputedNames("headers")
	switch response := r.literalString("response"); response {
	case "", "json":
	case "text":
		c.Text = true
	default:
		r.p.add(r.attribute("response").Expr.Range(), "bad response", `response is "json", as without it, or "text".`)
	}
	if poll := r.only("poll"); poll != nil {
		c.Poll = r.p.readPoll(poll)
		c.Poll.Block = c.Block
	}
	return c
}

// methodOf reads method and path, which are those of all requests where none are named.
func (r *blockReader) methodOf(c *Call) {
	switch method := r.oneOf(methods); {
	case method != nil:
		c.Method = strings.ToUpper(method.Name)
		c.Path = r.p.readPath(method.Expr)
	case c.Shared != nil && c.Shared.Method != "":
		c.Method, c.Path = c.Shared.Method, c.Shared.Path
	default:
		r.missing("a request", `name the method and the path in one attribute, such as get = "/keys"`)
	}
}

// withoutAdmin is the call without the connection's credential.
func (c *Call) withoutAdmin() *Call {
	if c.Credential == AdminCredential {
		c.Credential = noCredential
	}
	return c
}

// oneOf is the one attribute present among names, which exclude each other.
func (r *blockReader) oneOf(names []string) *hclsyntax.Attribute {
	var found *hclsyntax.Attribute
	for _, attribute := range sortedAttributes(r.body) {
		if !slices.Contains(names, attribute.Name) {
			continue
		}
		if found != nil {
			r.p.add(attribute.NameRange, "two of a kind", "%s and %s exclude each other: keep one.", found.Name, attribute.Name)
			continue
		}
		found = attribute
	}
	return found
}

// noComputedNames refuses ( ) names, so that no parameter can choose which
// header or query parameter it becomes.
func (r *blockReader) noComputedNames(name string) {
	object, ok := r.expression(name).(*hclsyntax.ObjectConsExpr)
	if !ok {
		return
	}
	for _, item := range object.Items {
		if _, err := expr.ConstantOf(item.KeyExpr); err != nil {
			r.p.add(item.KeyExpr.Range(), "computed name", "Names in %s must be written out.", name)
		}
	}
}

// authUses reads the auth blocks of a provider or request.
func (r *blockReader) authUses() []*AuthUse {
	var uses []*AuthUse
	for _, block := range r.blocks("auth") {
		kind, at, ok := r.label(block)
		if !ok {
			continue
		}
		known, ok := auth.Kinds[kind]
		if !ok {
			r.p.add(at, "unknown auth kind", "There is no auth kind %q; %s", kind, suggest.Instead(kind, expr.SortedNames(auth.Kinds)))
			continue
		}
		var inside []string
		if known.Request {
			inside = []string{"request"}
		}
		inner := r.p.open(block.Body, "auth \""+kind+"\"", append(expr.SortedNames(known.Arguments), "when"), inside)
		use := &AuthUse{Block: auth.Block{Kind: kind, At: block.DefRange(), When: inner.expression("when")}}
		if request := inner.only("request"); request != nil {
			use.Request = r.p.open(request.Body, "request", requestAttributes, requestBlocks).call(request).withoutAdmin()
			use.Request.Block, use.Request.ForToken, use.Request.NeedsBody = "auth", true, true
			if use.Request.Given != nil {
				r.p.add(request.Body.Attributes["credential"].NameRange, "credential of a token's request", "This request is made to get a credential, and carries none: send what it needs in its query, headers or body.")
			}
		} else if known.Request {
			inner.missing("request", `it says how to get the token, such as request { post = "/login" … }`)
		}
		for _, name := range expr.SortedNames(known.Arguments) {
			if attribute := inner.attribute(name); attribute != nil {
				use.Args = append(use.Args, expr.Member{Name: name, At: attribute.NameRange, Expr: attribute.Expr})
			} else if known.Arguments[name].Required {
				inner.missing(name, "this kind of auth cannot do without it")
			}
		}
		uses = append(uses, use)
	}
	return uses
}
