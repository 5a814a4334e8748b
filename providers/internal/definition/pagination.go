package definition

import (
	"net/http"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/suggest"
)

// Pagination is how a list goes on, by the name of its kind, in place of a next that
// is written out.
type Pagination struct {
	// Kind is how the next page is asked for.
	Kind paginationKind
	at   hcl.Range
	// Parameter and SizeParameter are query parameters; empty where the request says
	// itself how the page is asked for, or leaves its size to the provider.
	Parameter, SizeParameter string
	// Size is how many items a page is asked to have, 0 for as many as the provider gives,
	// and First the number of the first page.
	Size, First int
	// Next is the cursor or address of the next page, null after the last; More is a
	// condition that holds while there is another. Nil where the block has none.
	Next, More hclsyntax.Expression
}

// paginationKind is the label of a pagination block.
type paginationKind string

const (
	// ByPage asks for the next number, ByOffset for what comes after so many items.
	ByPage paginationKind = "page"
	// ByOffset counts from 0.
	ByOffset paginationKind = "offset"
	// ByCursor asks with a text that the page before gave.
	ByCursor paginationKind = "cursor"
	byLink   paginationKind = "link"
	// ByURL asks at the address that the page before gave in its body.
	ByURL paginationKind = "url"
)

// paginationKinds are the attributes of each kind, and what page.* has.
var paginationKinds = map[paginationKind]struct {
	attributes []string
	page       string
}{
	ByPage:   {[]string{"parameter", "first", "size_parameter", "size", "more"}, "number"},
	ByOffset: {[]string{"parameter", "size_parameter", "size", "more"}, "offset"},
	ByCursor: {[]string{"parameter", "next", "size_parameter", "size", "more"}, "cursor"},
	byLink:   {[]string{"size_parameter", "size"}, "url"},
	ByURL:    {[]string{"next", "size_parameter", "size"}, "url"},
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

// PageAttribute is what page.* has; "" without pagination.
func (g *Pagination) PageAttribute() string {
	if g == nil {
		return ""
	}
	return paginationKinds[g.Kind].page
}

// readPagination reads
//
//	pagination "page"   { parameter = "page", first = 1, size_parameter = "per_page", size = 100 }
//	pagination "offset" { parameter = "offset" }
//	pagination "cursor" { parameter = "after", next = body.next }
//	pagination "link"   { }
//	pagination "url"    { next = body.next_url }
func (r *blockReader) readPagination(c *Call) *Pagination {
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
		r.p.add(at, "unknown pagination", "There is no pagination %q; %s", name, suggest.Instead(name, kindsOfPagination()))
		return nil
	}
	inner := r.p.open(blocks[0].Body, `pagination "`+name+`"`, kind.attributes, nil)
	g := &Pagination{
		Kind: paginationKind(name), at: blocks[0].DefRange(),
		Parameter: inner.literalString("parameter"), SizeParameter: inner.literalString("size_parameter"),
		Size: inner.literalInt("size"), First: inner.literalInt("first"),
		Next: inner.expression("next"), More: inner.expression("more"),
	}
	if g.Kind == ByPage && inner.attribute("first") == nil {
		g.First = 1
	}
	inner.checkPagination(g, c)
	return g
}

// checkPagination finds what the attributes of a pagination need of each other, and of
// the request.
func (r *blockReader) checkPagination(g *Pagination, c *Call) {
	own := expr.ReferencesTo("page", c.requestExpressions()...)[g.PageAttribute()]
	switch {
	case slices.Contains(paginationKinds[g.Kind].attributes, "next") && g.Next == nil:
		r.missing("next", "it says where the next page is in the answer, such as next = body.next")
	case !slices.Contains(paginationKinds[g.Kind].attributes, "parameter"):
		if c.Method != http.MethodGet {
			r.p.add(g.at, "bad pagination", "The next page is a URL, which is read by get: write pagination \"cursor\" for another method.")
		}
	case own && g.Parameter != "":
		r.p.add(g.at, "page sent twice", "The request sends page.%s itself: leave parameter out.", g.PageAttribute())
	case own:
	case g.Parameter == "" && g.Kind == ByCursor:
		r.missing("parameter", "it says which query parameter takes the cursor, such as parameter = \"cursor\"; or send page.cursor in the request")
	case g.Parameter == "":
		g.Parameter = string(g.Kind)
	}
	if (g.SizeParameter == "") != (g.Size == 0) || g.Size < 0 {
		r.p.add(g.at, "bad pagination", "size_parameter and size belong together: which query parameter says how many keys a page has, and how many, such as size_parameter = \"limit\" and size = 100.")
	}
}

// checkPagination checks what a pagination computes, and whether its end is sure.
func (p *parser) checkPagination(at staticScope, l *ListBlock) {
	g := l.Pagination
	if g == nil {
		return
	}
	if l.Next != nil {
		p.add(l.Next.Range(), "two ways to go on", "next and pagination exclude each other: keep one.")
	}
	p.checkAll(at, wantText, g.Next)
	p.checkAll(at, wantBool, g.More)
	if g.Kind == ByOffset && expr.Holds[*hclsyntax.ForExpr](l.Items) || g.Kind == ByPage && g.More == nil && expr.Holds[*hclsyntax.ForExpr](l.Items) {
		p.add(l.Items.Range(), "items are counted", "pagination %q counts the items of a page, so items must be all that the answer holds: leave the for out, and say which of them are keys of the past by skip, such as skip = item.revoked_at != null.", g.Kind)
	}
	if g.Kind == ByPage && g.First < 0 {
		p.add(g.at, "bad pagination", "first is the number of the first page: 1, or 0.")
	}
}

// unknownValue is what page.* has, when a definition is checked: after the first page.
func (g *Pagination) unknownValue() cty.Value {
	switch g.Kind {
	case ByPage, ByOffset:
		return cty.UnknownVal(cty.Number).RefineNotNull()
	}
	return cty.DynamicVal
}
