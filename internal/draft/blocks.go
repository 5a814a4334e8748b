package draft

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/zclconf/go-cty/cty"
)

func stringValue(text string) cty.Value { return cty.StringVal(text) }

// credential is the connection field that signs in.
func (w *writer) credential(name, help string) *field {
	f := w.connectionField(name, help)
	f.required, f.sensitive, f.fallback, f.enum = true, true, "", nil
	return f
}

// auth are the blocks that sign in: those of the operation that makes keys.
func (w *writer) auth() string {
	var b strings.Builder
	schemes, note := w.schemes()
	if note != "" {
		b.WriteString(open + note + "\n")
	}
	for _, name := range schemes {
		ref := w.document.Components.SecuritySchemes[name]
		w.scheme(&b, name, ref.Value)
	}
	if len(schemes) == 0 {
		f := w.credential("admin_key", "Credential that may make and delete keys.")
		fmt.Fprintf(&b, "%show does one sign in? The document does not say\nauth \"bearer\" { token = connection.%s }\n", open, f.name)
	}
	return b.String()
}

// schemes are the security schemes that the making of a key wants together; of
// alternatives the first whose schemes are all simple.
func (w *writer) schemes() (names []string, note string) {
	wanted := w.document.Security
	if w.maker.Security != nil {
		wanted = *w.maker.Security
	}
	var choices [][]string
	for _, one := range wanted {
		names := slices.Sorted(maps.Keys(one))
		if len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool { return w.schemeOf(name) == nil }) {
			choices = append(choices, names)
		}
	}
	if len(choices) == 0 && w.document.Components != nil {
		for _, name := range slices.Sorted(maps.Keys(w.document.Components.SecuritySchemes)) {
			if w.schemeOf(name) != nil {
				choices = append(choices, []string{name})
				note = "the document does not say which of its ways to sign in makes keys"
			}
		}
	}
	if len(choices) == 0 {
		return nil, ""
	}
	slices.SortStableFunc(choices, func(a, b []string) int { return w.effort(a) - w.effort(b) })
	if len(choices) > 1 && note == "" {
		var others []string
		for _, other := range choices[1:] {
			others = append(others, strings.Join(other, " with "))
		}
		note = "is this the way to sign in that an administrator has? The document also allows " + strings.Join(others, ", ")
	}
	return choices[0], note
}

func (w *writer) schemeOf(name string) *openapi3.SecurityScheme {
	if w.document.Components == nil || w.document.Components.SecuritySchemes[name] == nil {
		return nil
	}
	return w.document.Components.SecuritySchemes[name].Value
}

// effort is how much there is to say about a way to sign in.
func (w *writer) effort(names []string) int {
	effort := 0
	for _, name := range names {
		switch scheme := w.schemeOf(name); {
		case scheme.Type == "http" && strings.EqualFold(scheme.Scheme, "bearer"), scheme.Type == "apiKey" && scheme.In == "header":
			effort++
		case scheme.Type == "http", scheme.Type == "apiKey" && scheme.In == "query":
			effort += 2
		default:
			effort += 4
		}
	}
	return effort
}

