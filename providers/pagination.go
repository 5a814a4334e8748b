package providers

import (
	"net/http"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// pagination is how a list goes on, by the name of its kind, in place of a next that
// is written out.
type pagination struct {
	kind paginationKind
	at   hcl.Range
	// parameter and sizeParameter are query parameters; empty where the request says
	// itself how the page is asked for, or leaves its size to the provider.
	parameter, sizeParameter string
	size, first              int
	next, more               hclsyntax.Expression
}

// paginationKind is the label of a pagination block.
type paginationKind string

const (
	byPage   paginationKind = "page"
	byOffset paginationKind = "offset"
	byCursor paginationKind = "cursor"
	byLink   paginationKind = "link"
	byURL    paginationKind = "url"
)

// paginationKinds are the attributes of each kind, and what page.* has.
var paginationKinds = map[paginationKind]struct {
	attributes []string
	page       string
}{
	byPage:   {[]string{"parameter", "first", "size_parameter", "size", "more"}, "number"},
	byOffset: {[]string{"parameter", "size_parameter", "size", "more"}, "offset"},
	byCursor: {[]string{"parameter", "next", "size_parameter", "size", "more"}, "cursor"},
	byLink:   {[]string{"size_parameter", "size"}, "url"},
	byURL:    {[]string{"next", "size_parameter", "size"}, "url"},
}

// kindsOfPagination are the labels that a pagination block may have.
func kindsOfPagination() []string {
	var kinds []string
	for kind := range paginationKinds {
		kinds = append(kinds, string(kind))
	}
	slices.Sort(kinds)
	return kinds
}

// pageAttribute is what page.* has; "" without pagination.
func (g *pagination) pageAttribute() string {
	if g == nil {
		return ""
	}
	return paginationKinds[g.kind].page
}

// readPagination reads
//
//	pagination "page"   { parameter = "page", first = 1, size_parameter = "per_page", size = 100 }
//	pagination "offset" { parameter = "offset" }
//	pagination "cursor" { parameter = "after", next = body.next }
//	pagination "link"   { }
//	pagination "url"    { next = body.next_url }
func (r *blockReader) readPagination(c *call) *pagination {
	blocks := r.blocks("pagination")
	if len(blocks) == 0 {
		return nil
	}
	for _, block := range blocks[1:] {
		r.p.add(block.DefRange(), "duplicate block", "pagination stands once in %s: a list goes on in one way.", r.what)
	}
	name, at, ok := r.label(blocks[0])
	if !ok {
		return nil
	}
	kind, known := paginationKinds[paginationKind(name)]
	if !known {
		r.p.add(at, "unknown pagination", "There is no pagination %q; %s", name, instead(name, kindsOfPagination()))
		return nil
	}
	inner := r.p.open(blocks[0].Body, `pagination "`+name+`"`, kind.attributes, nil)
	g := &pagination{
		kind: paginationKind(name), at: blocks[0].DefRange(),
		parameter: inner.literalString("parameter"), sizeParameter: inner.literalString("size_parameter"),
		size: inner.literalInt("size"), first: inner.literalInt("first"),
		next: inner.expression("next"), more: inner.expression("more"),
	}
	if g.kind == byPage && inner.attribute("first") == nil {
		g.first = 1
	}
	inner.checkPagination(g, c)
	return g
}

// checkPagination finds what the attributes of a pagination need of each other, and of
// the request.
func (r *blockReader) checkPagination(g *pagination, c *call) {
	own := mentionsOf("page", c.requestExpressions()...)[g.pageAttribute()]
	switch {
	case slices.Contains(paginationKinds[g.kind].attributes, "next") && g.next == nil:
		r.missing("next", "it says where the next page is in the answer, such as next = body.next")
	case !slices.Contains(paginationKinds[g.kind].attributes, "parameter"):
		if c.method != http.MethodGet {
			r.p.add(g.at, "bad pagination", "The next page is a URL, which is read by get: write pagination \"cursor\" for another method.")
		}
	case own && g.parameter != "":
		r.p.add(g.at, "page sent twice", "The request sends page.%s itself: leave parameter out.", g.pageAttribute())
	case own:
	case g.parameter == "" && g.kind == byCursor:
		r.missing("parameter", "it says which query parameter takes the cursor, such as parameter = \"cursor\"; or send page.cursor in the request")
	case g.parameter == "":
		g.parameter = string(g.kind)
	}
	if (g.sizeParameter == "") != (g.size == 0) || g.size < 0 {
		r.p.add(g.at, "bad pagination", "size_parameter and size belong together: which query parameter says how many keys a page has, and how many, such as size_parameter = \"limit\" and size = 100.")
	}
}

// checkPagination checks what a pagination computes, and whether its end is sure.
func (p *parser) checkPagination(at place, l *listBlock) {
	g := l.pagination
	if g == nil {
		return
	}
	if l.next != nil {
		p.add(l.next.Range(), "two ways to go on", "next and pagination exclude each other: keep one.")
	}
	p.checkAll(at, wantText, g.next)
	p.checkAll(at, wantBool, g.more)
	if g.kind == byOffset && holds[*hclsyntax.ForExpr](l.items) || g.kind == byPage && g.more == nil && holds[*hclsyntax.ForExpr](l.items) {
		p.add(l.items.Range(), "items are counted", "pagination %q counts the items of a page, so items must be all that the answer holds: leave the for out; what has no id or no name of ours is passed over.", g.kind)
	}
	if g.kind == byPage && g.first < 0 {
		p.add(g.at, "bad pagination", "first is the number of the first page: 1, or 0.")
	}
}

// unknownValue is what page.* has, when a definition is checked: after the first page.
func (g *pagination) unknownValue() cty.Value {
	switch g.kind {
	case byPage, byOffset:
		return cty.UnknownVal(cty.Number).RefineNotNull()
	}
	return cty.DynamicVal
}
