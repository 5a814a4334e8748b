package providers

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// authorizer adds a credential to a request just before it is sent. It sees
// method, URL, headers and the exact body, so that it can sign them, and is
// called anew for each attempt. It is safe for concurrent use.
type authorizer interface {
	authorize(r *http.Request, body []byte) error
}

// renewing is an authorizer that keeps what the provider gave it, a token or a
// challenge. It has to know what it had added to the very request that was
// answered 401, so each request begins its own use of it.
type renewing interface {
	begin() renewer
}

// renewer is one request's use of such an authorizer. After a 401 or 403 it is told
// the answer, forgets what was refused, and says whether another try has a
// chance.
type renewer interface {
	authorizer
	renew(got *answer) bool
}

// authKind is one way to authorize requests: the arguments that a definition
// writes in auth "kind" { … }, and how to make an authorizer of them.
type authKind struct {
	arguments map[string]authArgument
	// request says that the block holds a request { … } as well.
	request bool
	build   func(args authArguments, env authEnv) (authorizer, error)
	// check, if any, finds what is wrong between the arguments.
	check func(block authBlock) hcl.Diagnostics
}

// authBlock is one auth block as a definition writes it: a kind, its arguments,
// and when it applies; nil for always.
type authBlock struct {
	kind string
	at   hcl.Range
	when hclsyntax.Expression
	args []named
}

// login makes the request that an auth block writes, with the names that it may
// mention, and returns them with those of the answer.
type login func(ctx context.Context, s scope) (scope, *failure)

// boundAuth is an auth block of one connection. login is nil where its kind makes
// no request of the definition's.
type boundAuth struct {
	authBlock
	login login
}

// mistake is one in an auth block.
func mistake(at hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: &at}
}

// authArgument is the type of one argument. Optional ones may be null.
type authArgument struct {
	kind     cty.Type
	required bool
	// enum are the only texts it may be.
	enum []string
	// adds are names that it may mention beside those of its place. Such an
	// argument is computed by the authorizer, when these are known.
	adds map[string]cty.Value
}

// authArguments are the evaluated arguments; absent ones are not in it.
type authArguments map[string]cty.Value

// authEnv is what an authorizer may use beside its arguments.
type authEnv struct {
	// do sends a request for a token, with the client's TLS and proxy settings.
	do func(ctx context.Context, r *request) (*answer, *failure)
	// base is the connection's base URL; allowHTTP is as in Settings.
	base      *url.URL
	allowHTTP bool
	// conceal adds texts that must never appear in an error, remember those
	// that come and go.
	conceal, remember func(texts ...string)
	// now is the time, and clock the one to sign by; nonce is a text that was never
	// used before.
	now   func() time.Time
	clock *signingClock
	nonce func() string
	// scope is the place of the auth block, later the arguments to be computed
	// there when more is known, and login makes the block's own request.
	scope scope
	later map[string]hclsyntax.Expression
	login login
}

// authKinds are all kinds, by the name in auth "name".
var authKinds = map[string]authKind{
	"bearer": {
		arguments: map[string]authArgument{"token": {kind: cty.String, required: true}},
		build:     newBearer,
	},
	"basic": {
		arguments: map[string]authArgument{"username": {kind: cty.String, required: true}, "password": {kind: cty.String}},
		build:     newBasic,
	},
	"header": {
		arguments: map[string]authArgument{"headers": {kind: cty.Map(cty.String), required: true}},
		build:     newHeaderAuth,
	},
	"query": {
		arguments: map[string]authArgument{"query": {kind: cty.Map(cty.String), required: true}},
		build:     newQueryAuth,
	},
	"signature": signatureKind,
	"digest":    digestKind,
	"oauth2":    oauth2Kind,
	"jwt":       jwtKind,
	"login":     loginKind,
	"sigv4":     sigV4Kind,
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
func authorizers(uses []boundAuth, s scope, secrets *secretTexts, env authEnv) ([]authorizer, error) {
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

func (use boundAuth) build(s scope, secrets *secretTexts, env authEnv) (authorizer, error) {
	kind := authKinds[use.kind]
	args := authArguments{}
	env.conceal, env.scope, env.later, env.login = secrets.add, s, map[string]hclsyntax.Expression{}, use.login
	for _, member := range use.args {
		if kind.arguments[member.name].adds != nil {
			env.later[member.name] = member.expr
			continue
		}
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
		case !plain.IsNull() && !argument.allows(plain):
			return nil, fmt.Errorf("%s must be one of %s", member.name, strings.Join(argument.enum, ", "))
		case !plain.IsNull():
			args[member.name] = plain
		case argument.required:
			return nil, fmt.Errorf("%s is not set: %s has no value", member.name, sourceOf(member.expr))
		}
	}
	if err := use.controls(args, s); err != nil {
		return nil, err
	}
	one, err := kind.build(args, env)
	if err != nil {
		return nil, use.naming(err)
	}
	return one, nil
}

// controls names what holds a line break or the like in the midst of a text that
// is to be sent in one line.
func (use boundAuth) controls(args authArguments, s scope) error {
	for _, member := range use.args {
		if member.name == "key" || args[member.name] == cty.NilVal {
			continue // a key may be in PEM, and is not sent
		}
		for _, text := range allTexts(args[member.name]) {
			if !strings.ContainsFunc(strings.TrimRight(text, "\r\n"), unicode.IsControl) {
				continue
			}
			return fmt.Errorf("%s holds a line break or another control character%s: give it in one line", member.name, fieldsIn(member.expr, s))
		}
	}
	return nil
}

// naming adds to an error about one argument where that came from.
func (use boundAuth) naming(err error) error {
	name, _, _ := strings.Cut(err.Error(), " ")
	if expr := find(use.args, name); expr != nil {
		return fmt.Errorf("%w%s", err, fieldsIn(expr, scope{}))
	}
	return err
}

// fieldsIn names the connection fields that an expression uses; where s knows
// them, only those with control characters.
func fieldsIn(expr hclsyntax.Expression, s scope) string {
	var fields []string
	for _, name := range sortedNames(mentionsOf("connection", expr)) {
		if connection, known := s.names["connection"]; known && connection.Type().HasAttribute(name) {
			if !slices.ContainsFunc(allTexts(connection.GetAttr(name)), func(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }) {
				continue
			}
		}
		fields = append(fields, fmt.Sprintf("%q", name))
	}
	if len(fields) == 0 {
		return ""
	}
	return " (connection field " + strings.Join(fields, ", ") + ")"
}

// allows reports whether a value is one of those that the argument may have.
func (a authArgument) allows(value cty.Value) bool {
	text, _ := textOf(value)
	return a.enum == nil || slices.Contains(a.enum, text)
}

// begin readies authorizers for one request, which may have several attempts.
func begin(all []authorizer) []authorizer {
	begun := slices.Clone(all)
	for i, one := range all {
		if kept, ok := one.(renewing); ok {
			begun[i] = kept.begin()
		}
	}
	return begun
}

// renew tells authorizers that the request they were begun for was answered
// 401 or 403, and reports whether another try has a chance.
func renew(begun []authorizer, got *answer) bool {
	renewed := false
	for _, one := range begun {
		if r, ok := one.(renewer); ok && r.renew(got) {
			renewed = true
		}
	}
	return renewed
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