func (w *writer) scheme(b *strings.Builder, name string, s *openapi3.SecurityScheme) {
	switch {
	case s.Type == "http" && strings.EqualFold(s.Scheme, "basic"), s.Type == "http" && strings.EqualFold(s.Scheme, "digest"):
		user := w.connectionField("username", "User who may make and delete keys.")
		user.required = true
		password := w.credential("password", "Password of that user.")
		fmt.Fprintf(b, "auth %q {\nusername = connection.%s\npassword = connection.%s\n}\n", strings.ToLower(s.Scheme), user.name, password.name)
	case s.Type == "apiKey" && s.In == "header" && strings.EqualFold(s.Name, "Authorization"):
		f := w.credential("admin_key", sentence(s.Description, "Credential that may make and delete keys."))
		fmt.Fprintf(b, "%sdoes Authorization hold a word before the credential, such as Bearer? The document says: %s\n", open, oneLine(s.Description))
		fmt.Fprintf(b, "auth \"header\" { headers = { Authorization = connection.%s } }\n", f.name)
	case s.Type == "apiKey" && s.In == "header":
		f := w.credential(w.fieldFor(name, s), sentence(s.Description, "Credential that may make and delete keys, sent as "+s.Name+"."))
		fmt.Fprintf(b, "auth \"header\" { headers = { %s = connection.%s } }\n", key(s.Name), f.name)
	case s.Type == "apiKey" && s.In == "query":
		f := w.credential(w.fieldFor(name, s), sentence(s.Description, "Credential that may make and delete keys, sent as "+s.Name+"."))
		fmt.Fprintf(b, "auth \"query\" { query = { %s = connection.%s } }\n", key(s.Name), f.name)
	case s.Type == "apiKey":
		f := w.credential("session", "Credential that may make and delete keys.")
		fmt.Fprintf(b, "%sis there another way to sign in than the cookie %s?\nauth \"header\" { headers = { Cookie = \"%s=${connection.%s}\" } }\n", open, s.Name, s.Name, f.name)
	case s.Type == "oauth2" && s.Flows != nil && s.Flows.ClientCredentials != nil:
		w.oauth2(b, s.Flows.ClientCredentials)
	default: // bearer, OpenID Connect, and flows that a person has to go through
		f := w.credential("admin_key", sentence(s.Description, "Token that may make and delete keys."))
		if !strings.EqualFold(s.Scheme, "bearer") {
			fmt.Fprintf(b, "%show does one get this token without a person? The document says %s\n", open, s.Type)
		}
		fmt.Fprintf(b, "auth \"bearer\" { token = connection.%s }\n", f.name)
	}
}

func (w *writer) oauth2(b *strings.Builder, flow *openapi3.OAuthFlow) {
	id := w.connectionField("client_id", "Client id of an application that may make and delete keys.")
	id.required = true
	secret := w.credential("client_secret", "Client secret of that application.")
	fmt.Fprintf(b, "auth \"oauth2\" {\ntoken_url = %s\nclient_id = connection.%s\nclient_secret = connection.%s\n", quote(flow.TokenURL), id.name, secret.name)
	if len(flow.Scopes) > 0 {
		fmt.Fprintf(b, "%swhich scopes does it need? There are %s\n", open, strings.Join(slices.Sorted(maps.Keys(flow.Scopes)), ", "))
	}
	b.WriteString("}\n")
}

// fieldFor is the field of an apiKey scheme; those that are wanted together have
// names of their own.
func (w *writer) fieldFor(name string, s *openapi3.SecurityScheme) string {
	if len(w.connection) == 0 {
		return "admin_key"
	}
	if own := snake(name); !strings.HasPrefix(own, "field_") {
		return own
	}
	return snake(s.Name)
}

// object is an object that is written out.
type object struct {
	names []string
	exprs map[string]string
	inner map[string]*object
}

func (o *object) at(way []string) (*object, string) {
	for _, name := range way[:len(way)-1] {
		if o.inner == nil {
			o.inner = map[string]*object{}
		}
		if o.inner[name] == nil {
			o.inner[name] = &object{}
			o.names = append(o.names, name)
		}
		o = o.inner[name]
	}
	return o, way[len(way)-1]
}

func (o *object) set(way []string, expr string) {
	o, name := o.at(way)
	if o.exprs == nil {
		o.exprs = map[string]string{}
	}
	if o.exprs[name] == "" {
		o.names = append(o.names, name)
	}
	o.exprs[name] = expr
}

func (o *object) has(way []string) bool {
	for _, name := range way[:len(way)-1] {
		if o = o.inner[name]; o == nil {
			return false
		}
	}
	return o.exprs[way[len(way)-1]] != ""
}

func (o *object) String() string {
	var b strings.Builder
	b.WriteString("{\n")
	for _, name := range o.names {
		if inner := o.inner[name]; inner != nil {
			fmt.Fprintf(&b, "%s = %s\n", key(name), inner)
		} else {
			fmt.Fprintf(&b, "%s = %s\n", key(name), o.exprs[name])
		}
	}
	b.WriteString("}")
	return b.String()
}

