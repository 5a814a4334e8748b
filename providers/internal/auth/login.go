package auth

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

var (
	// answeredNames are what a login's answer adds.
	answeredNames = map[string]cty.Value{
		"status":  cty.UnknownVal(cty.Number).RefineNotNull(),
		"headers": cty.UnknownVal(cty.Map(cty.String)).RefineNotNull(),
		"body":    cty.DynamicVal,
	}
	tokenNames = map[string]cty.Value{"token": expr.Sensitive(cty.UnknownVal(cty.String).RefineNotNull())}
)

// loginKind makes a request whose answer holds a token, and sends that.
var loginKind = Kind{
	Arguments: map[string]Argument{
		"token":      {Kind: cty.String, Required: true, Adds: answeredNames},
		"expires_in": {Kind: cty.DynamicPseudoType, Adds: answeredNames},
		"headers":    {Kind: cty.Map(cty.String), Adds: tokenNames},
	},
	Request: true,
	build:   newLogin,
	Check:   checkLogin,
}

func checkLogin(block Block) (found hcl.Diagnostics) {
	headers := expr.Find(block.Args, "headers")
	if headers == nil {
		return nil
	}
	if _, ok := headers.(*hclsyntax.ObjectConsExpr); !ok || len(expr.ReferencesTo("token", headers)) == 0 {
		found = append(found, mistake(headers.Range(), "token never sent", "Say in which header the token goes, such as headers = { Authorization = token }."))
	}
	return append(found, checkHeaderNames(headers)...)
}

func newLogin(_ arguments, env Env) (Authorizer, error) {
	fetch := func(ctx context.Context) (token, error) {
		s, failed := env.login(ctx, env.scope)
		if failed != nil {
			return token{}, failed
		}
		text, _, err := s.Text(env.later["token"])
		if err != nil {
			return token{}, &transport.Failure{Op: "auth", Kind: transport.Unreachable, Message: "token: " + err.Error()}
		}
		return token{text: text, life: lifeOf(s, env.later["expires_in"])}, nil
	}
	if env.later["headers"] == nil {
		return newTokenAuth(env, fetch, nil), nil
	}
	return newTokenAuth(env, fetch, func(r *http.Request, token string) error {
		return putToken(r, token, env)
	}), nil
}

// lifeOf is a number of seconds, 0 where there is none.
func lifeOf(s expr.Scope, expression hclsyntax.Expression) time.Duration {
	if expression == nil {
		return 0
	}
	value, err := s.Evaluate(expression)
	if err != nil {
		return 0
	}
	return tokenLife(expr.FromCty(value))
}

// putToken sets the headers that the definition makes of the token.
func putToken(r *http.Request, token string, env Env) error {
	s := env.scope.With("token", expr.Sensitive(cty.StringVal(token)))
	value, err := s.Evaluate(env.later["headers"])
	if err != nil {
		return notSigned(err)
	}
	lines, err := expr.Flatten(value)
	if err != nil {
		return notSigned(errors.New("headers " + err.Error()))
	}
	for name, texts := range lines {
		for _, text := range texts {
			if err := transport.CheckHeader(name, text); err != nil {
				return notSigned(err)
			}
			r.Header.Set(name, text)
		}
	}
	return nil
}
