package draft

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// mostOptional bounds how many optional properties of a body become fields; the
// author takes out what nobody needs.
const mostOptional = 10

func (w *writer) issue() string {
	name := ""
	if w.maker.namesIt(w.end) {
		name = "key.name"
	}
	var b strings.Builder
	b.WriteString("issue {\n" + w.request(w.maker, name))
	b.WriteString(w.query(w.maker) + w.headers(w.maker) + w.body(w.maker, true))
	w.readsKey(&b)
	b.WriteString("}\n")
	return b.String()
}

// readsKey writes where the answer has the id, the secret and the end.
func (w *writer) readsKey(b *strings.Builder) {
	secrets := secretIn(w.answer)
	if len(secrets) == 0 {
		fmt.Fprintf(b, "%swhere in the answer is the id of the key, by which it is deleted?\nid = body.TODO\n%swhere is the key itself? The document does not show it\nsecret = { api_key = body.TODO }\n", open, open)
		return
	}
	w.secret = secrets[0]
	if w.maker.namesIt(w.end) {
		b.WriteString("id = key.name\n")
	} else if w.id = idIn(w.answer, w.parameterOfEnd(), w.secret); w.id != nil {
		fmt.Fprintf(b, "id = %s\n", w.id.text("body"))
	} else {
		fmt.Fprintf(b, "%sby what is the key deleted? The answer shows no id; leave this line out if only the list does\nid = body.TODO\n", open)
	}
	if similar := w.rivals(secrets); len(similar) > 0 {
		fmt.Fprintf(b, "%sis this the key itself? It could also be %s\n", open, strings.Join(similar, ", "))
	}
	fmt.Fprintf(b, "secret = { %s = %s }\n", w.secretField(), w.secret.text("body"))
	if end := expiryIn(readable(w.answer)); end != nil {
		attribute := "expires_at"
		if isLifetime(end) {
			attribute = "expires_in"
		}
		fmt.Fprintf(b, "%s = %s\n", attribute, end.text("body"))
	}
}

// readable is an answer's schema; what only answers hold is marked read only, which
// is no reason to leave it out here.
func readable(s *openapi3.Schema) *openapi3.Schema {
	if s == nil {
		return nil
	}
	copied := *s
	copied.Properties = openapi3.Schemas{}
	for name, p := range s.Properties {
		if p.Value != nil {
			inner := *p.Value
			inner.ReadOnly = false
			copied.Properties[name] = &openapi3.SchemaRef{Value: &inner}
		}
	}
	return &copied
}

// rivals are the other properties that may be the key, where the first is not much
// likelier.
func (w *writer) rivals(secrets []*property) []string {
	vague := []string{"value", "key", "token", "password", "credential"}
	var similar []string
	for _, p := range secrets[1:] {
		if slices.Contains(vague, plainName(p.name())) != slices.Contains(vague, plainName(secrets[0].name())) {
			continue
		}
		similar = append(similar, p.text("body"))
	}
	return similar[:min(len(similar), 3)]
}

func (w *writer) secretField() string {
	if name := snake(w.secret.name()); name != "value" && name != "key" {
		return name
	}
	return "api_key"
}

// parameterOfEnd is the parameter by which a key is deleted; "id" where it is none.
func (w *writer) parameterOfEnd() string {
	if w.end == nil {
		return "id"
	}
	found := variable.FindAllStringSubmatch(w.end.path, -1)
	if len(found) > 0 && w.endByPath() {
		return found[len(found)-1][1]
	}
	for _, p := range w.end.parameters() {
		if p.In == openapi3.ParameterInQuery && p.Required && slices.Contains(slices.Concat(idNames, weakIDNames, secretNames), plainName(p.Name)) {
			return p.Name
		}
	}
	return "id"
}

// endByPath reports whether the path of the deletion names the key.
func (w *writer) endByPath() bool {
	return endsInParameter(w.end.path) || strings.Count(w.end.path, "{") > strings.Count(w.maker.path, "{")
}

