package contract

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Names that providers give to the parts of a paged list.
var (
	limitNames  = []string{"limit", "per_page", "perPage", "perpage", "page_size", "pageSize", "page[size]", "page[limit]"}
	offsetNames = []string{"offset", "skip", "page[offset]"}
	pageNames   = []string{"page", "page_number", "pageNumber", "page_num", "pageNum", "page[number]", "current_page"}
	afterNames  = []string{"after", "starting_after", "cursor", "page_token", "pageToken", "pageCursor", "page[after]", "marker", "bookmark", "before_id", "after_id", "continuationToken", "continuation_token"}

	paging = slices.Concat(limitNames, offsetNames, pageNames, afterNames)

	moreNames   = []string{"has_more", "hasMore", "has_next_page"}
	lastNames   = []string{"last_id", "lastId"}
	firstNames  = []string{"first_id", "firstId"}
	nextNames   = []string{"next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_token", "continuationToken", "next", "cursor"}
	linkNames   = []string{"next_page_uri", "next_page_url", "next_url", "nextLink", "next_link", "nextPage"}
	numberNames = []string{"next_page", "nextPageNumber"}
	totalNames  = []string{"total", "total_count", "totalCount"}
)

// list answers one page of what was made where the request looks.
func (c *call) list(w http.ResponseWriter) {
	status, response := success(c.route.Operation)
	schema := jsonSchema(response)
	if schema == nil {
		w.WriteHeader(status)
		return
	}
	here := c.here()
	page, more := c.page(here)
	values := &writer{server: c.Server, fill: c.rules.Fill[c.operation()]}
	body := values.value(schema, "", "", nil)
	if place, items := c.listPlace(values, schema); items != nil {
		body = put(body, place, c.elements(values.fill, items, place, page))
		c.mark(body, schema.Value, c.marks(page, len(here), more))
	}
	if more {
		w.Header().Set("Link", "<"+c.nextPage(page)+`>; rel="next"`)
	}
	c.write(w, status, jsonKind(response), body)
}

// here are the objects made by requests to the path that is listed, or all of
// their kind where the document makes nothing at that path, as the query filters them.
func (c *call) here() []*object {
	var made []*object
	place, makes := c.request.URL.Path, c.route.PathItem.Post != nil || c.route.PathItem.Put != nil
	if c.request.Method != http.MethodGet { // …/keys/search lists what …/keys makes
		makes = false
		if slices.Contains(listWords, c.lastWord()) {
			place = place[:strings.LastIndexAny(place, "/:")]
		}
	}
	called := func(*object) bool { return true }
	if c.onItem() { // …/keys/NAME lists those of the name
		place, makes = strings.TrimSuffix(place, "/"), false
		place = place[:strings.LastIndex(place, "/")]
		called = func(o *object) bool { return o.has(c.lastParam()) }
	}
	for _, object := range c.objects {
		if object.path == place && called(object) {
			made = append(made, object)
		}
	}
	if !makes && made == nil {
		made = c.objectsOf(kindsOf(c.route.Path), namedIn(c.route.Path, c.param))
	}
	return slices.DeleteFunc(slices.Clone(made), c.filteredOut)
}

// filteredOut says whether the query asks for another value of a property that
// the object has.
func (c *call) filteredOut(o *object) bool {
	for name, value := range c.query() {
		known, ok := scalarText(o.fields[name])
		if ok && known != value && !slices.Contains(paging, name) {
			return true
		}
	}
	return false
}

// page is the part of the objects that the query asks for.
func (c *call) page(all []*object) (part []*object, more bool) {
	size, start, paged := pageSize, 0, false
	for _, one := range c.pagingValues() {
		number, err := strconv.Atoi(one.value)
		switch {
		case slices.Contains(limitNames, one.name):
			if err == nil && number > 0 {
				size = min(size, number)
			}
		case slices.Contains(offsetNames, one.name):
			paged, start = true, number
		case slices.Contains(pageNames, one.name):
			paged = true
			if err == nil {
				start = (number - one.first) * pageSize
			}
		case slices.Contains(afterNames, one.name):
			paged = true
			start = 1 + slices.IndexFunc(all, func(o *object) bool { return o.is(one.value) })
		}
	}
	if !paged {
		return all, false
	}
	start = max(0, min(start, len(all)))
	end := min(start+size, len(all))
	return all[start:end], end < len(all)
}

