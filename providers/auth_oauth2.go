package providers

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
)

// oauth2Kind is OAuth2 client credentials (RFC 6749, section 4.4).
var oauth2Kind = authKind{
	arguments: map[string]authArgument{
		"token_url":     {kind: cty.String, required: true},
		"client_id":     {kind: cty.String, required: true},
		"client_secret": {kind: cty.String, required: true},
		"scopes":        {kind: cty.List(cty.String)},
		"audience":      {kind: cty.String},
		"credentials":   {kind: cty.String, enum: []string{"header", "body"}},
	},
	build: newClientCredentials,
}

func newClientCredentials(args authArguments, env authEnv) (authorizer, error) {
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
		config.Scopes = allTexts(scopes)
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
func (env authEnv) tokenURL(text string) (*url.URL, error) {
	if strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//") {
		return joinURL(&url.URL{Scheme: env.base.Scheme, Host: env.base.Host}, text)
	}
	address, err := parseBaseURL(text, env.allowHTTP)
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
	env  authEnv
	life time.Duration
}

// RoundTrip sends one request for a token.
func (t *tokenTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	got, failed := t.env.do(r.Context(), &request{
		op: "auth", class: classToken, method: r.Method, url: r.URL, header: r.Header, body: body,
	})
	if failed != nil {
		return nil, failed
	}
	header, text := got.header.Clone(), got.body
	if fields, err := decodeJSON(text); err == nil {
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
		StatusCode: got.status, Header: header, Request: r,
		Body: io.NopCloser(bytes.NewReader(text)), ContentLength: int64(len(text)),
	}, nil
}

// longestTokenLife bounds for how long a token is kept, whatever its end.
const longestTokenLife = 24 * time.Hour

// tokenLife is what an answer says of a token's life, 0 where it does not say or
// cannot be read.
func tokenLife(told any) time.Duration {
	if isEndless(told) {
		return 0
	}
	life, _ := readSeconds(told)
	return min(life, longestTokenLife)
}

// tokenFailure is what an OAuth2 library's error means. Its text is not passed
// on, since it quotes the answer; the error code is (RFC 6749, section 5.2).
func tokenFailure(err error) *failure {
	var known *failure
	if errors.As(err, &known) {
		return known
	}
	var refused *oauth2.RetrieveError
	if !errors.As(err, &refused) || refused.Response == nil {
		return &failure{Op: "auth", Kind: Unreachable, Message: "the token endpoint gave no usable token"}
	}
	return refusedToken(refused.Response.StatusCode, refused.Response.Header, refused.ErrorCode)
}

// refusedToken is the error of a token endpoint that gave none. By RFC 6749 a
// wrong credential is a 400 as well as a 401.
func refusedToken(status int, header http.Header, code string) *failure {
	failed := &failure{Op: "auth", Kind: Unreachable, Status: status, Message: "the token endpoint answered status " + statusText(status)}
	if code = errorCode(code); code != "" {
		failed.Message += ": " + code
	}
	if (&request{}).isThrottled(&answer{status: status, header: header}) {
		failed.Kind, failed.RetryAfter = Throttled, retryAfter(header, time.Now())
		return failed
	}
	switch status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		failed.Kind = Unauthorized
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
