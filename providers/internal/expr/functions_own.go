package expr

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // some providers name things by it; nothing is protected with it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// onText makes a function of one string. Null stays null, so that an optional
// field can go through it and still be left out of the request.
func onText(result cty.Type, compute func(string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "text", Type: cty.String, AllowNull: true}},
		Type:   function.StaticReturnType(result),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if args[0].IsNull() {
				return cty.NullVal(result), nil
			}
			return compute(args[0].AsString())
		},
	})
}

// onTexts makes a function of two strings.
func onTexts(first, second string, result cty.Type, compute func(a, b string) (cty.Value, error)) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: first, Type: cty.String}, {Name: second, Type: cty.String}},
		Type:   function.StaticReturnType(result),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return compute(args[0].AsString(), args[1].AsString())
		},
	})
}

// jsonDecodeFunc is Terraform's, with an answer's own bounds on numbers.
var jsonDecodeFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "text", Type: cty.String}},
	Type: func(args []cty.Value) (cty.Type, error) {
		if !args[0].IsKnown() {
			return cty.DynamicPseudoType, nil
		}
		value, err := DecodeJSON([]byte(args[0].AsString()))
		return ToCty(value).Type(), err
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		value, err := DecodeJSON([]byte(args[0].AsString()))
		return ToCty(value), err
	},
})

// encoder makes a function from string to string that cannot fail.
func encoder(encode func(string) string) function.Function {
	return onText(cty.String, func(text string) (cty.Value, error) { return cty.StringVal(encode(text)), nil })
}

// hashing makes a function to the hash of a string: in hex, or as its last
// argument says.
func hashing(newHash func() hash.Hash) function.Function {
	return encodedDigest([]function.Parameter{{Name: "text", Type: cty.String}}, func(args []string) []byte {
		h := newHash()
		h.Write([]byte(args[0]))
		return h.Sum(nil)
	})
}

// keyedHashing makes a function to the HMAC of a string, likewise.
func keyedHashing(newHash func() hash.Hash) function.Function {
	return encodedDigest([]function.Parameter{{Name: "key", Type: cty.String}, {Name: "text", Type: cty.String}}, func(args []string) []byte {
		h := hmac.New(newHash, []byte(args[0]))
		h.Write([]byte(args[1]))
		return h.Sum(nil)
	})
}

// encodedDigest makes a function to bytes, which are written in the encoding
// that an optional last argument names.
func encodedDigest(params []function.Parameter, compute func(args []string) []byte) function.Function {
	return function.New(&function.Spec{
		Params:   params,
		VarParam: &function.Parameter{Name: "encoding", Type: cty.String},
		Type:     function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			texts := make([]string, len(args))
			for i, arg := range args {
				texts[i] = arg.AsString()
			}
			encode := Encodings["hex"]
			if given := texts[len(params):]; len(given) > 0 {
				encode = Encodings[given[0]]
			}
			if encode == nil || len(texts) > len(params)+1 {
				return cty.NilVal, errors.New(`the encoding must be "hex", "base64" or "base64url"`)
			}
			return cty.StringVal(encode(compute(texts))), nil
		},
	})
}

var (
	base64EncodeFunc = encoder(func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) })
	base64URLFunc    = encoder(func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) })
	hexFunc          = encoder(func(text string) string { return hex.EncodeToString([]byte(text)) })
	urlEncodeFunc    = encoder(url.QueryEscape)

	sha1Func       = hashing(sha1.New)
	sha256Func     = hashing(sha256.New)
	sha512Func     = hashing(sha512.New)
	hmacSHA256Func = keyedHashing(sha256.New)
	hmacSHA512Func = keyedHashing(sha512.New)
)

var base64DecodeFunc = onText(cty.String, func(text string) (cty.Value, error) {
	trimmed := strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	decoded, err := base64.RawStdEncoding.DecodeString(trimmed)
	if err != nil || !utf8.Valid(decoded) {
		return cty.NilVal, errors.New("must be base64 of UTF-8 text")
	}
	return cty.StringVal(string(decoded)), nil
})

var urlDecodeFunc = onText(cty.String, func(text string) (cty.Value, error) {
	decoded, err := url.QueryUnescape(text)
	if err != nil || !utf8.ValidString(decoded) {
		return cty.NilVal, errors.New("must be escaped as in a URL's query")
	}
	return cty.StringVal(decoded), nil
})

var startsWithFunc = onTexts("text", "prefix", cty.Bool, func(text, prefix string) (cty.Value, error) {
	return cty.BoolVal(strings.HasPrefix(text, prefix)), nil
})

var endsWithFunc = onTexts("text", "suffix", cty.Bool, func(text, suffix string) (cty.Value, error) {
	return cty.BoolVal(strings.HasSuffix(text, suffix)), nil
})