// pagingValue is one that may say which page is wanted: a parameter of the query,
// or a property of the body; first is the number of the first page.
type pagingValue struct {
	name, value string
	first       int
}

func (c *call) pagingValues() []pagingValue {
	var found []pagingValue
	for _, parameter := range c.queryParameters() {
		found = append(found, pagingValue{parameter.Name, c.request.URL.Query().Get(parameter.Name), c.firstPage(parameter.Schema)})
	}
	schema := bodySchema(c.route.Operation, c.request.Header)
	if schema == nil {
		return found
	}
	sent, _ := c.body.(map[string]any)
	properties, _ := propertiesOf(schema)
	for name, property := range properties {
		text, _ := scalarText(sent[name])
		found = append(found, pagingValue{name, text, c.firstPage(property.NewRef())})
	}
	return found
}

func (c *call) queryParameters() []*openapi3.Parameter {
	var found []*openapi3.Parameter
	for _, list := range []openapi3.Parameters{c.route.PathItem.Parameters, c.route.Operation.Parameters} {
		for _, parameter := range list {
			if parameter.Value != nil && parameter.Value.In == openapi3.ParameterInQuery {
				found = append(found, parameter.Value)
			}
		}
	}
	return found
}

// firstPage is 0 where the document, or the case, counts pages from there.
func (c *call) firstPage(schema *openapi3.SchemaRef) int {
	if c.rules.FirstPage != nil {
		return *c.rules.FirstPage
	}
	if schema == nil || schema.Value == nil {
		return 1
	}
	s := schema.Value
	if s.Min != nil && *s.Min == 0 || s.Default != nil && scalarIs(s.Default, "0") {
		return 0
	}
	return 1
}

func scalarIs(value any, text string) bool {
	if number, ok := value.(float64); ok {
		return strconv.FormatFloat(number, 'f', -1, 64) == text
	}
	written, ok := scalarText(value)
	return ok && written == text
}

// listPlace finds the array of the answer that holds the things listed: the
// one whose elements have most properties in common with what was made.
func (c *call) listPlace(w *writer, schema *openapi3.SchemaRef) (place string, items *openapi3.SchemaRef) {
	best := -1
	for _, candidate := range w.arrays(schema, "", 0) {
		if likeness := c.likeness(w, candidate); likeness > best {
			best, place, items = likeness, candidate.place, candidate.items
		}
	}
	return place, items
}

type array struct {
	place string
	items *openapi3.SchemaRef
}

func (w *writer) arrays(schema *openapi3.SchemaRef, place string, depth int) []array {
	if schema == nil || schema.Value == nil || depth > 4 {
		return nil
	}
	var found []array
	s := schema.Value
	if s.Items != nil {
		found = append(found, array{place, s.Items})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		found = append(found, w.arrays(s.Properties[name], within(place, name), depth+1)...)
	}
	for _, list := range []openapi3.SchemaRefs{s.AllOf, s.OneOf, s.AnyOf} {
		for _, part := range list {
			found = append(found, w.arrays(part, place, depth+1)...)
		}
	}
	return found
}

func (c *call) likeness(w *writer, a array) int {
	if a.items.Value == nil {
		return 0
	}
	items := a.items
	if component := w.component(a.place + "[]"); component != nil {
		items = component
	}
	properties, _ := propertiesOf(items.Value)
	common := 0
	for name := range properties {
		for _, object := range c.objects {
			if _, ok := object.fields[name]; ok {
				common++
				break
			}
		}
	}
	return common
}

// elements makes the elements of the list.
func (c *call) elements(fill map[string]string, items *openapi3.SchemaRef, place string, page []*object) []any {
	elements := make([]any, 0, len(page))
	for _, object := range page {
		values := &writer{server: c.Server, object: object, fill: fill, naming: true}
		elements = append(elements, values.value(items, "", place+"[]", nil))
	}
	return elements
}

