package providers

import (
	"bytes"
	"errors"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/zclconf/go-cty/cty"
)

// render writes the request for the values in scope. An error means that
// nothing was sent; it quotes no value. Secret texts that go into the request
// are added to secrets.
func render(c *call, base *url.URL, s scope, secrets *secretTexts) (*request, error) {
	target, err := renderTarget(c, base, s, secrets)
	if err != nil {
		return nil, err
	}
	body, contentType, err := renderBody(c, s, secrets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.format, err)
	}
	header, err := renderHeaders(c, s, secrets)
	if err != nil {
		return nil, fmt.Errorf("headers: %w", err)
	}
	if contentType != "" && header.Get("Content-Type") == "" {
		header.Set("Content-Type", contentType)
	}
	if !c.text && header.Get("Accept") == "" {
		header.Set("Accept", "application/json")
	}
	return &request{op: c.block, method: c.method, url: target, header: header, body: body}, nil
}

// renderTarget is the URL: of a further page, where the answer before named that.
func renderTarget(c *call, base *url.URL, s scope, secrets *secretTexts) (*url.URL, error) {
	if next := followingPage(c.pagination, s); next != nil {
		return next, nil
	}
	target, err := c.path.target(base, s, secrets)
	if err != nil {
		return nil, err
	}
	query, err := renderQuery(c, s, secrets)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	askForPage(c.pagination, query, s)
	target.RawQuery = query.Encode()
	return target, nil
}

func renderQuery(c *call, s scope, secrets *secretTexts) (url.Values, error) {
	if c.query == nil {
		return url.Values{}, nil
	}
	value, err := s.evaluate(c.query)
	if err != nil {
		return nil, err
	}
	return flatten(value, secrets)
}

func renderHeaders(c *call, s scope, secrets *secretTexts) (http.Header, error) {
	header := http.Header{}
	if c.headers == nil {
		return header, nil
	}
	value, err := s.evaluate(c.headers)
	if err != nil {
		return nil, err
	}
	lines, err := flatten(value, secrets)
	if err != nil {
		return nil, err
	}
	for name, texts := range lines {
		for _, text := range texts {
			if err := checkHeader(name, text); err != nil {
				return nil, err
			}
			header.Add(name, text)
		}
	}
	return header, nil
}

// renderBody is the request's body and its content type.
func renderBody(c *call, s scope, secrets *secretTexts) ([]byte, string, error) {
	if c.body == nil {
		return nil, "", nil
	}
	value, err := s.evaluate(c.body)
	if err != nil {
		return nil, "", err
	}
	secrets.addMarked(value)
	switch c.format {
	case jsonBody:
		body, err := encodeJSON(withoutNulls(value))
		return body, "application/json", err
	case formBody:
		form, err := flatten(value, secrets)
		return []byte(form.Encode()), "application/x-www-form-urlencoded", err
	case multipartBody:
		return writeMultipart(value, secrets)
	default:
		text, ok := textOf(value)
		if !ok {
			return nil, "", errors.New("must be a string")
		}
		return []byte(text), "", nil
	}
}

func writeMultipart(value cty.Value, secrets *secretTexts) ([]byte, string, error) {
	fields, err := flatten(value, secrets)
	if err != nil {
		return nil, "", err
	}
	var body bytes.Buffer
	writer := multipart.NewWriter(&body)
	for _, name := range sortedNames(fields) {
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
