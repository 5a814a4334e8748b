package providers

import (
	"bytes"
	"encoding/json"
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
func (c *call) render(base *url.URL, s scope, secrets *secretTexts) (*request, error) {
	target, err := c.path.target(base, s, secrets)
	if err != nil {
		return nil, err
	}
	query, err := c.renderQuery(s, secrets)
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	target.RawQuery = query.Encode()
	body, contentType, err := c.renderBody(s, secrets)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.format, err)
	}
	header, err := c.renderHeaders(s, secrets)
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

func (c *call) renderQuery(s scope, secrets *secretTexts) (url.Values, error) {
	if c.query == nil {
		return url.Values{}, nil
	}
	value, err := s.evaluate(c.query)
	if err != nil {
		return nil, err
	}
	return flatten(value, secrets)
}

func (c *call) renderHeaders(s scope, secrets *secretTexts) (http.Header, error) {
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
func (c *call) renderBody(s scope, secrets *secretTexts) ([]byte, string, error) {
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

// encodeJSON is value as JSON text; no HTML escapes, since some servers sign
// or compare the text.
func encodeJSON(value cty.Value) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(fromCty(value)); err != nil {
		return nil, errors.New("cannot be written as JSON")
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
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

// flatten reads an object of texts and lists of texts; what is null is left
// out, and a list repeats its name.
func flatten(value cty.Value, secrets *secretTexts) (url.Values, error) {
	secrets.addMarked(value)
	value, _ = value.UnmarkDeep()
	flat := url.Values{}
	if value.IsNull() {
		return flat, nil
	}
	if t := value.Type(); !t.IsObjectType() && !t.IsMapType() {
		return nil, errors.New("must be an object")
	}
	for name, element := range value.AsValueMap() {
		if element.IsNull() {
			continue
		}
		if text, ok := textOf(element); ok {
			flat.Add(name, text)
			continue
		}
		if t := element.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
			return nil, fmt.Errorf("%q must be a string, a number, a bool or a list of them", name)
		}
		for _, one := range element.AsValueSlice() {
			text, ok := textOf(one)
			if !ok {
				return nil, fmt.Errorf("%q must be a list of strings, numbers or bools", name)
			}
			flat.Add(name, text)
		}
	}
	return flat, nil
}
