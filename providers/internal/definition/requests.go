package definition

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Request is one request that a definition makes, as it is written there: its
// expressions are source text, so it holds no credential.
type Request struct {
	// Block is where it stands, such as `issue step "account"`.
	Block string
	// Method is GET, POST, PUT, PATCH or DELETE; Path is appended to the base URL
	// unless it names a host.
	Method, Path string
	// Query, Headers and Body are expressions; empty where there are none.
	Query, Headers, Body string
	// Pages is how a list goes on, such as `cursor, after = body.next`; empty where the
	// request says it itself, or there is one page.
	Pages string
	// ForEach is the expression for whose elements the request is made; empty where it is
	// made once.
	ForEach string
	// When is the condition for it to be made, and Auth its own auth blocks, which are
	// then the only ones, or the credential that it gives the provider's; empty where
	// there are none.
	When, Auth string
	// Format is how Body is written: "json", "form", "multipart" or "raw"; empty
	// without a body.
	Format string
}

// Requests are all requests of the definition, in source order, but for the steps of a
// list, which come before its own request.
func (d *Definition) Requests() []Request {
	file, found := hclsyntax.ParseConfig(d.source, d.Name+".hcl", hcl.InitialPos)
	if found.HasErrors() {
		return nil // Parse has accepted the same text
	}
	body := file.Body.(*hclsyntax.Body)
	text := sourceText{source: d.source, locals: localsIn(body)}
	var requests []Request
	for _, provider := range body.Blocks {
		for _, block := range provider.Body.Blocks {
			switch block.Type {
			case "requests":
				text.shared = block.Body
			case "list":
				text.list = block.Body
			}
		}
		requests = append(requests, text.requestsIn(provider.Body, "provider", "")...)
	}
	return requests
}

// sourceText is a definition as it is written, with the expressions of its locals, what its
// requests have in common, and its list; nil where there is none.
type sourceText struct {
	source       []byte
	locals       map[string]hclsyntax.Expression
	shared, list *hclsyntax.Body
}

// makesRequest reports whether a block makes a request of its own: some make those of
// their steps instead.
func makesRequest(kind string, body *hclsyntax.Body) bool {
	switch kind {
	case "check", "step", "undo", "poll", "list", "lookup", "probe", "request":
		return true
	case "issue", "revoke", "extend", "rotate", "retire":
		return !slices.ContainsFunc(body.Blocks, func(block *hclsyntax.Block) bool { return block.Type == "step" })
	}
	return false
}

func (t sourceText) requestsIn(body *hclsyntax.Body, kind, where string) []Request {
	var before, after []Request // a block's steps come before its own request
	for _, block := range body.Blocks {
		if kind == "rotate" && t.list != nil && saysLess(block) {
			takeFrom(t.list, block.Body)
		}
		name := strings.Join(append([]string{block.Type}, quoted(block.Labels)...), " ")
		inside := t.requestsIn(block.Body, block.Type, strings.TrimSpace(where+" "+name))
		if block.Type == "step" {
			before = append(before, inside...)
		} else {
			after = append(after, inside...)
		}
	}
	if r, ok := t.requestOf(body, kind, where); ok {
		before = append(before, r)
	}
	return append(before, after...)
}

// requestOf is the request that a block of this kind makes; false where it makes none.
func (t sourceText) requestOf(body *hclsyntax.Body, kind, where string) (Request, bool) {
	if !makesRequest(kind, body) {
		return Request{}, false
	}
	r := Request{Block: where, Query: t.together(body, "query"), Headers: t.together(body, "headers"), ForEach: t.written(body, "for_each"), When: t.written(body, "when")}
	if credential := t.written(body, "credential"); credential != "" {
		r.Auth = "credential = " + credential
	}
	for _, block := range body.Blocks {
		if block.Type == "auth" {
			own := string(hcl.RangeBetween(block.TypeRange, block.CloseBraceRange).SliceBytes(t.source))
			r.Auth = strings.TrimPrefix(r.Auth+"\n"+own, "\n")
		}
	}
	r.Method, r.Path = t.methodOf(body)
	if r.Method == "" && t.shared != nil {
		r.Method, r.Path = t.methodOf(t.shared)
	}
	for _, attribute := range sortedAttributes(body) {
		switch {
		case attribute.Name == "json":
			r.Format, r.Body = attribute.Name, t.together(body, attribute.Name)
		case slices.Contains(bodyFormats, attribute.Name):
			r.Format, r.Body = attribute.Name, t.written(body, attribute.Name)
		}
	}
	for _, block := range body.Blocks {
		if block.Type == "pagination" && len(block.Labels) == 1 {
			r.Pages = t.pagesOf(block, strings.Contains(r.Path+r.Query+r.Headers+r.Body, "page."))
		}
	}
	return r, r.Method != ""
}

