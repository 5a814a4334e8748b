package expr

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/zclconf/go-cty/cty"
)

const (
	// mostValues bounds how much there may be in a text, in values, each object or list
	// counting as several: with a few bytes each they would take a hundred times their
	// length in memory.
	mostValues    = 1 << 21
	perStructured = 4
	// deepestValue bounds values within values: each that computes with one looks at all
	// that are around it.
	deepestValue = 128
)

// ErrBeyond is about JSON that holds more than can be computed with.
var ErrBeyond = errors.New("holds more values, or nests them more deeply, than can be computed with")

// TooMuch reports whether a JSON text holds more than is to be read. Its strings count as
// if they were JSON.
func TooMuch(text []byte) bool {
	count := func(of string) int { return bytes.Count(text, []byte(of)) }
	return perStructured*len(text) > mostValues && count(",")+perStructured*(count("{")+count("[")) > mostValues
}

// DecodeJSON decodes one whole JSON text, keeping numbers exact.
func DecodeJSON(text []byte) (any, error) {
	if TooMuch(text) {
		return nil, ErrBeyond
	}
	decoder := json.NewDecoder(bytes.NewReader(WithoutBOM(text)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("more than one JSON value")
	}
	if err := CheckDepth(value); err != nil {
		return nil, err
	}
	return value, nil
}

// CheckDepth refuses what nests too deeply.
func CheckDepth(value any) error {
	if isDeeper(value, deepestValue) {
		return ErrBeyond
	}
	return nil
}

func isDeeper(value any, than int) bool {
	switch v := value.(type) {
	case []any:
		return than == 0 || slices.ContainsFunc(v, func(element any) bool { return isDeeper(element, than-1) })
	case map[string]any:
		for _, member := range v {
			if isDeeper(member, than-1) {
				return true
			}
		}
		return than == 0
	}
	return false
}

// WithoutBOM drops the mark with which some servers begin a text in UTF-8.
func WithoutBOM(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")) }

// EncodeJSON is value as JSON text, with null attributes left out as WithoutNulls
// does, and names in order; no HTML escapes, since some servers sign or compare the
// text.
func EncodeJSON(value cty.Value) ([]byte, error) {
	text, err := appendJSON(make([]byte, 0, 256), value)
	if err != nil {
		return nil, errors.New("cannot be written as JSON")
	}
	return text, nil
}

func appendJSON(text []byte, value cty.Value) ([]byte, error) {
	value, _ = value.Unmark()
	if value.IsNull() || !value.IsKnown() {
		return append(text, "null"...), nil
	}
	switch t := value.Type(); {
	case t == cty.String:
		return appendText(text, value.AsString())
	case t == cty.Bool:
		return strconv.AppendBool(text, value.True()), nil
	case t == cty.Number:
		return append(text, numberText(value.AsBigFloat())...), nil
	case t.IsObjectType():
		return appendObject(text, SortedNames(t.AttributeTypes()), value.GetAttr)
	case t.IsMapType():
		members := value.AsValueMap()
		return appendObject(text, SortedNames(members), func(name string) cty.Value { return members[name] })
	case t.IsTupleType() || t.IsListType() || t.IsSetType():
		return appendList(text, value)
	default:
		return append(text, "null"...), nil
	}
}

func appendObject(text []byte, names []string, member func(name string) cty.Value) (_ []byte, err error) {
	text = append(text, '{')
	first := true
	for _, name := range names {
		value := member(name)
		if value.IsNull() {
			continue
		}
		if !first {
			text = append(text, ',')
		}
		first = false
		if text, err = appendText(text, name); err != nil {
			return nil, err
		}
		if text, err = appendJSON(append(text, ':'), value); err != nil {
			return nil, err
		}
	}
	return append(text, '}'), nil
}

func appendList(text []byte, list cty.Value) (_ []byte, err error) {
	text = append(text, '[')
	first := true
	for it := list.ElementIterator(); it.Next(); {
		if !first {
			text = append(text, ',')
		}
		first = false
		_, element := it.Element()
		if text, err = appendJSON(text, element); err != nil {
			return nil, err
		}
	}
	return append(text, ']'), nil
}

// appendText writes a text as it is where nothing in it need be escaped.
func appendText(to []byte, text string) ([]byte, error) {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendEscaped(to, text)
		}
	}
	return append(append(append(to, '"'), text...), '"'), nil
}

func appendEscaped(to []byte, text string) ([]byte, error) {
	out := bytes.NewBuffer(to)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(text)
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), err
}
