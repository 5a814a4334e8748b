package providers

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// render writes the request for the values in scope. An error means that
// nothing was sent; it quotes no value. Secret texts that go into the request
// are concealed.
func render(c *definition.Call, base *url.URL, s expr.Scope) (*transport.Request, error) {
	target, err := renderTarget(c, base, s)
	if err != nil {
		return nil, err
	}
	body, contentType, err := renderBody(c, s)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Format, err)
	}
	header, err := renderHeaders(c, s)
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
func renderTarget(c *definition.Call, base *url.URL, s expr.Scope) (*url.URL, error) {
	if next := followingPage(c.Pagination, s); next != nil {
		return next, nil
	}
	target, err := c.Path.Target(base, s)
	if err != nil {
		return nil, err
	}
	query, err := renderQuery(c, s)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	askForPage(c.Pagination, query, s)
	target.RawQuery = query.Encode()
	return target, nil
}

func renderQuery(c *definition.Call, s expr.Scope) (url.Values, error) {
	if c.Query == nil {
		return url.Values{}, nil
	}
	value, err := s.Evaluate(c.Query)
	if err != nil {
		return nil, err
	}
	s.Conceal(value)
	return expr.Flatten(value)
}

func renderHeaders(c *definition.Call, s expr.Scope) (http.Header, error) {
	header := http.Header{}
	if c.Headers == nil {
		return header, nil
	}
	value, err := s.Evaluate(c.Headers)
	if err != nil {
		return nil, err
	}
	s.Conceal(value)
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
func renderBody(c *definition.Call, s expr.Scope) ([]byte, string, error) {
	if c.Body == nil {
		return nil, "", nil
	}
	value, err := s.Evaluate(c.Body)
	if err != nil {
		return nil, "", err
	}
	s.Conceal(value)
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
