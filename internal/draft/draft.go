package draft

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/hashicorp/hcl/v2/hclwrite"
)

// Options say what is not in a document.
type Options struct {
	// Name is the provider's, as in provider "name"; empty for one made of the
	// document's title.
	Name string
	// Keys is the operation that makes keys, such as "POST /v1/keys"; empty for the
	// likeliest one.
	Keys string
	// Taken are the names that no field of a connection, or of a role, may have.
	TakenByConnections, TakenByRoles []string
}

// Draft is a first definition.
type Draft struct {
	Name string
	// Source is the definition, laid out as apikeys fmt does.
	Source string
	// Case is a contract case for it, by which apikeys test holds it against the
	// document; it names the document's file as NAME.
	Case string
	// Made is the operation that makes keys; Others are those that may do so too.
	Made   string
	Others []string
}

// open begins each line that the author has to decide about.
const open = "# TODO: "

// Question is a line of a definition that its author has still to decide about.
type Question struct {
	Line, Byte int // where the line begins; lines count from 1, bytes from 0
	Text       string
}

// Questions are the lines of a definition that are still to be decided.
func Questions(source string) []Question {
	var questions []Question
	number, at := 0, 0
	for line := range strings.Lines(source) {
		number++
		if _, text, ok := strings.Cut(line, open); ok {
			questions = append(questions, Question{number, at, strings.TrimSpace(text)})
		}
		at += len(line)
	}
	return questions
}

// From drafts a definition from a document. Its error is that the document has
// nothing that looks like the making of a key, or not the operation that was named.
func From(document *openapi3.T, options Options) (*Draft, error) {
	all := operationsOf(document)
	maker, others, err := choose(all, options.Keys)
	if err != nil {
		return nil, err
	}
	w := &writer{document: document, options: options, all: all, maker: maker, answer: answerOf(maker.Operation)}
	w.end, w.list = endOf(maker, all), listOf(maker, all)
	w.change = changeOf(maker, w.end, all)
	draft := &Draft{Name: cmp.Or(options.Name, nameOf(document)), Made: maker.String()}
	for _, other := range others {
		draft.Others = append(draft.Others, other.String())
	}
	draft.Source = string(hclwrite.Format([]byte(w.definition(draft))))
	draft.Case = string(hclwrite.Format([]byte(w.contract())))
	return draft, nil
}

// notInName is what the name of a provider has not.
var notInName = regexp.MustCompile(`[^a-z0-9]+`)

func nameOf(document *openapi3.T) string {
	title := ""
	if document.Info != nil {
		title = strings.ToLower(document.Info.Title)
	}
	title = regexp.MustCompile(`\b(the|public|open|openapi|rest|http|api|apis|reference|specification|spec|swagger|admin|v\d+)\b`).ReplaceAllString(title, " ")
	name := strings.Trim(notInName.ReplaceAllString(title, "-"), "-")
	if name == "" || name[0] < 'a' {
		return "acme"
	}
	return name
}

// writer puts a definition together.
type writer struct {
	document                 *openapi3.T
	options                  Options
	all                      []*operation
	maker, end, list, change *operation
	answer                   *openapi3.Schema

	connection, role []*field
	secret, id       *property
}