// body writes the body of a request about a key; a whole one, where a key is made,
// has every property that an operator may want.
func (w *writer) body(o *operation, whole bool) string {
	schema, format := bodyOf(o.Operation)
	if schema == nil && (!whole || w.maker.namesIt(w.end)) {
		return ""
	}
	if schema == nil {
		schema, format = &openapi3.Schema{}, "json"
	}
	body := &object{}
	name, end := nameIn(schema), expiryIn(schema)
	note := ""
	switch {
	case whole && name != nil:
		body.set(name.way, "key.name")
	case whole && !w.maker.namesIt(w.end):
		note = open + "where does a key's name go, by which it is found again? The document does not say\n"
		body.set([]string{"name"}, "key.name")
	}
	if end != nil {
		body.set(end.way, endOfKey(end))
	}
	optional := 0
	for _, p := range within(schema) {
		switch {
		case p.schema.ReadOnly, body.has(p.way), end != nil && whole && p.text("") != end.text("") && isEnd(p) && !p.required:
		case len(p.way) > 1 && !p.required, len(p.way) > 1 && !w.reached(schema, p):
		case isGroup(p) && (p.required && hasDemands(p.schema) || leadsTo(p, name, end)):
			continue // its members follow
		case p.required:
			body.set(p.way, w.fieldOf(p.name(), &openapi3.SchemaRef{Value: p.schema}, true, p.schema.Description))
		case whole && optional < mostOptional && isScalarOrTexts(p.schema) && !p.schema.Deprecated && !isIdentity(p):
			optional++
			body.set(p.way, w.fieldOf(p.name(), &openapi3.SchemaRef{Value: p.schema}, false, p.schema.Description))
		}
	}
	if len(body.names) == 0 {
		return note
	}
	return note + format + " = " + body.String() + "\n"
}

// isGroup reports whether a property is an object with members of its own.
func isGroup(p *property) bool {
	properties, _ := propertiesOf(p.schema)
	return len(properties) > 0
}

// hasDemands reports whether an object has members that a request must send.
func hasDemands(s *openapi3.Schema) bool {
	return slices.ContainsFunc(within(s), func(p *property) bool { return len(p.way) == 1 && p.required && !p.schema.ReadOnly })
}

// isIdentity reports whether a property is what the provider, and no operator,
// tells keys by.
func isIdentity(p *property) bool {
	return slices.Contains(slices.Concat(idNames, secretNames), plainName(p.name()))
}

func leadsTo(p *property, others ...*property) bool {
	return slices.ContainsFunc(others, func(other *property) bool {
		return other != nil && len(other.way) > len(p.way) && slices.Equal(other.way[:len(p.way)], p.way)
	})
}

// reached reports whether all objects around a property are required.
func (w *writer) reached(schema *openapi3.Schema, p *property) bool {
	name, end := nameIn(schema), expiryIn(schema)
	for _, outer := range within(schema) {
		if leadsTo(outer, p) && !outer.required && !leadsTo(outer, name, end) {
			return false
		}
	}
	return true
}

func isEnd(p *property) bool { return slices.Contains(endNames, plainName(p.name())) }

func isScalarOrTexts(s *openapi3.Schema) bool {
	kind, _, _ := kindOf(s)
	return kind != "any"
}

// isLifetime reports whether an end is told as a time from now.
func isLifetime(p *property) bool {
	name := plainName(p.name())
	if p.schema.Format == "date-time" {
		return false
	}
	for _, word := range []string{"in", "ttl", "lifetime", "duration", "validity", "seconds", "days", "live", "period"} {
		if strings.Contains(name, word) && name != "expirationdate" {
			return name != "expiration" && name != "expiresin" || word == "in" && name == "expiresin"
		}
	}
	return false
}

var inDays = regexp.MustCompile(`(?i)\bdays?\b`)

