// Apidocs writes docs/api.md from the OpenAPI document of a mount: every endpoint
// with its fields, the document's sample of a request, and what a mount answers to it.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/paths"
)

const file = "docs/api.md"

func main() {
	text, err := page(context.Background())
	if err == nil {
		err = os.WriteFile(file, text, 0o644)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

//go:embed api.md.tmpl
var pageText string

// endpoint is one path of the mount.
type endpoint struct {
	Path, About string
	Sudo        bool
	Operations  []operation
}

// operation is one method of an endpoint, with a request that was sent and what was
// answered; "" for nothing.
type operation struct {
	Method, ID, Summary string
	Fields, Answers     []field
	Request, Answer     string
}

// IsText tells whether the answer is no JSON.
func (o operation) IsText() bool { return !strings.HasPrefix(o.Answer, "{") }

type field struct{ Name, Type, About string }

// page is the whole reference.
func page(ctx context.Context) ([]byte, error) {
	document, err := openAPI(ctx)
	if err != nil {
		return nil, err
	}
	samples, err := play(ctx, document)
	if err != nil {
		return nil, err
	}
	var endpoints []endpoint
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		described, err := describe(document, path, samples)
		if err != nil {
			return nil, err
		}
		endpoints = append(endpoints, described)
	}
	var text bytes.Buffer
	page := template.Must(template.New("").Parse(pageText))
	if err := page.Execute(&text, endpoints); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// openAPI asks a mount of its own for the document, as Vault does.
func openAPI(ctx context.Context) (*framework.OASDocument, error) {
	storage := &logical.InmemStorage{}
	mount, err := mountAt(ctx, storage, paths.Factory)
	if err != nil {
		return nil, err
	}
	defer mount.Cleanup(ctx)
	help, err := mount.HandleRequest(ctx, &logical.Request{
		Operation: logical.HelpOperation, Storage: storage, Data: map[string]any{"requestResponsePrefix": "apikeys"},
	})
	if err != nil {
		return nil, err
	}
	document, ok := help.Data["openapi"].(*framework.OASDocument)
	if !ok {
		return nil, errors.New("the mount's help has no OpenAPI document")
	}
	return document, nil
}

func describe(document *framework.OASDocument, path string, samples map[string]exchange) (endpoint, error) {
	item := document.Paths[path]
	e := endpoint{Path: path, About: sentence(item.Description), Sudo: item.Sudo}
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		does := operationOf(item, method)
		if does == nil {
			continue
		}
		sample, sent := samples[method+" "+path]
		if !sent {
			return endpoint{}, fmt.Errorf("%s %s has no sample: tell of it in the story", method, path)
		}
		o := describeOperation(document, item, does)
		o.Method, o.Answer = method, sample.answer
		o.Request = strings.TrimSpace(method + " " + sample.path + "\n\n" + sample.body)
		e.Operations = append(e.Operations, o)
	}
	return e, nil
}

// operationOf is what a method does; nil where it does nothing.
func operationOf(item *framework.OASPathItem, method string) *framework.OASOperation {
	return map[string]*framework.OASOperation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}[method]
}

func describeOperation(document *framework.OASDocument, item *framework.OASPathItem, does *framework.OASOperation) operation {
	o := operation{ID: does.OperationID, Summary: sentence(does.Summary)}
	for _, parameter := range slices.Concat(item.Parameters, does.Parameters) {
		o.Fields = append(o.Fields, field{parameter.Name, typeOf(parameter.Schema), parameter.In + ". " + sentence(parameter.Description)})
	}
	if does.RequestBody != nil {
		o.Fields = append(o.Fields, fieldsOf(resolve(document, does.RequestBody.Content))...)
	}
	if answer := does.Responses[http.StatusOK]; answer != nil {
		o.Answers = fieldsOf(resolve(document, answer.Content))
	}
	return o
}

// resolve is the schema of a body, with no reference left; nil for none.
func resolve(document *framework.OASDocument, content framework.OASContent) *framework.OASSchema {
	body := content["application/json"]
	if body == nil || body.Schema == nil {
		return nil
	}
	if name, is := strings.CutPrefix(body.Schema.Ref, "#/components/schemas/"); is {
		return document.Components.Schemas[name]
	}
	return body.Schema
}

func fieldsOf(schema *framework.OASSchema) (fields []field) {
	if schema == nil {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		property := schema.Properties[name]
		fields = append(fields, field{name, typeOf(property), sentence(property.Description)})
	}
	return fields
}

func typeOf(schema *framework.OASSchema) string {
	switch {
	case schema == nil:
		return ""
	case schema.Type == "array" && schema.Items != nil:
		return "list of " + schema.Items.Type
	case schema.Format == "duration" || schema.Format == "seconds":
		return "duration"
	case schema.Format == "date-time":
		return "time"
	}
	return schema.Type
}

// sentence is a text on one line, fit for a cell of a table.
func sentence(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
