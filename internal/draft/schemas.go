package draft

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// deepest bounds how far an answer or a body is looked into: documents describe
// endless nesting.
const deepest = 4

// property is one of a schema's, with the names on the way there.
type property struct {
	way      []string
	schema   *openapi3.Schema
	required bool
}

func (p *property) name() string { return p.way[len(p.way)-1] }

// text is where the property is, from a root such as "body".
func (p *property) text(root string) string {
	var b strings.Builder
	b.WriteString(root)
	for _, name := range p.way {
		if identifier.MatchString(name) {
			b.WriteString("." + name)
		} else {
			b.WriteString(`["` + name + `"]`)
		}
	}
	return b.String()
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]*$`)

// propertiesOf are the properties of a schema and of all that it is composed of,
// by name; of alternatives, those of the first that is an object.
func propertiesOf(s *openapi3.Schema) (map[string]*openapi3.Schema, []string) {
	found, required := map[string]*openapi3.Schema{}, slices.Clone(s.Required)
	for name, p := range s.Properties {
		if p.Value != nil {
			found[name] = p.Value
		}
	}
	parts := slices.Clone(s.AllOf)
	for _, alternatives := range []openapi3.SchemaRefs{s.OneOf, s.AnyOf} {
		if i := slices.IndexFunc(alternatives, func(one *openapi3.SchemaRef) bool {
			return one.Value != nil && (len(one.Value.Properties) > 0 || len(one.Value.AllOf) > 0)
		}); i >= 0 {
			parts = append(parts, alternatives[i])
		}
	}
	for _, part := range parts {
		if part.Value == nil {
			continue
		}
		inner, more := propertiesOf(part.Value)
		for name, p := range inner {
			if found[name] == nil {
				found[name] = p
			}
		}
		required = append(required, more...)
	}
	return found, required
}

// within are all properties of a schema, those of objects in it included, nearest
// first; those of arrays are not.
func within(s *openapi3.Schema) []*property { return gather(s, nil, 0) }

func gather(s *openapi3.Schema, way []string, depth int) []*property {
	if s == nil || depth >= deepest {
		return nil
	}
	properties, required := propertiesOf(s)
	var here, deeper []*property
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		p := &property{append(slices.Clone(way), name), properties[name], slices.Contains(required, name)}
		here = append(here, p)
		deeper = append(deeper, gather(p.schema, p.way, depth+1)...)
	}
	slices.SortStableFunc(deeper, func(a, b *property) int { return len(a.way) - len(b.way) })
	return append(here, deeper...)
}

// first is the first property that fits, by the order of the names it may have
// and then by how near it is.
func first(all []*property, names []string, fits func(p *property) bool) *property {
	for _, name := range names {
		for _, p := range all {
			if plainName(p.name()) == name && fits(p) {
				return p
			}
		}
	}
	return nil
}

// plainName is a name without what conventions add: apiKey, api_key and API-Key
// are one.
func plainName(name string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "", ".", "").Replace(name))
}

func isText(p *property) bool { return p.schema.Type == nil || p.schema.Type.Includes("string") }
func isScalar(p *property) bool {
	return isText(p) && len(p.schema.Properties) == 0 || p.schema.Type.Includes("integer") || p.schema.Type.Includes("number")
}

// Names, as plainName gives them, the likeliest first.
var (
	secretNames = []string{"apikey", "secretkey", "secretaccesskey", "clientsecret", "secret", "apitoken", "authtoken", "accesstoken", "clienttoken", "authenticationtoken", "plaintext", "plaintexttoken", "cleartext", "rawkey", "fullkey", "keyvalue", "tokenvalue", "tokensecret", "sessionid", "encoded", "jwt", "key", "token", "value", "password", "credential"}
	nameNames   = []string{"name", "displayname", "keyname", "tokenname", "keyalias", "label", "tokenlabel", "title", "friendlyname", "description", "desc", "alias", "note", "comment", "memo", "remark"}
	endNames    = []string{"expiresat", "expirationtime", "expirationdate", "expirydate", "expireat", "expiresdate", "expiredat", "expiretime", "expiration", "expires", "expiry", "validuntil", "expdate", "notafter", "expiresin", "ttl", "lifetime", "duration", "validity", "validityperiod", "timetolive", "expirein", "secondstolive", "expirationdays", "expiresinseconds", "durationseconds", "ttlseconds", "expireduration", "expiryduration", "lifetimedays", "ttldays", "expiresindays", "expirydays", "validdays"}
	bornNames   = []string{"createdat", "creationdate", "createdon", "creationtime", "createdtime", "insertedat", "created", "datecreated", "issuedat", "issuedon", "dateadded", "createtime"}
	idNames     = []string{"id", "uid", "uuid", "sid", "keyid", "tokenid", "apikeyid", "accessor", "identifier", "hash", "slug"}
	weakIDNames = []string{"accesskey", "accesskeyid", "tokenname", "key", "name"}
)

// secretIn are the properties of an answer that may be the key itself, the likeliest
// first.
func secretIn(answer *openapi3.Schema) []*property {
	var found []*property
	all := within(answer)
	for _, name := range secretNames {
		for _, p := range all {
			if plainName(p.name()) == name && isText(p) && len(p.schema.Properties) == 0 && p.schema.Format != "date-time" && len(p.schema.Enum) == 0 {
				found = append(found, p)
			}
		}
	}
	return found
}

// nameIn is the property that a key's name goes into, or is shown as.
func nameIn(s *openapi3.Schema) *property {
	return first(within(s), nameNames, func(p *property) bool { return isText(p) && len(p.schema.Enum) == 0 && !p.schema.ReadOnly })
}

// expiryIn is the property of a key's end.
func expiryIn(s *openapi3.Schema) *property {
	return first(within(s), endNames, func(p *property) bool { return isScalar(p) && !p.schema.ReadOnly })
}

// idIn is the property that a path's parameter, or else an id, has the value of:
// from the object in which near is outward, and then anywhere. It is near itself
// where that is what the path names.
func idIn(s *openapi3.Schema, wanted string, near *property) *property {
	wanted = plainName(wanted)
	if wanted != "id" && plainName(near.name()) == wanted {
		return near
	}
	all := within(s)
	for _, names := range [][]string{append([]string{wanted}, idNames...), weakIDNames} {
		for depth := len(near.way) - 1; depth >= 0; depth-- {
			inside := slices.DeleteFunc(slices.Clone(all), func(p *property) bool {
				return len(p.way) != depth+1 || !slices.Equal(p.way[:depth], near.way[:depth])
			})
			if p := first(inside, names, func(p *property) bool { return isScalar(p) && p.text("") != near.text("") }); p != nil {
				return p
			}
		}
		if p := first(all, names, func(p *property) bool { return isScalar(p) && p.text("") != near.text("") }); p != nil {
			return p
		}
	}
	return nil
}

// list is an array of an answer whose elements are objects.
type list struct {
	place *property // nil where the answer is the array
	items *openapi3.Schema
}

// listsIn are the arrays of an answer, the one with most likely elements first.
func listsIn(answer *openapi3.Schema) []list {
	if answer == nil {
		return nil
	}
	if items := itemsOf(answer); items != nil {
		return []list{{nil, items}}
	}
	var found []list
	for _, p := range within(answer) {
		if items := itemsOf(p.schema); items != nil {
			found = append(found, list{p, items})
		}
	}
	slices.SortStableFunc(found, func(a, b list) int { return likeness(b.items) - likeness(a.items) })
	return found
}

// itemsOf are the elements of an array of objects; nil for anything else.
func itemsOf(s *openapi3.Schema) *openapi3.Schema {
	for _, part := range append(openapi3.SchemaRefs{{Value: s}}, s.AllOf...) {
		if part.Value == nil || part.Value.Items == nil || part.Value.Items.Value == nil {
			continue
		}
		if properties, _ := propertiesOf(part.Value.Items.Value); len(properties) > 0 {
			return part.Value.Items.Value
		}
	}
	return nil
}

func likeness(items *openapi3.Schema) int {
	points := 0
	for _, p := range within(items) {
		if name := plainName(p.name()); slices.Contains(nameNames, name) || slices.Contains(bornNames, name) || slices.Contains(idNames, name) {
			points++
		}
	}
	return points
}

// answerOf is the schema of an operation's success; nil for none.
func answerOf(o *openapi3.Operation) *openapi3.Schema {
	if o.Responses == nil {
		return nil
	}
	for _, status := range []string{"200", "201", "202", "2XX", "default"} {
		response := o.Responses.Value(status)
		if response == nil || response.Value == nil {
			continue
		}
		for _, kind := range slices.Sorted(maps.Keys(response.Value.Content)) {
			if media := response.Value.Content[kind]; strings.HasSuffix(kind, "json") && media.Schema != nil && media.Schema.Value != nil {
				return media.Schema.Value
			}
		}
	}
	return nil
}

// bodyOf is the schema of an operation's body, and how the language writes such
// bodies; nil for none.
func bodyOf(o *openapi3.Operation) (*openapi3.Schema, string) {
	kind := bodyKind(o)
	format := formatOf(kind)
	if format == "" {
		return nil, ""
	}
	return o.RequestBody.Value.Content[kind].Schema.Value, format
}

// bodyKind is the media type of an operation's body, JSON where it may be; empty
// for none that the language writes.
func bodyKind(o *openapi3.Operation) string {
	if o.RequestBody == nil || o.RequestBody.Value == nil {
		return ""
	}
	best := ""
	for _, kind := range slices.Sorted(maps.Keys(o.RequestBody.Value.Content)) {
		media := o.RequestBody.Value.Content[kind]
		if media.Schema != nil && media.Schema.Value != nil && formatOf(kind) != "" && (best == "" || formatOf(kind) == "json" && formatOf(best) != "json") {
			best = kind
		}
	}
	return best
}

func formatOf(kind string) string {
	switch {
	case strings.HasSuffix(kind, "json"), kind == "*/*":
		return "json"
	case strings.HasPrefix(kind, "application/x-www-form-urlencoded"):
		return "form"
	case strings.HasPrefix(kind, "multipart/form-data"):
		return "multipart"
	}
	return ""
}