// endOfKey is the expression for a key's end.
func endOfKey(p *property) string {
	numeric := p.schema.Type.Includes("integer") || p.schema.Type.Includes("number")
	days := inDays.MatchString(p.schema.Description) || strings.Contains(plainName(p.name()), "days")
	switch {
	case isLifetime(p) && numeric && days:
		return "ceil(key.ttl / 86400)"
	case isLifetime(p) && numeric:
		return "key.ttl"
	case isLifetime(p):
		return `"${key.ttl}s"`
	case numeric && strings.Contains(strings.ToLower(p.schema.Description), "millisecond"):
		return "unix_ms(key.expires_at)"
	case numeric:
		return "unix(key.expires_at)"
	}
	return "rfc3339(key.expires_at)"
}

func (w *writer) revoke() string {
	if w.end == nil {
		return "revoke {\n" + open + "which request deletes a key? None of the document's looks like it\ndelete = \"/TODO/${key.id}\"\ngone = [404]\n}\n"
	}
	var b strings.Builder
	if w.endByPath() {
		b.WriteString("revoke {\n" + w.request(w.end, "key.id") + w.query(w.end))
	} else {
		b.WriteString("revoke {\n" + w.request(w.end, "") + w.namesKey(w.end))
	}
	b.WriteString(w.headers(w.end))
	if w.end.Responses.Value("404") == nil {
		b.WriteString(open + "which answer says that the key is gone already? The document has no 404 here\n")
	}
	b.WriteString("gone = [404]\n}\n")
	return b.String()
}

// namesKey writes the id of a key into the query or the body of the request that
// deletes it.
func (w *writer) namesKey(o *operation) string {
	if schema, format := bodyOf(o.Operation); schema != nil {
		if p := first(within(schema), slices.Concat([]string{plainName(w.parameterOfEnd())}, idNames, []string{"ids"}, weakIDNames), func(*property) bool { return true }); p != nil {
			body := &object{}
			expr := "key.id"
			if p.schema.Type.Includes("array") {
				expr = "[key.id]"
			}
			body.set(p.way, expr)
			return format + " = " + body.String() + "\n"
		}
	}
	if wanted := w.parameterOfEnd(); wanted != "id" {
		return fmt.Sprintf("query = { %s = key.id }\n", key(wanted))
	}
	for _, p := range o.parameters() {
		if p.In == openapi3.ParameterInQuery {
			return fmt.Sprintf("%sis this what names the key?\nquery = { %s = key.id }\n", open, key(p.Name))
		}
	}
	return open + "how does the request name the key?\njson = { id = key.id }\n"
}

// lists is the block that lists keys, if the document has such an operation.
func (w *writer) lists() string {
	if w.list == nil {
		return open + "is there a list of keys? Without one, a key whose making had no answer cannot be found\n"
	}
	all := listsIn(answerOf(w.list.Operation))
	items := all[0]
	var b strings.Builder
	b.WriteString("list {\n" + w.request(w.list, ""))
	pages := w.paging(items)
	pages.query = append(pages.query, w.whereKeysAre()...)
	b.WriteString(w.query(w.list, pages.query...) + w.headers(w.list))
	if items.place == nil {
		b.WriteString("items = body\n")
	} else {
		fmt.Fprintf(&b, "items = %s\n", items.place.text("body"))
	}
	var members []string
	var note string
	elements := within(items.items)
	wanted := w.parameterOfEnd()
	if w.id != nil {
		wanted = w.id.name()
	}
	if id := first(elements, slices.Concat([]string{plainName(wanted)}, idNames, weakIDNames), isScalar); id != nil {
		members = append(members, "id = "+id.text("item"))
	} else {
		note += open + "by what is a listed key deleted?\n"
		members = append(members, "id = item.TODO")
	}
	if name := w.listedName(elements); name != nil {
		members = append(members, "name = "+name.text("item"))
	} else {
		note += open + "where does a listed key show its name?\n"
		members = append(members, "name = item.TODO")
	}
	if born := first(elements, bornNames, isScalar); born != nil {
		members = append(members, "created_at = "+born.text("item"))
	}
	b.WriteString(note + "item = {\n" + strings.Join(members, "\n") + "\n}\n" + pages.next + "}\n")
	return b.String()
}

