package providers

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// render writes the request for the values in scope. An error means that
// nothing was sent; it quotes no value. Secret texts that go into the request
// are concealed. What all requests have in common is computed in the scope common.
func render(c *definition.Call, base *url.URL, s, common expr.Scope) (*transport.Request, error) {
	target, err := renderTarget(c, base, s, common)
	if err != nil {
		return nil, err
	}
	body, contentType, err := renderBody(c, s, common)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Format, err)
	}
	header, err := renderHeaders(c, s, common)
	if err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	if contentType != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", contentType)
	}
	if !c.Text && header.Get("Accept") == "" {
		header.Set("Accept", "application/json")
	}
	return &transport.Request{Op: c.Block, Method: c.Method, URL: target, Header: header, Body: body}, nil
}

// renderTarget is the URL: of a further page, where the answer before named that.
func renderTarget(c *definition.Call, base *url.URL, s, common expr.Scope) (*url.URL, error) {
	if next := followingPage(c.Pagination, s); next != nil {
		return next, nil
	}
	target, err := c.Path.Target(base, s)
	if err != nil {
		return nil, err
	}
	query, err := renderQuery(c, s, common)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	askForPage(c.Pagination, query, s)
	target.RawQuery = query.Encode()
	return target, nil
}

// shared is what all requests have in common; nothing where the definition does not say.
func shared(c *definition.Call) definition.SharedRequest {
	if c.Shared == nil {
		return definition.SharedRequest{}
	}
	return *c.Shared
}

// together is an object of a request over the one that all requests have in common; one
// without members where neither is written. Names are the same by fold, and those that are
// left out are not taken from what is common.
func together(own, shared hclsyntax.Expression, s, common expr.Scope, fold func(string) string, leftOut ...string) (cty.Value, error) {
	value := cty.EmptyObjectVal
	var err error
	if own != nil {
		if value, err = s.Evaluate(own); err != nil {
			return cty.NilVal, err
		}
	}
	if shared != nil {
		base, err := common.Evaluate(shared)
		if err != nil {
			return cty.NilVal, err
		}
		value = expr.Overlay(base, value, fold, leftOut...)
	}
	s.Conceal(value)
	return value, nil
}

func asWritten(name string) string { return name }

func renderQuery(c *definition.Call, s, common expr.Scope) (url.Values, error) {
	if c.Query == nil && shared(c).Query == nil {
		return url.Values{}, nil
	}
	value, err := together(c.Query, shared(c).Query, s, common, asWritten)
	if err != nil {
		return nil, err
	}
	return expr.Flatten(value)
}

// renderHeaders leaves out a common Content-Type where there is no content.
func renderHeaders(c *definition.Call, s, common expr.Scope) (http.Header, error) {
	header := http.Header{}
	if c.Headers == nil && shared(c).Headers == nil {
		return header, nil
	}
	var leftOut []string
	if c.Body == nil {
		leftOut = []string{"Content-Type"}
	}
	value, err := together(c.Headers, shared(c).Headers, s, common, http.CanonicalHeaderKey, leftOut...)
	if err != nil {
		return nil, err
	}
	lines, err := expr.Flatten(value)
	if err != nil {
		return nil, err
	}
	for name, texts := range lines {
		for _, text := range texts {
			if err := transport.CheckHeader(name, text); err != nil {
				return nil, err
			}
			header.Add(name, text)
		}
	}
	return header, nil
}

// renderBody is the request's body and its content type.
func renderBody(c *definition.Call, s, common expr.Scope) ([]byte, string, error) {
	if c.Body == nil {
		return nil, "", nil
	}
	var beneath hclsyntax.Expression
	if c.Format == definition.JSONBody {
		beneath = shared(c).JSON
	}
	value, err := together(c.Body, beneath, s, common, asWritten)
	if err != nil {
		return nil, "", err
	}
	switch c.Format {
	case definition.JSONBody:
		body, err := expr.EncodeJSON(value)
		return body, "application/json", err
	case definition.FormBody:
		form, err := expr.Flatten(value)
		return []byte(form.Encode()), "application/x-www-form-urlencoded", err
	case definition.MultipartBody:
		return writeMultipart(value)
	default:
		text, ok := expr.TextOf(value)
		if !ok {
			return nil, "", errors.New("must be a string")
		}
		return []byte(text), "", nil
	}
}

func writeMultipart(value cty.Value) ([]byte, string, error) {
	fields, err := expr.Flatten(value)
	if err != nil {
		return nil, "", err
	}
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for _, name := range expr.SortedNames(fields) {
		for _, text := range fields[name] {
			if err := writer.WriteField(name, text); err != nil {
				return nil, "", err
			}
		}
	}
	if err := writer.Close(); err != nil {
		return nil, "", err
	}
	return body.Bytes(), writer.FormDataContentType(), nil
}
