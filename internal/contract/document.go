package contract

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi2"
	"github.com/getkin/kin-openapi/openapi2conv"
	"github.com/getkin/kin-openapi/openapi3"
	"go.yaml.in/yaml/v4"
)

// Document is a provider's own description of its API, whatever version of
// OpenAPI it is written in.
type Document struct {
	*openapi3.T
	// served are the servers that it names.
	served openapi3.Servers
}

// ReadDocument reads an OpenAPI 3.0 or 3.1 or a Swagger 2.0 document, in JSON or YAML.
func ReadDocument(path string) (*Document, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parsed, err := parseDocument(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	d := &Document{parsed, parsed.Servers}
	d.typePathParameters()
	d.openChoices()
	d.openParts()
	return d, nil
}

// typePathParameters makes strings of path parameters that are given no type:
// the validator takes such a one for empty.
func (d *Document) typePathParameters() {
	for _, item := range d.Paths.Map() {
		for _, operation := range item.Operations() {
			for _, p := range slices.Concat(item.Parameters, operation.Parameters) {
				if p.Value != nil && p.Value.In == openapi3.ParameterInPath && (p.Value.Schema == nil || p.Value.Schema.Value.IsEmpty()) {
					p.Value.Schema = openapi3.NewStringSchema().NewRef()
				}
			}
		}
	}
}

// openChoices drops choices between alternatives that the document leaves open:
// every value matches all of them, where it is to match exactly one.
func (d *Document) openChoices() {
	if d.Components == nil {
		return
	}
	for _, schema := range d.Components.Schemas {
		if schema.Value == nil || len(schema.Value.OneOf) == 0 {
			continue
		}
		closed := slices.ContainsFunc(schema.Value.OneOf, func(one *openapi3.SchemaRef) bool {
			return one.Value != nil && !one.Value.IsEmpty()
		})
		if !closed {
			schema.Value.OneOf = nil
		}
	}
}

// openParts lets the parts of a whole hold more than they name: the other parts
// of it, which no value could satisfy otherwise.
func (d *Document) openParts() {
	if d.Components == nil {
		return
	}
	seen := map[*openapi3.Schema]bool{}
	for _, schema := range d.Components.Schemas {
		openPartsOf(schema, seen)
	}
}

func openPartsOf(schema *openapi3.SchemaRef, seen map[*openapi3.Schema]bool) {
	if schema == nil || schema.Value == nil || seen[schema.Value] {
		return
	}
	s := schema.Value
	seen[s] = true
	if len(s.AllOf) > 1 {
		for _, part := range s.AllOf {
			if part.Value != nil {
				part.Value.AdditionalProperties.Has = nil
			}
		}
	}
	openPartsOf(s.Items, seen)
	for _, property := range s.Properties {
		openPartsOf(property, seen)
	}
	for _, part := range s.AllOf {
		openPartsOf(part, seen)
	}
}

// parseDocument reads JSON, and YAML, of which JSON is a part.
func parseDocument(text []byte) (*openapi3.T, error) {
	var version struct {
		Swagger string `yaml:"swagger"`
		OpenAPI string `yaml:"openapi"`
	}
	if err := yaml.Unmarshal(text, &version); err != nil {
		return nil, err
	}
	switch {
	case version.OpenAPI != "":
		return openapi3.NewLoader().LoadFromData(text)
	case version.Swagger == "":
		return nil, errors.New("it is no OpenAPI document: it says neither openapi nor swagger")
	}
	text, err := asJSON(text)
	if err != nil {
		return nil, err
	}
	var old openapi2.T
	if err := json.Unmarshal(text, &old); err != nil {
		return nil, err
	}
	return openapi2conv.ToV3(&old)
}

// asJSON is YAML as JSON; names that YAML takes for numbers, such as the statuses
// of answers, are texts there.
func asJSON(text []byte) ([]byte, error) {
	if json.Valid(text) {
		return text, nil
	}
	var root yaml.Node
	if err := yaml.Unmarshal(text, &root); err != nil {
		return nil, err
	}
	value, err := plainNode(&root)
	if err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

func plainNode(n *yaml.Node) (any, error) {
	switch n.Kind {
	case yaml.DocumentNode:
		return plainNode(n.Content[0])
	case yaml.AliasNode:
		return plainNode(n.Alias)
	case yaml.SequenceNode:
		elements := make([]any, len(n.Content))
		for i, inner := range n.Content {
			var err error
			if elements[i], err = plainNode(inner); err != nil {
				return nil, err
			}
		}
		return elements, nil
	case yaml.MappingNode:
		members := map[string]any{}
		for i := 0; i+1 < len(n.Content); i += 2 {
			value, err := plainNode(n.Content[i+1])
			if err != nil {
				return nil, err
			}
			members[n.Content[i].Value] = value
		}
		return members, nil
	}
	var value any
	return value, n.Decode(&value)
}

// ServerPath is the path of the document's first server, without a slash at
// its end.
func (d *Document) ServerPath() string {
	if len(d.served) == 0 {
		return ""
	}
	parsed, err := url.Parse(d.served[0].URL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(parsed.Path, "/")
}

// ServedAt reports whether the document names base as one of its servers, or one below it:
// what stands between is the beginning of every path. It is true as well where the document
// names no host at all.
func (d *Document) ServedAt(base string) bool {
	hosts := 0
	for _, server := range d.served {
		if !strings.Contains(server.URL, "://") || strings.Contains(server.URL, "{") {
			continue
		}
		hosts++
		if strings.HasPrefix(strings.TrimRight(server.URL, "/")+"/", strings.TrimRight(base, "/")+"/") {
			return true
		}
	}
	return hosts == 0
}

// ignoreParameters makes the document forget parameters, each written
// "header x-name" or "query name".
func (d *Document) ignoreParameters(names []string) {
	unwanted := func(p *openapi3.ParameterRef) bool {
		return p.Value != nil && slices.Contains(names, p.Value.In+" "+p.Value.Name)
	}
	for _, item := range d.Paths.Map() {
		item.Parameters = slices.DeleteFunc(item.Parameters, unwanted)
		for _, operation := range item.Operations() {
			operation.Parameters = slices.DeleteFunc(operation.Parameters, unwanted)
		}
	}
}

// textForms has properties of forms be texts where the document says nothing of them: a
// form can hold nothing else.
func (d *Document) textForms() {
	for _, item := range d.Paths.Map() {
		for _, operation := range item.Operations() {
			if operation.RequestBody == nil || operation.RequestBody.Value == nil {
				continue
			}
			form := operation.RequestBody.Value.Content["application/x-www-form-urlencoded"]
			if form == nil || form.Schema == nil || form.Schema.Value == nil {
				continue
			}
			for _, property := range form.Schema.Value.Properties {
				if property.Value != nil && property.Value.IsEmpty() {
					property.Value.Type = &openapi3.Types{openapi3.TypeString}
				}
			}
		}
	}
}

// serveUnder makes prefix all that stands before the document's paths.
func (d *Document) serveUnder(prefix string) {
	if prefix == "" {
		prefix = "/"
	}
	d.Servers = openapi3.Servers{{URL: prefix}}
	for _, item := range d.Paths.Map() {
		item.Servers = nil
		for _, operation := range item.Operations() {
			operation.Servers = nil
		}
	}
}
