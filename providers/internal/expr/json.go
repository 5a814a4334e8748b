package expr

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/zclconf/go-cty/cty"
)

// DecodeJSON decodes one whole JSON text, keeping numbers exact.
func DecodeJSON(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(WithoutBOM(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, errors.New("more than one JSON value")
	}
	return value, nil
}

// WithoutBOM drops the mark with which some servers begin a text in UTF-8.
func WithoutBOM(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) }

// EncodeJSON is value as JSON text; no HTML escapes, since some servers sign
// or compare the text.
func EncodeJSON(value cty.Value) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(FromCty(value)); err != nil {
		return nil, errors.New("cannot be written as JSON")
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}
