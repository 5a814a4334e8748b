package auth

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

const (
	// clockSkew is how much later than ours the provider's clock may be: some
	// refuse a token from the future.
	clockSkew = time.Minute
	// jwtBearer is the grant by which a signed assertion is exchanged for a
	// token (RFC 7523).
	jwtBearer = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// jwtAlgorithms are those of RFC 7518 and RFC 8037 that providers use.
var jwtAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "HS256", "HS384", "HS512"}

// jwtKind signs a JSON web token with the connection's key. The token is sent
// as it is, or exchanged at token_url for the one that is.
var jwtKind = Kind{
	Arguments: map[string]Argument{
		"algorithm":    {Kind: cty.String, Required: true, Enum: jwtAlgorithms},
		"key":          {Kind: cty.String, Required: true},
		"key_encoding": {Kind: cty.String, Enum: []string{"text", "hex", "base64"}},
		"key_id":       {Kind: cty.String},
		"claims":       {Kind: cty.DynamicPseudoType, Required: true},
		"lifetime":     {Kind: cty.String, Required: true},
		"token_url":    {Kind: cty.String},
	},
	build: newJWT,
	Check: checkJWT,
}

// checkJWT finds what newJWT would refuse for every connection.
func checkJWT(block Block) (found hcl.Diagnostics) {
	if _, ok := expr.Find(block.Args, "claims").(*hclsyntax.ObjectConsExpr); !ok {
		found = append(found, mistake(block.At, "bad claims", "Write them out, such as claims = { iss = connection.app_id }; iat and exp are added."))
	}
	if value, err := expr.ConstantOf(expr.Find(block.Args, "lifetime")); err == nil {
		text, _ := expr.TextOf(value)
		if _, err := expr.ParseDuration(text); err != nil {
			found = append(found, mistake(block.At, "bad lifetime", "%s.", expr.Capital(err)))
		}
	}
	return found
}

func newJWT(args arguments, env Env) (Authorizer, error) {
	key, err := jwtKey(args)
	if err != nil {
		return nil, err
	}
	lifetime, err := expr.ParseDuration(args.text("lifetime"))
	if err != nil {
		return nil, err
	}
	claims, ok := expr.FromCty(expr.WithoutNulls(args["claims"])).(map[string]any)
	if !ok {
		return nil, errors.New("claims must be an object")
	}
	options := (&jose.SignerOptions{}).WithType("JWT")
	if id := args.text("key_id"); id != "" {
		options = options.WithHeader("kid", id)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(args.text("algorithm")), Key: key}, options)
	if err != nil {
		return nil, fmt.Errorf("key is not of the kind that %s signs with", args.text("algorithm"))
	}
	issue := func(ctx context.Context) (token, error) {
		return signClaims(signer, claims, env.Clock.time(ctx), lifetime)
	}
	if _, exchanged := args["token_url"]; !exchanged {
		return newTokenAuth(env, issue, nil), nil
	}
	address, err := env.tokenURL(args.text("token_url"))
	if err != nil {
		return nil, err
	}
	return newTokenAuth(env, func(ctx context.Context) (token, error) { return tokenForJWT(ctx, env, address, issue) }, nil), nil
}

// jwtKey is the signing key: a secret for HMAC, else a private key in PEM.
func jwtKey(args arguments) (any, error) {
	text, err := decodeKey(args.text("key"), args.text("key_encoding"))
	if err != nil || strings.HasPrefix(args.text("algorithm"), "HS") {
		return text, err
	}
	var key crypto.Signer
	key, err = expr.ParsePrivateKey(text)
	return key, err
}

// signClaims makes a token that is good for lifetime, of which up to clockSkew is
// over already. The claims iat
// and exp are added; those that the definition writes itself stay.
func signClaims(signer jose.Signer, written map[string]any, now time.Time, lifetime time.Duration) (token, error) {
	back := min(clockSkew, lifetime/2)
	issued := now.Add(-back).Unix()
	claims := map[string]any{"iat": issued, "exp": issued + int64(lifetime/time.Second)}
	for name, value := range written {
		claims[name] = value
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return token{}, err
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return token{}, err
	}
	text, err := signed.CompactSerialize()
	return token{text: text, life: lifetime - back}, err
}

// exchangeJWT sends a signed token to address and returns the one given for it.
func tokenForJWT(ctx context.Context, env Env, address *url.URL, issue func(context.Context) (token, error)) (token, error) {
	assertion, err := issue(ctx)
	if err != nil {
		return token{}, err
	}
	env.Remember(assertion.text)
	form := url.Values{"grant_type": {jwtBearer}, "assertion": {assertion.text}}
	got, failed := env.Do(ctx, &transport.Request{
		Op: "auth", Class: transport.Token, Method: http.MethodPost, URL: address, Body: []byte(form.Encode()),
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Accept": {"application/json"}},
	})
	if failed != nil {
		return token{}, failed
	}
	return readToken(got)
}

// readToken reads a token endpoint's answer (RFC 6749, section 5).
func readToken(got *transport.Response) (token, error) {
	var body struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   any    `json:"expires_in"`
		Error       any    `json:"error"`
	}
	decoder := json.NewDecoder(bytes.NewReader(expr.WithoutBOM(got.Body)))
	decoder.UseNumber()
	err := decoder.Decode(&body)
	switch {
	case got.Status < 200 || got.Status > 299:
		code, _ := body.Error.(string)
		return token{}, refusedToken(got.Status, got.Header, code)
	case err != nil || body.AccessToken == "":
		return token{}, &transport.Failure{Op: "auth", Kind: transport.Unreachable, Message: "the token endpoint gave no usable token"}
	}
	return token{text: body.AccessToken, life: tokenLife(body.ExpiresIn)}, nil
}