// key is a name on the left of an object's =.
func key(name string) string {
	if identifier.MatchString(name) {
		return name
	}
	return quote(name)
}

// request writes method and path, with fields of roles for its parameters. The last
// one of an item's path is what key says: key.id, or key.name.
func (w *writer) request(o *operation, key string) string {
	all := segments(o.path)
	for i, segment := range all {
		last := !strings.Contains(strings.Join(all[i+1:], "/"), "{")
		all[i] = variable.ReplaceAllStringFunc(segment, func(found string) string {
			if last && key != "" {
				return "${" + key + "}"
			}
			return w.pathField(o, found[1:len(found)-1])
		})
	}
	slash := ""
	if strings.HasSuffix(o.path, "/") {
		slash = "/"
	}
	return fmt.Sprintf("%s = \"%s/%s%s\"\n", strings.ToLower(o.method), w.prefix(), strings.Join(all, "/"), slash)
}

// pathField is what stands for a parameter of a path: a field of the role, or the
// version of the API, which nobody has to choose.
func (w *writer) pathField(o *operation, name string) string {
	s := o.parameterNamed(name)
	if s != nil && len(s.Enum) > 0 && strings.Contains(strings.ToLower(name), "version") {
		return fmt.Sprint(s.Enum[0])
	}
	kind, example, enum := "string", `"contract"`, []string(nil)
	if s != nil {
		kind, example, enum = kindOf(s)
	}
	if kind != "number" {
		kind = "string"
	}
	f := w.roleField(snake(name), kind, w.parameterHelp(o, name))
	f.required, f.enum, f.example = true, enum, example
	return "${role." + f.name + "}"
}

// prefix is the path of a server whose host the document does not tell.
func (w *writer) prefix() string {
	if path := strings.TrimRight(w.path(), "/"); strings.HasPrefix(path, "/") {
		return path
	}
	return ""
}

func (w *writer) parameterHelp(o *operation, name string) string {
	for _, p := range o.parameters() {
		if p.Name == name {
			return sentence(p.Description, "Part of the path in which keys are made: "+name+".")
		}
	}
	return "Part of the path in which keys are made: " + name + "."
}

// query writes the query parameters that an operation demands.
func (w *writer) query(o *operation, more ...string) string {
	members := slices.Clone(more)
	for _, p := range o.parameters() {
		if !p.Required || p.In == openapi3.ParameterInPath || p.In == openapi3.ParameterInCookie {
			continue
		}
		if p.In != openapi3.ParameterInQuery {
			continue
		}
		members = append(members, key(p.Name)+" = "+w.fieldOf(p.Name, p.Schema, true, p.Description))
	}
	if len(members) == 0 {
		return ""
	}
	return "query = {\n" + strings.Join(members, "\n") + "\n}\n"
}

// headers writes the headers that an operation demands, but for those that all do.
func (w *writer) headers(o *operation) string {
	members := slices.DeleteFunc(w.demanded(o), func(member string) bool { return slices.Contains(w.common(), member) })
	if len(members) == 0 {
		return ""
	}
	return "headers = {\n" + strings.Join(members, "\n") + "\n}\n"
}

// common are the headers that every request about keys demands, each with the same value.
func (w *writer) common() []string {
	all := w.demanded(w.maker)
	for _, o := range []*operation{w.end, w.list, w.change} {
		if o == nil {
			continue
		}
		demanded := w.demanded(o)
		all = slices.DeleteFunc(all, func(member string) bool {
			return strings.HasPrefix(member, open) || !slices.Contains(demanded, member)
		})
	}
	if w.end == nil && w.list == nil {
		return nil // there is one request
	}
	return all
}

// requests is what all requests have in common.
func (w *writer) requests() string {
	if all := w.common(); len(all) > 0 {
		return "requests { headers = { " + strings.Join(all, ", ") + " } }\n"
	}
	return ""
}