// stringContainsFunc has Terraform's name: contains is about lists.
var stringContainsFunc = onTexts("text", "part", cty.Bool, func(text, part string) (cty.Value, error) {
	return cty.BoolVal(strings.Contains(text, part)), nil
})

// uuidNamespaces are the short names that RFC 9562 gives to namespaces.
var uuidNamespaces = map[string]uuid.UUID{
	"dns": uuid.NameSpaceDNS, "url": uuid.NameSpaceURL, "oid": uuid.NameSpaceOID, "x500": uuid.NameSpaceX500,
}

// uuidFunc makes the id of a key out of its name, where the provider lets the
// caller choose ids.
var uuidFunc = onTexts("namespace", "name", cty.String, func(namespace, name string) (cty.Value, error) {
	space, ok := uuidNamespaces[namespace]
	if !ok {
		var err error
		if space, err = uuid.Parse(namespace); err != nil {
			return cty.NilVal, errors.New(`the namespace must be "dns", "url", "oid", "x500" or a UUID`)
		}
	}
	return cty.StringVal(uuid.NewSHA1(space, []byte(name)).String()), nil
})

// onTime makes a function of an RFC 3339 time; null stays null.
func onTime(result cty.Type, compute func(time.Time) cty.Value) function.Function {
	return onText(result, func(text string) (cty.Value, error) {
		t, err := time.Parse(time.RFC3339, text)
		if err != nil {
			return cty.NilVal, errors.New("must be an RFC 3339 time")
		}
		return compute(t.UTC()), nil
	})
}

var (
	rfc3339Func    = onTime(cty.String, func(t time.Time) cty.Value { return cty.StringVal(t.Format(time.RFC3339)) })
	unixFunc       = onTime(cty.Number, func(t time.Time) cty.Value { return cty.NumberIntVal(t.Unix()) })
	unixMillisFunc = onTime(cty.Number, func(t time.Time) cty.Value { return cty.NumberIntVal(t.UnixMilli()) })
)

// secondsFunc reads a duration: seconds("30d") is 2592000.
var secondsFunc = onText(cty.Number, func(text string) (cty.Value, error) {
	d, err := ParseDuration(text)
	if err != nil {
		return cty.NilVal, errors.New(`must be a duration such as "90s", "24h" or "30d"`)
	}
	return cty.NumberIntVal(int64(d / time.Second)), nil
})

// formatDateFunc is formatdate(format, time); a null time stays null.
var formatDateFunc = function.New(&function.Spec{
	Params: []function.Parameter{
		{Name: "format", Type: cty.String},
		{Name: "time", Type: cty.String, AllowNull: true},
	},
	Type: function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		if args[1].IsNull() {
			return cty.NullVal(cty.String), nil
		}
		return stdlib.FormatDate(args[0], args[1])
	},
})

// lengthFunc counts the elements of a list, map or object, or the characters
// of a string.
var lengthFunc = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType, AllowDynamicType: true}},
	Type: func(args []cty.Value) (cty.Type, error) {
		t := args[0].Type()
		if t == cty.Number || t == cty.Bool {
			return cty.NilType, errors.New("must be a list, a map, an object or a string")
		}
		return cty.Number, nil
	},
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		switch t := args[0].Type(); {
		case t == cty.String:
			return cty.NumberIntVal(int64(utf8.RuneCountInString(args[0].AsString()))), nil
		case t.IsObjectType():
			return cty.NumberIntVal(int64(len(t.AttributeTypes()))), nil
		default:
			return args[0].Length(), nil
		}
	},
})

// coalesceFunc is the first argument that is not null, or null.
var coalesceFunc = function.New(&function.Spec{
	VarParam: &function.Parameter{Name: "values", Type: cty.DynamicPseudoType, AllowNull: true, AllowUnknown: true, AllowDynamicType: true},
	Type: func(args []cty.Value) (cty.Type, error) {
		types := make([]cty.Type, 0, len(args))
		for _, arg := range args {
			if !arg.RawEquals(cty.NullVal(cty.DynamicPseudoType)) {
				types = append(types, arg.Type())
			}
		}
		if len(types) == 0 {
			return cty.DynamicPseudoType, nil
		}
		if common, _ := convert.UnifyUnsafe(types); common != cty.NilType {
			return common, nil
		}
		return cty.NilType, errors.New("all values must be of one type")
	},
	Impl: func(args []cty.Value, result cty.Type) (cty.Value, error) {
		for _, arg := range args {
			if !arg.IsKnown() {
				return cty.UnknownVal(result), nil
			}
			if !arg.IsNull() {
				return convert.Convert(arg, result)
			}
		}
		return cty.NullVal(result), nil
	},
})
