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
	// Format is how Body is written: "json", "form", "multipart" or "raw"; empty
	// without a body.
	Format string
}

// Requests are all requests of the definition, in source order.
func (d *Definition) Requests() []Request {
	file, found := hclsyntax.ParseConfig(d.source, d.Name+".hcl", hcl.InitialPos)
	if found.HasErrors() {
		return nil // Parse has accepted the same text
	}
	var requests []Request
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		requests = append(requests, d.requestsIn(block.Body, "")...)
	}
	return requests
}

func (d *Definition) requestsIn(body *hclsyntax.Body, where string) []Request {
	var requests []Request
	if r, ok := d.requestOf(body, where); ok {
		requests = append(requests, r)
	}
	for _, block := range body.Blocks {
		name := strings.Join(append([]string{block.Type}, quoted(block.Labels)...), " ")
		requests = append(requests, d.requestsIn(block.Body, strings.TrimSpace(where+" "+name))...)
	}
	return requests
}

// requestOf is the request that a block makes; false where it makes none.
func (d *Definition) requestOf(body *hclsyntax.Body, where string) (Request, bool) {
	r := Request{Block: where, Query: d.written(body, "query"), Headers: d.written(body, "headers")}
	for _, attribute := range sortedAttributes(body) {
		switch {
		case slices.Contains(methods, attribute.Name):
			r.Method, r.Path = strings.ToUpper(attribute.Name), strings.Trim(d.written(body, attribute.Name), `"`)
		case slices.Contains(bodyFormats, attribute.Name):
			r.Format, r.Body = attribute.Name, d.written(body, attribute.Name)
		}
	}
	return r, r.Method != ""
}

// written is the source text of an attribute's expression; empty without one.
func (d *Definition) written(body *hclsyntax.Body, name string) string {
	attribute := body.Attributes[name]
	if attribute == nil {
		return ""
	}
	return string(attribute.Expr.Range().SliceBytes(d.source))
}

func quoted(labels []string) []string {
	texts := make([]string, len(labels))
	for i, label := range labels {
		texts[i] = `"` + label + `"`
	}
	return texts
}
