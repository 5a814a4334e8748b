package providers

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"golang.org/x/net/http/httpguts"
)

// authorizer adds a credential to a request just before it is sent. It sees
// method, URL, headers and the exact body, so that it can sign them, and is
// called anew for each attempt. It is safe for concurrent use.
type authorizer interface {
	authorize(r *http.Request, body []byte) error
}

// renewer is an authorizer that keeps a token it was given. After a 401 it is
// asked to forget it; it answers whether another try has a chance.
type renewer interface {
	renew() bool
}

// authKind is one way to authorize requests: the arguments that a definition
// writes in auth "kind" { … }, and how to make an authorizer of them.
type authKind struct {
	arguments map[string]authArgument
	build     func(args authArguments, env authEnv) (authorizer, error)
}

// authArgument is the type of one argument. Optional ones may be null.
type authArgument struct {
	kind     cty.Type
	required bool
}

// authArguments are the evaluated arguments; absent ones are not in it.
type authArguments map[string]cty.Value

// authEnv is what an authorizer may use beside its arguments.
type authEnv struct {
	// do sends a request for a token, with the client's TLS and proxy settings.
	do func(ctx context.Context, r *request) (*answer, *Error)
	// base is the connection's base URL.
	base *url.URL
	// conceal adds texts that must never appear in an error.
	conceal func(texts ...string)
}

// authKinds are all kinds, by the name in auth "name".
var authKinds = map[string]authKind{
	"bearer": {
		arguments: map[string]authArgument{"token": {cty.String, true}},
		build:     newBearer,
	},
	"basic": {
		arguments: map[string]authArgument{"username": {cty.String, true}, "password": {cty.String, false}},
		build:     newBasic,
	},
	"header": {
		arguments: map[string]authArgument{"headers": {cty.Map(cty.String), true}},
		build:     newHeaderAuth,
	},
	"query": {
		arguments: map[string]authArgument{"query": {cty.Map(cty.String), true}},
		build:     newQueryAuth,
	},
}

// text is a string argument, "" when it is absent.
func (a authArguments) text(name string) string {
	text, _ := textOf(a[name])
	return text
}

// texts is a map argument; its null elements are left out.
func (a authArguments) texts(name string) map[string]string {
	texts := map[string]string{}
	value, _ := a[name].UnmarkDeep()
	for key, element := range value.AsValueMap() {
		if text, ok := textOf(element); ok {
			texts[key] = text
		}
	}
	return texts
}

// authorizers makes those of uses whose condition holds in s.
func authorizers(uses []*authUse, s scope, secrets *secretTexts, env authEnv) ([]authorizer, error) {
	var made []authorizer
	for _, use := range uses {
		if use.when != nil {
			applies, err := s.truth(use.when)
			if err != nil {
				return nil, fmt.Errorf("auth %q: %w", use.kind, err)
			}
			if !applies {
				continue
			}
		}
		one, err := use.build(s, secrets, env)
		if err != nil {
			return nil, fmt.Errorf("auth %q: %w", use.kind, err)
		}
		made = append(made, one)
	}
	return made, nil
}

func (use *authUse) build(s scope, secrets *secretTexts, env authEnv) (authorizer, error) {
	kind := authKinds[use.kind]
	args := authArguments{}
	for _, member := range use.args {
		value, err := s.evaluate(member.expr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", member.name, err)
		}
		secrets.addMarked(value)
		argument := kind.arguments[member.name]
		plain, _ := value.UnmarkDeep()
		plain, err = convert.Convert(plain, argument.kind)
		switch {
		case err != nil || !plain.IsKnown():
			return nil, fmt.Errorf("%s has the wrong type", member.name)
		case !plain.IsNull():
			args[member.name] = plain
		case argument.required:
			return nil, fmt.Errorf("%s is not set: %s has no value", member.name, sourceOf(member.expr))
		}
	}
	return kind.build(args, env)
}

// signer joins authorizers into what the transport calls for each attempt.
func signer(all []authorizer) func(*http.Request, []byte) error {
	if len(all) == 0 {
		return nil
	}
	return func(r *http.Request, body []byte) error {
		for _, one := range all {
			if err := one.authorize(r, body); err != nil {
				return err
			}
		}
		return nil
	}
}

// headerAuth sets fixed headers.
type headerAuth map[string]string

func (h headerAuth) authorize(r *http.Request, _ []byte) error {
	for name, value := range h {
		r.Header.Set(name, value)
	}
	return nil
}

// newFixedHeaders checks the headers once, so that authorize cannot fail. Its
// errors do not quote values.
func newFixedHeaders(headers map[string]string) (authorizer, error) {
	for name, value := range headers {
		if err := checkHeader(name, value); err != nil {
			return nil, err
		}
	}
	return headerAuth(headers), nil
}

func newBearer(args authArguments, _ authEnv) (authorizer, error) {
	token := strings.TrimSpace(args.text("token"))
	if token == "" {
		return nil, errors.New("token is empty")
	}
	return newFixedHeaders(map[string]string{"Authorization": "Bearer " + token})
}

func newBasic(args authArguments, env authEnv) (authorizer, error) {
	username := args.text("username")
	if strings.Contains(username, ":") {
		return nil, errors.New("username holds a colon: basic authentication cannot carry it")
	}
	pair := base64.StdEncoding.EncodeToString([]byte(username + ":" + args.text("password")))
	env.conceal(pair)
	return newFixedHeaders(map[string]string{"Authorization": "Basic " + pair})
}

func newHeaderAuth(args authArguments, _ authEnv) (authorizer, error) {
	return newFixedHeaders(args.texts("headers"))
}

// queryAuth adds fixed query parameters.
type queryAuth map[string]string

func (q queryAuth) authorize(r *http.Request, _ []byte) error {
	query := r.URL.Query()
	for name, value := range q {
		query.Set(name, value)
	}
	r.URL.RawQuery = query.Encode()
	return nil
}

func newQueryAuth(args authArguments, _ authEnv) (authorizer, error) {
	return queryAuth(args.texts("query")), nil
}

// ownHeaders are set by the HTTP client itself; setting them would change
// where a request goes or where it ends.
var ownHeaders = map[string]bool{
	"Host": true, "Content-Length": true, "Transfer-Encoding": true, "Connection": true,
	"Upgrade": true, "Te": true, "Trailer": true, "Proxy-Authorization": true, "Proxy-Connection": true,
	"Accept-Encoding": true, "Expect": true,
}

// checkHeader refuses what would end a header early or steer the connection.
func checkHeader(name, value string) error {
	switch {
	case !httpguts.ValidHeaderFieldName(name):
		return fmt.Errorf("%q is no header name", name)
	case ownHeaders[http.CanonicalHeaderKey(name)]:
		return fmt.Errorf("the header %s cannot be set", http.CanonicalHeaderKey(name))
	case !httpguts.ValidHeaderFieldValue(value) || strings.ContainsAny(value, "\r\n\x00"):
		return fmt.Errorf("the value of header %s holds control characters", http.CanonicalHeaderKey(name))
	}
	return nil
}
