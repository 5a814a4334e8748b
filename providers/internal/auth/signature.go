package auth

import (
	"crypto"
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/http"
	"net/url"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// requestTime is request.time: RFC 3339 with milliseconds, so that every other
// way to write the moment can be computed from it.
const requestTime = "2006-01-02T15:04:05.000Z07:00"

// requestNames are the attributes of request.* in a recipe.
var requestNames = []string{"method", "path", "query", "target", "url", "host", "body", "time", "nonce"}

// unknownRequest is request.* before there is one.
var unknownRequest = func() cty.Value {
	attributes := map[string]cty.Value{}
	for _, name := range requestNames {
		attributes[name] = cty.UnknownVal(cty.String).RefineNotNull()
	}
	return cty.ObjectVal(attributes)
}()

var (
	signedNames        = map[string]cty.Value{"request": unknownRequest}
	signedRequestNames = map[string]cty.Value{
		"request":   unknownRequest,
		"signature": cty.UnknownVal(cty.String).RefineNotNull(),
	}
)

// signatureKind signs each request by a recipe: what is signed, with which key,
// and where the signature goes, all stated by the definition.
var signatureKind = Kind{
	Arguments: map[string]Argument{
		"algorithm":    {Kind: cty.String, Required: true, Enum: []string{"hmac-sha256", "hmac-sha384", "hmac-sha512", "rsa-sha256", "ed25519"}},
		"key":          {Kind: cty.String, Required: true},
		"key_encoding": {Kind: cty.String, Enum: []string{"text", "hex", "base64"}},
		"message":      {Kind: cty.String, Required: true, Adds: signedNames},
		"encoding":     {Kind: cty.String, Enum: []string{"hex", "base64", "base64url"}},
		"headers":      {Kind: cty.Map(cty.String), Adds: signedRequestNames},
		"query":        {Kind: cty.Map(cty.String), Adds: signedRequestNames},
	},
	build: newSignatureAuth,
	Check: checkSignature,
}

// checkSignature makes sure that the signature is sent, and that query names
// are written out: what mentions the signature is added after signing.
func checkSignature(block Block) (found hcl.Diagnostics) {
	headers, query := expr.Find(block.Args, "headers"), expr.Find(block.Args, "query")
	sent := false
	for _, one := range slices.Concat(expr.ReferencesIn(headers), expr.ReferencesIn(query)) {
		sent = sent || one.Root == "signature"
	}
	if !sent {
		found = append(found, mistake(block.At, "signature never sent", "Put it into headers or query, such as headers = { X-Signature = signature }."))
	}
	for _, expr := range []hclsyntax.Expression{headers, query} {
		if _, ok := expr.(*hclsyntax.ObjectConsExpr); !ok && expr != nil {
			found = append(found, mistake(expr.Range(), "bad auth", "Write the object out, { Name = … }."))
		}
	}
	return append(found, checkHeaderNames(headers)...)
}

// checkHeaderNames finds header names that cannot be sent.
func checkHeaderNames(headers hclsyntax.Expression) (found hcl.Diagnostics) {
	for _, name := range expr.WrittenNames(headers) {
		if err := transport.CheckHeader(name, ""); err != nil {
			found = append(found, mistake(headers.Range(), "bad header", "%s.", expr.Capital(err)))
		}
	}
	return found
}

// signatureAuth signs requests by a recipe.
type signatureAuth struct {
	env    Env
	sign   func(message []byte) ([]byte, error)
	encode func([]byte) string
	// fixed query parameters are part of what is signed; signed ones are not.
	fixed, signed []parameter
	headers       []parameter
}

// parameter is one header or query parameter.
type parameter struct {
	name  string
	value hclsyntax.Expression
}

func newSignatureAuth(args arguments, env Env) (Authorizer, error) {
	key, err := decodeKey(args.text("key"), args.text("key_encoding"))
	if err != nil {
		return nil, err
	}
	s := &signatureAuth{env: env, encode: expr.Encodings[args.text("encoding")]}
	if s.sign, err = newSigning(args.text("algorithm"), key); err != nil {
		return nil, err
	}
	for _, one := range parametersIn(env.later["query"]) {
		if len(expr.ReferencesTo("signature", one.value)) > 0 {
			s.signed = append(s.signed, one)
		} else {
			s.fixed = append(s.fixed, one)
		}
	}
	s.headers = parametersIn(env.later["headers"])
	return s, nil
}

// placesIn are the members of an object written out, in source order.
func parametersIn(expression hclsyntax.Expression) []parameter {
	object, ok := expression.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return nil
	}
	var found []parameter
	for _, item := range object.Items {
		if key, err := expr.ConstantOf(item.KeyExpr); err == nil {
			if name, ok := expr.TextOf(key); ok {
				found = append(found, parameter{name, item.ValueExpr})
			}
		}
	}
	return found
}