// demanded are the headers that an operation demands; those that sign in are the
// business of auth.
func (w *writer) demanded(o *operation) []string {
	var members []string
	for _, p := range o.parameters() {
		if !p.Required || p.In != openapi3.ParameterInHeader || strings.EqualFold(p.Name, "Authorization") {
			continue
		}
		if value := fixed(p.Schema); value != "" {
			members = append(members, key(p.Name)+" = "+quote(value))
		} else {
			members = append(members, open+"which value has this header?\n"+key(p.Name)+" = \"TODO\"")
		}
	}
	if kind := bodyKind(o.Operation); strings.HasSuffix(kind, "json") && kind != "application/json" {
		members = append(members, "Content-Type = "+quote(kind))
	}
	return members
}

// fixed is the one value that a schema has or prefers; empty for none.
func fixed(s *openapi3.SchemaRef) string {
	if s == nil || s.Value == nil {
		return ""
	}
	for _, value := range []any{s.Value.Const, s.Value.Default, s.Value.Example} {
		if text, ok := value.(string); ok && text != "" {
			return text
		}
	}
	if len(s.Value.Enum) == 1 {
		return fmt.Sprint(s.Value.Enum[0])
	}
	return ""
}

// fieldOf is the expression for a value that only an operator can give: a field of
// the role, or the one value that there is.
func (w *writer) fieldOf(name string, s *openapi3.SchemaRef, required bool, description string) string {
	if s != nil && s.Value != nil && len(s.Value.Enum) == 1 {
		if text, ok := s.Value.Enum[0].(string); ok {
			return quote(text)
		}
	}
	kind, example, enum := "string", `"contract"`, []string(nil)
	if s != nil && s.Value != nil {
		kind, example, enum = kindOf(s.Value)
		if description == "" {
			description = s.Value.Description
		}
	}
	f := w.roleField(snake(name), kind, sentence(description, "What the provider calls "+name+"."))
	f.required, f.enum, f.example = f.required || required, enum, example
	return "role." + f.name
}

// kindOf is the type of a field for a schema, an example as HCL, and the only texts
// that it may be.
func kindOf(s *openapi3.Schema) (kind, example string, enum []string) {
	if s.Type.Includes("string") {
		for _, one := range s.Enum {
			if text, ok := one.(string); ok {
				enum = append(enum, text)
			}
		}
	}
	switch {
	case len(enum) > 0:
		return "string", quote(enum[0]), enum
	case s.Type.Includes("string"):
		return "string", quote(exampleText(s)), nil
	case s.Type.Includes("boolean"):
		return "bool", "false", nil
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		if s.Min != nil {
			return "number", fmt.Sprint(*s.Min), nil
		}
		return "number", "1", nil
	case s.Type.Includes("array") && s.Items != nil && s.Items.Value != nil && s.Items.Value.Type.Includes("string"):
		_, example, _ := kindOf(s.Items.Value)
		return "list(string)", "[" + example + "]", nil
	case s.Example != nil:
		return "any", exampleHCL(s.Example), nil
	case s.Type.Includes("array"):
		return "any", "[]", nil
	}
	return "any", "{}", nil
}

func exampleText(s *openapi3.Schema) string {
	if text, ok := s.Example.(string); ok && text != "" {
		return text
	}
	if text, ok := s.Default.(string); ok && text != "" {
		return text
	}
	text := "contract"
	switch s.Format {
	case "uuid":
		text = "00000000-0000-4000-8000-000000000001"
	case "date-time":
		text = "2030-01-01T00:00:00Z"
	case "email":
		text = "contract@example.com"
	case "uri", "url":
		text = "https://example.com"
	}
	return text + strings.Repeat("0", max(0, int(s.MinLength)-len(text)))
}

func exampleHCL(value any) string {
	switch value := value.(type) {
	case string:
		return quote(value)
	case []any:
		var elements []string
		for _, element := range value {
			elements = append(elements, exampleHCL(element))
		}
		return "[" + strings.Join(elements, ", ") + "]"
	case map[string]any:
		var members []string
		for _, name := range slices.Sorted(maps.Keys(value)) {
			members = append(members, key(name)+" = "+exampleHCL(value[name]))
		}
		return "{ " + strings.Join(members, ", ") + " }"
	case nil:
		return "null"
	}
	return fmt.Sprint(value)
}
