package auth

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

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// Authorizer adds a credential to a request just before it is sent. It sees
// method, URL, headers and the exact body, so that it can sign them, and is
// called anew for each attempt. It is safe for concurrent use.
type Authorizer interface {
	authorize(r *http.Request, body []byte) error
}

// credentialCache is an authorizer that keeps what the provider gave it, a token or a
// challenge. It has to know what it had added to the very request that was
// answered 401, so each request begins its own use of it.
type credentialCache interface {
	newUse() credentialUse
}

// credentialUse is one request's use of such an authorizer. After a 401 or 403 it is told
// the answer, forgets what was refused, and says whether another try has a
// chance.
type credentialUse interface {
	Authorizer
	refused(got *transport.Response) bool
}

// Kind is one way to authorize requests: the arguments that a definition
// writes in auth "kind" { … }, and how to make an authorizer of them.
type Kind struct {
	// Arguments are those that the block may have, by name.
	Arguments map[string]Argument
	// Request says that the block holds a request { … } as well.
	Request bool
	build   func(args arguments, env Env) (Authorizer, error)
	// Check, if any, finds what is wrong between the arguments.
	Check func(block Block) hcl.Diagnostics
}

// Block is one auth block as a definition writes it: a kind, its arguments,
// and when it applies; nil for always.
type Block struct {
	// Kind is the block's label, one of Kinds.
	Kind string
	// At is where the block stands in the definition.
	At hcl.Range
	// When is the condition under which the block applies; nil for always.
	When hclsyntax.Expression
	// Args are the arguments as they are written, in source order.
	Args []expr.Member
}

// Login makes the request that an auth block writes, with the names that it may
// mention, and returns them with those of the answer.
type Login func(ctx context.Context, s expr.Scope) (expr.Scope, *transport.Failure)

// Bound is an auth block of one connection. login is nil where its kind makes
// no request of the definition's.
type Bound struct {
	Block
	// Login makes the request that the block writes; nil where its kind has none.
	Login Login
}

// mistake is one in an auth block.
func mistake(at hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: &at}
}

// Argument is the type of one argument. Optional ones may be null.
type Argument struct {
	// Kind is the type of the value.
	Kind cty.Type
	// Required says that it has to be written, and may not be null.
	Required bool
	// Enum are the only texts it may be.
	Enum []string
	// Adds are names that it may mention beside those of its place. Such an
	// argument is computed by the authorizer, when these are known.
	Adds map[string]cty.Value
}

// arguments are the evaluated arguments; absent ones are not in it.
type arguments map[string]cty.Value

// Env is what an authorizer may use beside its arguments.
type Env struct {
	// Do sends a request for a token, with the client's TLS and proxy settings.
	Do func(ctx context.Context, r *transport.Request) (*transport.Response, *transport.Failure)
	// Base is the connection's base URL; AllowHTTP is as in Settings.
	Base      *url.URL
	AllowHTTP bool
	// conceal adds texts that must never appear in an error, remember those
	// that come and go.
	conceal, Remember func(texts ...string)
	// Now is the time, and clock the one to sign by; nonce is a text that was never
	// used before.
	Now func() time.Time
	// Clock is the time to sign by, and Nonce a text that was never used before.
	Clock *Clock
	Nonce func() string
	// scope is the place of the auth block, later the arguments to be computed
	// there when more is known, and login makes the block's own request.
	scope expr.Scope
	later map[string]hclsyntax.Expression
	login Login
}

