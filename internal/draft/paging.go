package draft

import (
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// pages say how a list goes on: what its query holds, and the attribute next.
type pages struct {
	query []string
	next  string
}

// Names, as plainName gives them, of what pages a list.
var (
	limitNames  = []string{"limit", "perpage", "pagesize", "page[size]", "page[limit]", "maxresults"}
	offsetNames = []string{"offset", "skip", "page[offset]", "start"}
	numberNames = []string{"page", "pagenumber", "pagenum", "page[number]", "currentpage"}
	afterNames  = []string{"after", "startingafter", "cursor", "pagetoken", "pagecursor", "page[after]", "marker", "bookmark", "continuationtoken", "afterid"}
	nextNames   = []string{"nextcursor", "nextpagetoken", "nexttoken", "continuationtoken", "cursor", "next", "endcursor", "lastid"}
)

func queryNamed(o *operation, names []string) *openapi3.Parameter {
	for _, p := range o.parameters() {
		if p.In == openapi3.ParameterInQuery && slices.Contains(names, plainName(p.Name)) {
			return p
		}
	}
	return nil
}

// paging is how the document pages the list.
func (w *writer) paging(items list) pages {
	var p pages
	place := "body"
	if items.place != nil {
		place = items.place.text("body")
	}
	size := 0
	if limit := queryNamed(w.list, limitNames); limit != nil && !limit.Required {
		size = 100
		if limit.Schema != nil && limit.Schema.Value != nil && limit.Schema.Value.Max != nil {
			size = min(size, int(*limit.Schema.Value.Max))
		}
		p.query = append(p.query, fmt.Sprintf("%s = %d", key(limit.Name), size))
	}
	after, number, offset := queryNamed(w.list, afterNames), queryNamed(w.list, numberNames), queryNamed(w.list, offsetNames)
	switch next := w.nextIn(items); {
	case after != nil && next != nil:
		p.query = append(p.query, key(after.Name)+" = page.cursor")
		text := next.text("body")
		p.next = fmt.Sprintf("next = %s != null && %s != \"\" ? { cursor = %s } : null\n", text, text, text)
	case after != nil:
		p.query = append(p.query, key(after.Name)+" = page.cursor")
		p.next = fmt.Sprintf("%swhat is the next %s, and how does the last page show? Here it is the last item's id\nnext = length(items) > 0 ? { cursor = items[length(items) - 1].id } : null\n", open, after.Name)
	case number != nil:
		first := 1
		if s := number.Schema; s != nil && s.Value != nil && (s.Value.Min != nil && *s.Value.Min == 0 || fmt.Sprint(s.Value.Default) == "0") {
			first = 0
		}
		p.query = append(p.query, fmt.Sprintf("%s = coalesce(page.number, %d)", key(number.Name), first))
		p.next = fmt.Sprintf("next = length(%s) > 0 ? { number = coalesce(page.number, %d) + 1 } : null\n", place, first)
	case offset != nil:
		p.query = append(p.query, key(offset.Name)+" = coalesce(page.offset, 0)")
		p.next = fmt.Sprintf("next = length(%s) > 0 ? { offset = coalesce(page.offset, 0) + length(%s) } : null\n", place, place)
	case size > 0:
		p.next = open + "is the list paged beyond its limit? The document shows no way to go on\n"
	case strings.Contains(strings.ToLower(w.list.Description), "pag"):
		p.next = open + "the document speaks of pages: how does the list go on?\n"
	}
	return p
}

// nextIn is where an answer tells what comes next.
func (w *writer) nextIn(items list) *property {
	outside := slices.DeleteFunc(within(answerOf(w.list.Operation)), func(p *property) bool {
		return items.place != nil && leadsTo(items.place, p) || !isText(p)
	})
	return first(outside, nextNames, func(*property) bool { return true })
}
