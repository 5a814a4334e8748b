package providers

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// errNoList says that there is no list at the path.
var errNoList = errors.New("no list is there")

// withoutItems reads an answer whose list at path is left out: in its place is an
// empty one. rest is the text that begins with the list.
func withoutItems(text []byte, path []string) (value any, rest []byte, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	at := int64(-1)
	if value, err = skipAt(decoder, path, &at); err != nil {
		return nil, nil, err
	}
	if at < 0 {
		return nil, nil, errNoList
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, nil, errors.New("more than one JSON value")
	}
	return value, text[at:], nil
}

// skipAt reads one value, but for the list at path within it, whose place it
// notes.
func skipAt(decoder *json.Decoder, path []string, at *int64) (any, error) {
	if len(path) == 0 {
		return skipList(decoder, at)
	}
	if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
		return nil, errors.Join(errNoList, err)
	}
	fields := map[string]any{}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return nil, err
		}
		var value any
		if name == path[0] {
			value, err = skipAt(decoder, path[1:], at)
		} else {
			value, err = decodeNext(decoder)
		}
		if err != nil {
			return nil, err
		}
		fields[name.(string)] = value // a name in an object is a string
	}
	_, err := decoder.Token()
	return fields, err
}

// decodeNext reads the next value, within bounds.
func decodeNext(decoder *json.Decoder) (any, error) {
	var text json.RawMessage
	if err := decoder.Decode(&text); err != nil {
		return nil, err
	}
	return expr.DecodeJSON(text)
}

func skipList(decoder *json.Decoder, at *int64) (any, error) {
	if token, err := decoder.Token(); err != nil || token != json.Delim('[') {
		return nil, errors.Join(errNoList, err)
	}
	*at = decoder.InputOffset() - 1
	for decoder.More() {
		var skipped json.RawMessage
		if err := decoder.Decode(&skipped); err != nil {
			return nil, err
		}
		if expr.TooMuch(skipped) {
			return nil, expr.ErrBeyond
		}
	}
	_, err := decoder.Token()
	return []any{}, err
}

// eachItem reads the items of a list one by one. size is the length of an item's
// text.
func eachItem(list []byte, visit func(item cty.Value, size int)) error {
	decoder := json.NewDecoder(bytes.NewReader(list))
	decoder.UseNumber()
	if _, err := decoder.Token(); err != nil {
		return err
	}
	for decoder.More() {
		before := decoder.InputOffset()
		var item any
		if err := errors.Join(decoder.Decode(&item), expr.CheckDepth(item)); err != nil {
			return err
		}
		visit(expr.ToCty(item), int(decoder.InputOffset()-before))
	}
	return nil
}
