// Apidocs writes docs/api.md from the OpenAPI document of a mount: every endpoint
// with its fields, a request and an answer.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"text/template"

	"github.com/hashicorp/go-hclog"
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

// operation is one method of an endpoint. Request and Answer are JSON; "" for none.
type operation struct {
	Method, ID, Summary string
	Fields, Answers     []field
	Request, Answer     string
}

type field struct{ Name, Type, About string }

// page is the whole reference.
func page(ctx context.Context) ([]byte, error) {
	document, err := openAPI(ctx)
	if err != nil {
		return nil, err
	}
	var endpoints []endpoint
	for _, path := range slices.Sorted(maps.Keys(document.Paths)) {
		endpoints = append(endpoints, describe(document, path))
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
	mount, err := paths.Factory(ctx, &logical.BackendConfig{
		StorageView: storage, System: &logical.StaticSystemView{PluginEnvironment: &logical.PluginEnvironment{}}, Logger: hclog.NewNullLogger(), BackendUUID: "docs",
	})
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

func describe(document *framework.OASDocument, path string) endpoint {
	item := document.Paths[path]
	e := endpoint{Path: path, About: sentence(item.Description), Sudo: item.Sudo}
	for _, one := range []struct {
		method string
		does   *framework.OASOperation
	}{{http.MethodGet, item.Get}, {http.MethodPost, item.Post}, {http.MethodPatch, item.Patch}, {http.MethodDelete, item.Delete}} {
		if one.does != nil {
			e.Operations = append(e.Operations, describeOperation(document, item, one.method, one.does))
		}
	}
	return e
}

func describeOperation(document *framework.OASDocument, item *framework.OASPathItem, method string, does *framework.OASOperation) operation {
	o := operation{Method: method, ID: does.OperationID, Summary: sentence(does.Summary)}
	for _, parameter := range slices.Concat(item.Parameters, does.Parameters) {
		o.Fields = append(o.Fields, field{parameter.Name, typeOf(parameter.Schema), parameter.In + ". " + sentence(parameter.Description)})
	}
	if does.RequestBody != nil {
		schema := resolve(document, does.RequestBody.Content)
		o.Fields = append(o.Fields, fieldsOf(schema)...)
		o.Request = sample(schema)
	}
	if answer := does.Responses[http.StatusOK]; answer != nil {
		schema := resolve(document, answer.Content)
		o.Answers, o.Answer = fieldsOf(schema), sample(schema)
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

// sample is a body with a value for each field, as the field shows itself.
func sample(schema *framework.OASSchema) string {
	if schema == nil || len(schema.Properties) == 0 {
		return ""
	}
	values := map[string]any{}
	for name, property := range schema.Properties {
		values[name] = sampleOf(property)
	}
	text, err := json.MarshalIndent(values, "", "  ")
	if err != nil {
		panic("apidocs: a sample cannot be written: " + err.Error())
	}
	return string(text)
}

func sampleOf(property *framework.OASSchema) any {
	shown := property.DisplayValue
	switch typeOf(property) {
	case "integer":
		return firstOf(shown, property.Default, 3600)
	case "number":
		return firstOf(shown, property.Default, 1.5)
	case "boolean":
		return firstOf(shown, property.Default, true)
	case "duration":
		return firstOf(shown, "1h")
	case "time":
		return "2026-01-31T12:00:00Z"
	case "object":
		return firstOf(shown, map[string]any{})
	case "list of string":
		if text, is := shown.(string); is && text != "" {
			return strings.Split(text, ",")
		}
		return firstOf(shown, []string{"…"})
	case "list of object":
		return []any{}
	}
	return firstOf(shown, "…")
}

// firstOf is the first that is not nil and not the empty text.
func firstOf(values ...any) any {
	for _, value := range values {
		if value != nil && value != "" {
			return value
		}
	}
	return nil
}

// sentence is a text on one line, fit for a cell of a table.
func sentence(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