// Kinds are all kinds, by the name in auth "name".
var Kinds = map[string]Kind{
	"bearer": {
		Arguments: map[string]Argument{"token": {Kind: cty.String, Required: true}},
		build:     newBearer,
	},
	"basic": {
		Arguments: map[string]Argument{"username": {Kind: cty.String, Required: true}, "password": {Kind: cty.String}},
		build:     newBasic,
	},
	"header": {
		Arguments: map[string]Argument{"headers": {Kind: cty.Map(cty.String), Required: true}},
		build:     newHeaderAuth,
	},
	"query": {
		Arguments: map[string]Argument{"query": {Kind: cty.Map(cty.String), Required: true}},
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
func (a arguments) text(name string) string {
	text, _ := expr.TextOf(a[name])
	return text
}

// texts is a map argument; its null elements are left out.
func (a arguments) texts(name string) map[string]string {
	texts := map[string]string{}
	value, _ := a[name].UnmarkDeep()
	for key, element := range value.AsValueMap() {
		if text, ok := expr.TextOf(element); ok {
			texts[key] = text
		}
	}
	return texts
}

// Authorizers makes those of uses whose condition holds in s.
func Authorizers(uses []Bound, s expr.Scope, env Env) ([]Authorizer, error) {
	var made []Authorizer
	for _, use := range uses {
		if use.When != nil {
			applies, err := s.Truth(use.When)
			if err != nil {
				return nil, fmt.Errorf("auth %q: %w", use.Kind, err)
			}
			if !applies {
				continue
			}
		}
		one, err := use.build(s, env)
		if err != nil {
			return nil, fmt.Errorf("auth %q: %w", use.Kind, err)
		}
		made = append(made, one)
	}
	return made, nil
}

func (use Bound) build(s expr.Scope, env Env) (Authorizer, error) {
	kind := Kinds[use.Kind]
	args := arguments{}
	env.conceal, env.scope, env.later, env.login = s.Secrets.Add, s, map[string]hclsyntax.Expression{}, use.Login
	for _, member := range use.Args {
		if kind.Arguments[member.Name].Adds != nil {
			env.later[member.Name] = member.Expr
			continue
		}
		value, err := s.Evaluate(member.Expr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", member.Name, err)
		}
		s.Conceal(value)
		argument := kind.Arguments[member.Name]
		plain, _ := value.UnmarkDeep()
		plain, err = convert.Convert(plain, argument.Kind)
		switch {
		case err != nil || !plain.IsKnown():
			return nil, fmt.Errorf("%s has the wrong type", member.Name)
		case !plain.IsNull() && !argument.Allows(plain):
			return nil, fmt.Errorf("%s must be one of %s", member.Name, strings.Join(argument.Enum, ", "))
		case !plain.IsNull():
			args[member.Name] = plain
		case argument.Required:
			return nil, fmt.Errorf("%s is not set: %s has no value", member.Name, expr.SourceOf(member.Expr))
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
func (use Bound) controls(args arguments, s expr.Scope) error {
	for _, member := range use.Args {
		if member.Name == "key" || args[member.Name] == cty.NilVal {
			continue // a key may be in PEM, and is not sent
		}
		for _, text := range expr.AllTexts(args[member.Name]) {
			if !strings.ContainsFunc(strings.TrimRight(text, "\r\n"), unicode.IsControl) {
				continue
			}
			return fmt.Errorf("%s holds a line break or another control character%s: give it in one line", member.Name, fieldsIn(member.Expr, s))
		}
	}
	return nil
}

// naming adds to an error about one argument where that came from.
func (use Bound) naming(err error) error {
	name, _, _ := strings.Cut(err.Error(), " ")
	if expression := expr.Find(use.Args, name); expression != nil {
		return fmt.Errorf("%w%s", err, fieldsIn(expression, expr.Scope{}))
	}
	return err
}

// fieldsIn names the connection fields that an expression uses; where s knows
// them, only those with control characters.
func fieldsIn(expression hclsyntax.Expression, s expr.Scope) string {
	var fields []string
	for _, name := range expr.SortedNames(expr.ReferencesTo("connection", expression)) {
		if connection, known := s.Names["connection"]; known && connection.Type().HasAttribute(name) {
			if !slices.ContainsFunc(expr.AllTexts(connection.GetAttr(name)), func(text string) bool { return strings.ContainsFunc(text, unicode.IsControl) }) {
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

// Allows reports whether a value is one of those that the argument may have.
func (a Argument) Allows(value cty.Value) bool {
	text, _ := expr.TextOf(value)
	return a.Enum == nil || slices.Contains(a.Enum, text)
}

// ForRequest readies authorizers for one request, which may have several attempts.
func ForRequest(all []Authorizer) []Authorizer {
	begun := slices.Clone(all)
	for i, one := range all {
		if kept, ok := one.(credentialCache); ok {
			begun[i] = kept.newUse()
		}
	}
	return begun
}

// AfterRefusal tells the authorizers of a request that it was answered
// 401 or 403, and reports whether another try has a chance.
func AfterRefusal(begun []Authorizer, got *transport.Response) bool {
	again := false
	for _, one := range begun {
		if r, ok := one.(credentialUse); ok && r.refused(got) {
			again = true
		}
	}
	return again
}

// Signer joins authorizers into what the transport calls for each attempt.
func Signer(all []Authorizer) func(*http.Request, []byte) error {
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
func newFixedHeaders(headers map[string]string) (Authorizer, error) {
	for name, value := range headers {
		if err := transport.CheckHeader(name, value); err != nil {
			return nil, err
		}
	}
	return headerAuth(headers), nil
}

func newBearer(args arguments, _ Env) (Authorizer, error) {
	token := strings.TrimSpace(args.text("token"))
	if token == "" {
		return nil, errors.New("token is empty")
	}
	return newFixedHeaders(map[string]string{"Authorization": "Bearer " + token})
}

func newBasic(args arguments, env Env) (Authorizer, error) {
	username := args.text("username")
	if strings.Contains(username, ":") {
		return nil, errors.New("username holds a colon: basic authentication cannot carry it")
	}
	pair := base64.StdEncoding.EncodeToString([]byte(username + ":" + args.text("password")))
	env.conceal(pair)
	return newFixedHeaders(map[string]string{"Authorization": "Basic " + pair})
}

func newHeaderAuth(args arguments, _ Env) (Authorizer, error) {
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

func newQueryAuth(args arguments, _ Env) (Authorizer, error) {
	return queryAuth(args.texts("query")), nil
}
