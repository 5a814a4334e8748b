package providers

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

var (
	// answeredNames are what a login's answer adds.
	answeredNames = map[string]cty.Value{
		"status":  cty.UnknownVal(cty.Number).RefineNotNull(),
		"headers": cty.UnknownVal(cty.Map(cty.String)).RefineNotNull(),
		"body":    cty.DynamicVal,
	}
	tokenNames = map[string]cty.Value{"token": sensitive(cty.UnknownVal(cty.String).RefineNotNull())}
)

// loginKind makes a request whose answer holds a token, and sends that.
var loginKind = authKind{
	arguments: map[string]authArgument{
		"token":      {kind: cty.String, required: true, adds: answeredNames},
		"expires_in": {kind: cty.DynamicPseudoType, adds: answeredNames},
		"headers":    {kind: cty.Map(cty.String), adds: tokenNames},
	},
	request: true,
	build:   newLogin,
	check:   checkLogin,
}

func checkLogin(block authBlock) (found hcl.Diagnostics) {
	headers := find(block.args, "headers")
	if headers == nil {
		return nil
	}
	if _, ok := headers.(*hclsyntax.ObjectConsExpr); !ok || len(mentionsOf("token", headers)) == 0 {
		found = append(found, mistake(headers.Range(), "token never sent", "Say in which header the token goes, such as headers = { Authorization = token }."))
	}
	return append(found, checkHeaderNames(headers)...)
}

func newLogin(_ authArguments, env authEnv) (authorizer, error) {
	fetch := func(ctx context.Context) (token, error) {
		s, failed := env.login(ctx, env.scope)
		if failed != nil {
			return token{}, failed
		}
		text, _, err := s.text(env.later["token"])
		if err != nil {
			return token{}, &failure{Op: "auth", Kind: Unreachable, Message: "token: " + err.Error()}
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
func lifeOf(s scope, expr hclsyntax.Expression) time.Duration {
	if expr == nil {
		return 0
	}
	value, err := s.evaluate(expr)
	if err != nil {
		return 0
	}
	return tokenLife(fromCty(value))
}

// putToken sets the headers that the definition makes of the token.
func putToken(r *http.Request, token string, env authEnv) error {
	s := env.scope.with("token", sensitive(cty.StringVal(token)))
	value, err := s.evaluate(env.later["headers"])
	if err != nil {
		return notSigned(err)
	}
	lines, err := flatten(value, &secretTexts{})
	if err != nil {
		return notSigned(errors.New("headers " + err.Error()))
	}
	for name, texts := range lines {
		for _, text := range texts {
			if err := checkHeader(name, text); err != nil {
				return notSigned(err)
			}
			r.Header.Set(name, text)
		}
	}
	return nil
}