// put sets the place of body to value.
func put(body any, place string, value []any) any {
	if place == "" {
		return value
	}
	object, ok := body.(map[string]any)
	if !ok {
		return body
	}
	name, rest, nested := strings.Cut(place, ".")
	if !nested {
		object[name] = value
	} else if inner, there := object[name]; there { // it may have been left out
		object[name] = put(inner, rest, value)
	}
	return object
}

// marks are the values that tell a client where it is in a list.
func (c *call) marks(page []*object, total int, more bool) map[string]any {
	found := map[string]any{}
	set := func(names []string, value any) {
		for _, name := range names {
			found[name] = value
		}
	}
	set(moreNames, more)
	set(totalNames, total)
	set(nextNames, nil)
	set(linkNames, nil)
	set(numberNames, nil)
	if len(page) == 0 {
		set(firstNames, nil)
		set(lastNames, nil)
		return found
	}
	set(firstNames, page[0].id())
	set(lastNames, page[len(page)-1].id())
	if more {
		set(nextNames, page[len(page)-1].id())
		set(linkNames, c.nextPage(page))
		set(numberNames, c.nextNumber())
	}
	return found
}

// nextNumber is the number of the page that follows this one.
func (c *call) nextNumber() int {
	for _, one := range c.pagingValues() {
		if !slices.Contains(pageNames, one.name) {
			continue
		}
		if number, err := strconv.Atoi(one.value); err == nil {
			return number + 1
		}
		return one.first + 1
	}
	return 0
}

// nextPage is the address of the page that follows this one.
func (c *call) nextPage(page []*object) string {
	address := *c.request.URL
	query := address.Query()
	for _, one := range c.pagingValues() {
		number, err := strconv.Atoi(one.value)
		switch {
		case slices.Contains(afterNames, one.name):
			query.Set(one.name, page[len(page)-1].id())
		case slices.Contains(offsetNames, one.name):
			query.Set(one.name, strconv.Itoa(number+len(page)))
		case slices.Contains(pageNames, one.name) && err == nil:
			query.Set(one.name, strconv.Itoa(number+1))
		case slices.Contains(pageNames, one.name):
			query.Set(one.name, strconv.Itoa(one.first+1))
		}
	}
	address.RawQuery = query.Encode()
	scheme := "http"
	if c.request.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + c.request.Host + address.String()
}

// mark writes marks over the properties of the same names. One without a value,
// as at the end of a list, is what the document allows of: null, left out, or
// empty. Of null and left out, one run has the one and the other the other.
func (c *call) mark(body any, s *openapi3.Schema, marks map[string]any) {
	object, ok := body.(map[string]any)
	if !ok {
		return
	}
	properties, _ := propertiesOf(s)
	for name, property := range object {
		inner := properties[name]
		if inner == nil {
			inner = &openapi3.Schema{}
		}
		value, known := marks[name]
		switch {
		case !known:
			c.mark(property, inner, marks)
		case value != nil && inner.Format == "uri":
			object[name] = marks[linkNames[0]]
		case value != nil:
			object[name] = value
		case nullable(inner) && (demands(s, name) || c.needed == nil):
			object[name] = nil
		case demands(s, name) && inner.Type.Includes("string"):
			object[name] = ""
		default:
			delete(object, name)
		}
	}
}

// demands reports whether a schema, or a part of it, cannot do without a property.
func demands(s *openapi3.Schema, name string) bool {
	return slices.Contains(s.Required, name) ||
		slices.ContainsFunc(s.AllOf, func(part *openapi3.SchemaRef) bool { return part.Value != nil && demands(part.Value, name) })
}

// id is the value by which a page can go on after this object.
func (o *object) id() string {
	if id, ok := scalarText(o.fields["id"]); ok && o.is(id) {
		return id
	}
	if len(o.made) > 0 {
		return o.made[0]
	}
	return ""
}