// whereKeysAre are the parameters of the list that stand for fields of the role,
// without which it would not list the keys of that role alone.
func (w *writer) whereKeysAre() []string {
	var members []string
	for _, p := range w.list.parameters() {
		i := slices.IndexFunc(w.role, func(f *field) bool { return f.required && f.name == snake(p.Name) })
		if p.In == openapi3.ParameterInQuery && !p.Required && i >= 0 {
			members = append(members, key(p.Name)+" = role."+w.role[i].name)
		}
	}
	return members
}

// listedName is where a listed key shows the name that it was given.
func (w *writer) listedName(elements []*property) *property {
	names := nameNames
	if body, _ := bodyOf(w.maker.Operation); body != nil {
		if name := nameIn(body); name != nil {
			names = append([]string{plainName(name.name())}, names...)
		}
	}
	return first(elements, names, isText)
}

// extend is the block that moves a key's end, if the document has such an operation.
func (w *writer) extend() string {
	if w.change == nil {
		return ""
	}
	schema, _ := bodyOf(w.change.Operation)
	note := ""
	if len(schema.Required) > 1 || w.change.method == "PUT" {
		note = open + "does this request replace the whole key? Then it must send all of it\n"
	}
	return "extend {\n" + note + w.request(w.change, "key.id") + w.query(w.change) + w.headers(w.change) + w.body(w.change, false) + "}\n"
}

// check is the read that only a working admin credential can do.
func (w *writer) check() string {
	if w.list != nil && !strings.Contains(w.list.path, "{") && !demandsQuery(w.list) {
		return "check {\n" + w.request(w.list, "") + w.headers(w.list) + "}\n"
	}
	read := selfOf(w.all)
	if read == nil {
		read = plainRead(w.all)
	}
	if read == nil {
		return open + "which read can only a working admin credential do?\n#   check { get = \"/…\" }\n"
	}
	return "check {\n" + open + "does only a credential that may make keys get an answer here?\n" + w.request(read, "") + w.headers(read) + "}\n"
}

// probe is the read by which a key is seen to work.
func (w *writer) probe() string {
	read := selfOf(w.all)
	if read == nil || w.secret == nil {
		return open + "which read can a key itself do, so that it is seen alive and dead?\n#   probe { get = \"/…\" headers = { Authorization = \"Bearer ${secret.api_key}\" } }\n"
	}
	header := "Authorization = \"Bearer ${secret." + w.secretField() + "}\""
	schemes, _ := w.schemes()
	if len(schemes) == 1 {
		if s := w.schemeOf(schemes[0]); s.Type == "apiKey" && s.In == "header" && !strings.EqualFold(s.Name, "Authorization") {
			header = key(s.Name) + " = secret." + w.secretField()
		}
	}
	return "probe {\n" + open + "can every key make this read, and is this how it shows itself?\n" + w.request(read, "") + "headers = { " + header + " }\nalive = [200]\ndead = [401]\n}\n"
}

// contract is a case by which the draft is held against the document.
func (w *writer) contract() string {
	var b strings.Builder
	b.WriteString("contract \"keys\" {\ndocument = \"NAME\"\n")
	if w.secret != nil {
		fmt.Fprintf(&b, "secret = %s\n", quote(strings.Join(w.secret.way, ".")))
	} else {
		b.WriteString(open + "where in the answer to the making of a key is the key?\nsecret = \"TODO\"\n")
	}
	var connection, role []string
	for _, f := range w.connection {
		if f.required || f.sensitive {
			connection = append(connection, fmt.Sprintf("%s = \"contract-%s\"", f.name, strings.ReplaceAll(f.name, "_", "-")))
		}
	}
	for _, f := range w.role {
		if f.required {
			example := f.example
			if example == "" {
				example = `"contract"`
			}
			role = append(role, f.name+" = "+example)
		}
	}
	if len(connection) > 0 {
		b.WriteString("connection = {\n" + strings.Join(connection, "\n") + "\n}\n")
	}
	if len(role) > 0 {
		b.WriteString("role = {\n" + strings.Join(role, "\n") + "\n}\n")
	}
	b.WriteString("}\n")
	return b.String()
}