func (w *writer) definition(d *Draft) string {
	// The blocks come first, since they say which fields there are.
	auth := w.auth()
	base := w.baseURL()
	issue := w.issue()
	revoke := w.revoke()
	list := w.lists()
	extend := w.extend()
	check := w.check()
	probe := w.probe()

	var b strings.Builder
	fmt.Fprintf(&b, "# A first draft, from the provider's OpenAPI document%s.\n", w.version())
	if len(d.Others) > 0 {
		fmt.Fprintf(&b, "# Keys are made by %s. Others that may make keys: %s.\n", d.Made, strings.Join(d.Others[:min(len(d.Others), 5)], ", "))
	}
	fmt.Fprintf(&b, "provider %q {\n", d.Name)
	fmt.Fprintf(&b, "title = %s\n", quote(w.title(d.Name)))
	b.WriteString(w.docs())
	b.WriteString(base)
	writeFields(&b, "connection", w.connection)
	writeFields(&b, "role", w.role)
	for _, block := range []string{auth, w.requests(), check, issue, revoke, list, extend, probe, w.keyName()} {
		if block != "" {
			b.WriteString("\n" + block)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

func (w *writer) version() string {
	if w.document.Info == nil || w.document.Info.Version == "" {
		return ""
	}
	return ", version " + oneLine(w.document.Info.Version)
}

func (w *writer) title(name string) string {
	if w.document.Info == nil || w.document.Info.Title == "" {
		return name
	}
	return oneLine(w.document.Info.Title)
}

func (w *writer) docs() string {
	if w.document.ExternalDocs != nil && strings.HasPrefix(w.document.ExternalDocs.URL, "https://") {
		return "docs = " + quote(w.document.ExternalDocs.URL) + "\n"
	}
	return open + "the page about making keys\n" + `docs = "https://docs.example.com"` + "\n"
}

// variable finds what the address of a server leaves open.
var variable = regexp.MustCompile(`\{([^}]+)\}`)

func (w *writer) baseURL() string {
	if len(w.document.Servers) == 0 || !strings.Contains(w.document.Servers[0].URL, "://") {
		return open + "where is the provider served? Without base_url each connection gives its own\n"
	}
	server := w.document.Servers[0]
	address := variable.ReplaceAllStringFunc(strings.TrimRight(server.URL, "/"), func(found string) string {
		name := found[1 : len(found)-1]
		f := w.connectionField(snake(name), "Part of the provider's address: "+name+".")
		f.required = true
		if v := server.Variables[name]; v != nil && !f.sensitive {
			f.fallback, f.enum, f.required = v.Default, v.Enum, v.Default == ""
			f.help = sentence(v.Description, f.help)
		}
		return "${connection." + f.name + "}"
	})
	note := ""
	if strings.HasPrefix(address, "http://") {
		address = "https" + strings.TrimPrefix(address, "http")
		note = open + "the document says http, in which nobody may send a credential\n"
	}
	return note + "base_url = \"" + address + "\"\n"
}

func (w *writer) path() string {
	if len(w.document.Servers) == 0 {
		return ""
	}
	return w.document.Servers[0].URL
}

// keyName is the bound of a key's name, where the document has one.
func (w *writer) keyName() string {
	body, _ := bodyOf(w.maker.Operation)
	name := nameIn(body)
	if name == nil || name.schema.MaxLength == nil && name.schema.Pattern == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString("key_name {\n")
	if name.schema.MaxLength != nil {
		fmt.Fprintf(&b, "max_length = %d\n", max(*name.schema.MaxLength, 22))
		if *name.schema.MaxLength < 22 {
			fmt.Fprintf(&b, "%sthe document allows %d characters, and a unique name takes 22\n", open, *name.schema.MaxLength)
		}
	}
	if name.schema.Pattern != "" {
		if class := classOf(name.schema.Pattern); class != "" {
			fmt.Fprintf(&b, "characters = %s\n", quote(class))
		} else {
			fmt.Fprintf(&b, "%swhich characters may a name have? The document says %s\n", open, oneLine(name.schema.Pattern))
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// oneClass finds a pattern that is one class of characters, repeated.
var oneClass = regexp.MustCompile(`^\^?(?:\[[a-zA-Z0-9-]+\])?\[([^\]\\]+)\](?:[+*]|\{[0-9,]+\})\$?$`)

func classOf(pattern string) string {
	if found := oneClass.FindStringSubmatch(pattern); found != nil && strings.Contains(found[1], "a-z") && strings.Contains(found[1], "0-9") && !strings.HasPrefix(found[1], "^") {
		return found[1]
	}
	return ""
}

// field is one of a connection or a role.
type field struct {
	name, kind, help, fallback string
	enum                       []string
	required, sensitive        bool
	note                       string
	example                    string // as HCL, for the contract case
}

// longestRow bounds a field in one line, in bytes; a longer one has a line for each of
// its attributes.
const longestRow = 160

// writeFields writes a block of fields, of which each is a line where there is room.
func writeFields(b *strings.Builder, block string, fields []*field) {
	if len(fields) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s {\n", block)
	for _, f := range fields {
		if f.note != "" {
			b.WriteString(open + f.note + "\n")
		}
		attributes := f.attributes()
		row := fmt.Sprintf("%s = { %s }\n", f.name, strings.Join(attributes, ", "))
		if len(row) > longestRow {
			row = fmt.Sprintf("%s = {\n%s\n}\n", f.name, strings.Join(attributes, "\n"))
		}
		b.WriteString(row)
	}
	b.WriteString("}\n")
}

// attributes are what there is to say of a field.
func (f *field) attributes() []string {
	var said []string
	if f.kind != "string" {
		said = append(said, "type = "+f.kind)
	}
	switch {
	case f.fallback != "":
		said = append(said, "default = "+quote(f.fallback))
	case f.required:
		said = append(said, "required = true")
	}
	if f.sensitive {
		said = append(said, "sensitive = true")
	}
	if len(f.enum) > 0 {
		quoted := make([]string, len(f.enum))
		for i, one := range f.enum {
			quoted[i] = quote(one)
		}
		said = append(said, "enum = ["+strings.Join(quoted, ", ")+"]")
	}
	return append(said, "help = "+quote(f.help))
}

// connectionField is a text of the connection.
func (w *writer) connectionField(name, help string) *field {
	return add(&w.connection, w.options.TakenByConnections, name, "string", help)
}

func (w *writer) roleField(name, kind, help string) *field {
	return add(&w.role, w.options.TakenByRoles, name, kind, help)
}

// add is the field of that name, a new one unless it is there already. A name that
// the engine has itself is told from it by a word before it.
func add(fields *[]*field, taken []string, name, kind, help string) *field {
	if slices.Contains(taken, name) {
		name = "key_" + name
	}
	if i := slices.IndexFunc(*fields, func(f *field) bool { return f.name == name }); i >= 0 {
		return (*fields)[i]
	}
	f := &field{name: name, kind: kind, help: help}
	*fields = append(*fields, f)
	return f
}

// quote is a text as HCL writes it.
func quote(text string) string {
	return string(hclwrite.TokensForValue(stringValue(oneLine(text))).Bytes())
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// longestHelp bounds the help that is taken from a document, in characters.
const longestHelp = 160

// sentence is the first sentence of a description, or else what stands for it.
func sentence(description, otherwise string) string {
	text := oneLine(description)
	if end := strings.Index(text, ". "); end >= 0 {
		text = text[:end+1]
	}
	text = strings.Trim(text, "*`_# ")
	switch {
	case len(text) < 10 || len(text) > longestHelp:
		return otherwise
	case !strings.HasSuffix(text, "."):
		text += "."
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

var camelHump = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// snake is a name as fields of definitions are written: project_id of projectId.
func snake(name string) string {
	name = strings.ToLower(camelHump.ReplaceAllString(name, "${1}_${2}"))
	name = strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(name, "_"), "_")
	if name == "" || name[0] < 'a' {
		return "field_" + name
	}
	return name
}