// pagesOf tells the parameters that a pagination adds to a request, unless the page is
// sent by the request itself, and what says which page is next.
func (t sourceText) pagesOf(block *hclsyntax.Block, sent bool) string {
	written := func(name, otherwise string) string {
		if text := strings.Trim(t.written(block.Body, name), `"`); text != "" {
			return text
		}
		return otherwise
	}
	said := []string{block.Labels[0]}
	switch kind := paginationKind(block.Labels[0]); {
	case kind == ByPage && !sent:
		said = append(said, written("parameter", "page")+" = "+written("first", "1")+" and on")
	case kind == ByOffset && !sent:
		said = append(said, written("parameter", "offset")+" = 0 and on")
	case kind == ByCursor && !sent:
		said = append(said, written("parameter", "")+" = "+written("next", ""))
	case written("next", "") != "":
		said = append(said, "next = "+written("next", ""))
	}
	if size := written("size_parameter", ""); size != "" {
		said = append(said, size+" = "+written("size", ""))
	}
	if more := written("more", ""); more != "" {
		said = append(said, "more = "+more)
	}
	return strings.Join(said, ", ")
}

// methodOf is the method that a body names, and the path; empty where it names none.
func (t sourceText) methodOf(body *hclsyntax.Body) (method, path string) {
	for _, attribute := range sortedAttributes(body) {
		if slices.Contains(methods, attribute.Name) {
			method, path = strings.ToUpper(attribute.Name), unquoted(t.written(body, attribute.Name))
		}
	}
	return method, path
}

// together is the text of an object with what all requests have in common beneath it.
func (t sourceText) together(body *hclsyntax.Body, name string) string {
	own, common := t.written(body, name), ""
	if t.shared != nil {
		common = t.written(t.shared, name)
	}
	switch {
	case common == "":
		return own
	case own == "":
		return common
	}
	return "merge(" + common + ", " + own + ")"
}

// written is the source text of an attribute's expression, with what locals stand for
// in their place; empty without one.
func (t sourceText) written(body *hclsyntax.Body, name string) string {
	attribute := body.Attributes[name]
	if attribute == nil {
		return ""
	}
	return t.resolved(attribute.Expr, 0)
}

// localsIn are the expressions of all locals of a definition's file.
func localsIn(file *hclsyntax.Body) map[string]hclsyntax.Expression {
	locals := map[string]hclsyntax.Expression{}
	for _, provider := range file.Blocks {
		for _, block := range provider.Body.Blocks {
			if block.Type != "locals" {
				continue
			}
			for name, attribute := range block.Body.Attributes {
				locals[name] = attribute.Expr
			}
		}
	}
	return locals
}

// resolved is an expression's text with its locals written out. A text inside a text
// becomes a part of it.
func (t sourceText) resolved(expression hclsyntax.Expression, depth int) string {
	at := expression.Range()
	text := string(at.SliceBytes(t.source))
	uses := expression.Variables()
	slices.SortFunc(uses, func(a, b hcl.Traversal) int { return b.SourceRange().Start.Byte - a.SourceRange().Start.Byte })
	for _, use := range uses {
		if use.RootName() != "local" || len(use) < 2 || depth > deepestLocals {
			continue
		}
		attribute, ok := use[1].(hcl.TraverseAttr)
		local := t.locals[attribute.Name]
		if !ok || local == nil {
			continue
		}
		stands := t.resolved(local, depth+1)
		from, to := use[0].SourceRange().Start.Byte-at.Start.Byte, use[1].SourceRange().End.Byte-at.Start.Byte
		if inner, isText := strings.CutPrefix(stands, `"`); isText && strings.HasSuffix(text[:from], "${") && strings.HasPrefix(text[to:], "}") {
			from, to, stands = from-2, to+1, strings.TrimSuffix(inner, `"`)
		}
		text = text[:from] + stands + text[to:]
	}
	return text
}

// deepestLocals bounds how deep locals stand in locals.
const deepestLocals = 16

// unquoted is the text inside one that stands alone, without its quotes.
func unquoted(text string) string {
	parsed, found := hclsyntax.ParseExpression([]byte(text), "", hcl.InitialPos)
	if _, alone := parsed.(*hclsyntax.TemplateExpr); found.HasErrors() || !alone {
		return text
	}
	return strings.TrimSuffix(strings.TrimPrefix(text, `"`), `"`)
}

func quoted(labels []string) []string {
	texts := make([]string, len(labels))
	for i, label := range labels {
		texts[i] = `"` + label + `"`
	}
	return texts
}
