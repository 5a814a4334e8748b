package auth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// oauth2Kind is OAuth2 client credentials (RFC 6749, section 4.4).
var oauth2Kind = Kind{
	Arguments: map[string]Argument{
		"token_url":     {Kind: cty.String, Required: true},
		"client_id":     {Kind: cty.String, Required: true},
		"client_secret": {Kind: cty.String, Required: true},
		"scopes":        {Kind: cty.List(cty.String)},
		"audience":      {Kind: cty.String},
		"credentials":   {Kind: cty.String, Enum: []string{"header", "body"}},
	},
	build: newClientCredentials,
}

func newClientCredentials(args arguments, env Env) (Authorizer, error) {
	address, err := env.tokenURL(args.text("token_url"))
	if err != nil {
		return nil, err
	}
	config := clientcredentials.Config{
		ClientID: args.text("client_id"), ClientSecret: args.text("client_secret"),
		TokenURL: address.String(), AuthStyle: oauth2.AuthStyleInHeader,
		EndpointParams: url.Values{},
	}
	if args.text("credentials") == "body" {
		config.AuthStyle = oauth2.AuthStyleInParams
	}
	if audience := args.text("audience"); audience != "" {
		config.EndpointParams.Set("audience", audience)
	}
	if scopes, ok := args["scopes"]; ok {
		config.Scopes = expr.AllTexts(scopes)
	}
	return newTokenAuth(env, func(ctx context.Context) (token, error) {
		transport := &tokenTransport{env: env}
		got, err := config.Token(context.WithValue(ctx, oauth2.HTTPClient, tokenClient(transport)))
		if err != nil {
			return token{}, tokenFailure(err)
		}
		return token{text: got.AccessToken, life: transport.life}, nil
	}, nil), nil
}

// tokenURL is where tokens are had: an absolute URL under the rules of
// base_url, or a path at its host.
func (env Env) tokenURL(text string) (*url.URL, error) {
	if strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") {
		return transport.JoinURL(&url.URL{Scheme: env.Base.Scheme, Host: env.Base.Host}, text)
	}
	address, err := transport.ParseBaseURL(text, env.AllowHTTP)
	if err != nil {
		return nil, errors.New(`token_url must be a path, or an absolute URL that begins with "https://"`)
	}
	return address, nil
}

// tokenClient is what an OAuth2 library sends its requests with. It follows no
// redirect: the credential would go along.
func tokenClient(transport *tokenTransport) *http.Client {
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// tokenTransport carries requests over the client's transport, so that the same
// rules hold for them. It reads a token's life itself, as the library fails on
// what some servers send.
type tokenTransport struct {
	env  Env
	life time.Duration
}

// RoundTrip sends one request for a token.
func (t *tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	got, failed := t.env.Do(r.Context(), &transport.Request{
		Op: "auth", Class: transport.Token, Method: r.Method, URL: r.URL, Header: r.Header, Body: body,
	})
	if failed != nil {
		return nil, failed
	}
	header, text := got.Header.Clone(), got.Body
	if fields, err := expr.DecodeJSON(text); err == nil {
		if fields, ok := fields.(map[string]any); ok {
			t.life = tokenLife(fields["expires_in"])
			delete(fields, "expires_in")
			if text, err = json.Marshal(fields); err != nil {
				return nil, err
			}
			header.Set("Content-Type", "application/json") // whatever it is called
		}
	}
	return &http.Response{
		StatusCode: got.Status, Header: header, Request: r,
		Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)),
	}, nil
}

// longestTokenLife bounds for how long a token is kept, whatever its end.
const longestTokenLife = 24 * time.Hour

// tokenLife is what an answer says of a token's life, 0 where it does not say or
// cannot be read.
func tokenLife(told any) time.Duration {
	if expr.IsEndless(told) {
		return 0
	}
	life, _ := expr.ReadSeconds(told)
	return min(life, longestTokenLife)
}

// tokenFailure is what an OAuth2 library's error means. Its text is not passed
// on, since it quotes the answer; the error code is (RFC 6749, section 5.2).
func tokenFailure(err error) *transport.Failure {
	var known *transport.Failure
	if errors.As(err, &known) {
		return known
	}
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return &transport.Failure{Op: "auth", Kind: transport.Unreachable, Message: "the token endpoint gave no usable token"}
	}
	return refusedToken(refused.Response.StatusCode, refused.Response.Header, refused.ErrorCode)
}

// refusedToken is the error of a token endpoint that gave none. By RFC 6749 a
// wrong credential is a 400 as well as a 401.
func refusedToken(status int, header http.Header, code string) *transport.Failure {
	failed := &transport.Failure{Op: "auth", Kind: transport.Unreachable, Status: status, Message: "the token endpoint answered status " + transport.StatusText(status)}
	if code = errorCode(code); code != "" {
		failed.Message += ": " + code
	}
	if (&transport.Request{}).IsThrottled(&transport.Response{Status: status, Header: header}) {
		failed.Kind, failed.RetryAfter = transport.Throttled, transport.RetryAfter(header, time.Now())
		return failed
	}
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		failed.Kind = transport.Unauthorized
	}
	return failed
}

// errorCode is an error code as it may be shown: by the standard it is a word.
func errorCode(code string) string {
	if len(code) > 40 || strings.Trim(code, "abcdefghijklmnopqrstuvwxyz_") != "" {
		return ""
	}
	return code
}