func decodeKey(text, encoding string) ([]byte, error) {
	var key []byte
	var err error
	switch encoding {
	case "hex":
		key, err = hex.DecodeString(text)
	case "base64":
		key, err = base64.StdEncoding.DecodeString(text)
	default:
		key = []byte(text)
	}
	if err != nil {
		return nil, fmt.Errorf("key is not written in %s", encoding)
	}
	if len(key) == 0 {
		return nil, errors.New("key is empty")
	}
	return key, nil
}

// newSigning is how an algorithm signs with key: a secret, or a private key in
// PEM.
func newSigning(algorithm string, key []byte) (func([]byte) ([]byte, error), error) {
	if newHash, ok := hmacs[algorithm]; ok {
		return func(message []byte) ([]byte, error) {
			h := hmac.New(newHash, key)
			h.Write(message)
			return h.Sum(nil), nil
		}, nil
	}
	private, err := expr.ParsePrivateKey(key)
	if err != nil {
		return nil, err
	}
	switch private := private.(type) {
	case *rsa.PrivateKey:
		if algorithm == "rsa-sha256" {
			return func(message []byte) ([]byte, error) {
				sum := sha256.Sum256(message)
				return private.Sign(rand.Reader, sum[:], crypto.SHA256)
			}, nil
		}
	case ed25519.PrivateKey:
		if algorithm == "ed25519" {
			return func(message []byte) ([]byte, error) { return private.Sign(nil, message, crypto.Hash(0)) }, nil
		}
	}
	return nil, fmt.Errorf("key is not of the kind that %s signs with", algorithm)
}

var hmacs = map[string]func() hash.Hash{
	"hmac-sha256": sha256.New, "hmac-sha384": sha512.New384, "hmac-sha512": sha512.New,
}

// authorize signs exactly what is sent: parameters that belong to it are added
// before, and nothing but the signature after.
func (a *signatureAuth) authorize(r *http.Request, body []byte) error {
	facts := map[string]cty.Value{
		"time":  cty.StringVal(a.env.Clock.time(r.Context()).UTC().Format(requestTime)),
		"nonce": cty.StringVal(a.env.Nonce()),
	}
	if err := a.describe(facts, r, body); err != nil {
		return err
	}
	if err := a.addQuery(r, a.fixed, a.env.scope.With("request", cty.ObjectVal(facts))); err != nil {
		return err
	}
	facts["query"] = cty.StringVal(r.URL.RawQuery)
	facts["target"] = cty.StringVal(r.URL.RequestURI())
	facts["url"] = cty.StringVal(r.URL.String())
	s := a.env.scope.With("request", cty.ObjectVal(facts))
	message, err := s.Evaluate(a.env.later["message"])
	if err != nil {
		return notSigned(fmt.Errorf("message: %w", err))
	}
	text, ok := expr.TextOf(message)
	if !ok {
		return notSigned(errors.New("message has no value"))
	}
	signature, err := a.sign([]byte(text))
	if err != nil {
		return notSigned(err)
	}
	s = s.With("signature", cty.StringVal(a.encode(signature)))
	if err := a.addQuery(r, a.signed, s); err != nil {
		return err
	}
	return a.addHeaders(r, s)
}

// describe fills in what is known of the request before its own parameters.
func (a *signatureAuth) describe(facts map[string]cty.Value, r *http.Request, body []byte) error {
	texts := map[string]string{
		"method": r.Method, "path": r.URL.EscapedPath(), "query": r.URL.RawQuery,
		"target": r.URL.RequestURI(), "url": r.URL.String(), "host": r.URL.Host, "body": string(body),
	}
	for name, text := range texts {
		facts[name] = cty.StringVal(text)
		if facts[name].AsString() != text {
			// cty keeps Unicode's normal form C; another text would be signed than is sent.
			return notSigned(errors.New("the request holds text that is not in Unicode's normal form C"))
		}
	}
	return nil
}

func (a *signatureAuth) addQuery(r *http.Request, members []parameter, s expr.Scope) error {
	for _, member := range members {
		text, ok, err := a.evaluate(member, s)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if r.URL.RawQuery != "" {
			r.URL.RawQuery += "&"
		}
		r.URL.RawQuery += url.QueryEscape(member.name) + "=" + url.QueryEscape(text)
	}
	return nil
}

func (a *signatureAuth) addHeaders(r *http.Request, s expr.Scope) error {
	for _, member := range a.headers {
		text, ok, err := a.evaluate(member, s)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if err := transport.CheckHeader(member.name, text); err != nil {
			return notSigned(err)
		}
		r.Header.Set(member.name, text)
	}
	return nil
}

// evaluate is a member's text; ok is false where it is null and left out.
func (a *signatureAuth) evaluate(member parameter, s expr.Scope) (text string, ok bool, err error) {
	value, err := s.Evaluate(member.value)
	if err != nil {
		return "", false, notSigned(fmt.Errorf("%s: %w", member.name, err))
	}
	a.env.Remember(expr.MarkedTexts(value)...)
	text, ok = expr.TextOf(value)
	return text, ok, nil
}

// notSigned is the error of a request that could not be signed.
func notSigned(err error) *transport.Failure {
	return &transport.Failure{Kind: transport.Refused, Message: "the request could not be signed: " + err.Error()}
}
