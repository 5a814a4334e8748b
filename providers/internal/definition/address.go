package definition

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// Destinations are where a connection's credential goes, sorted: the base URL,
// each token_url, and each other host that a request names. Two spellings of one
// address are equal.
func (d *Definition) Destinations(base *url.URL, names expr.Scope) []string {
	names = names.With("base_url", cty.StringVal(strings.TrimSuffix(base.String(), "/")))
	found := []string{canonical(base)}
	for _, use := range d.authUses() {
		if address := expr.Find(use.Args, "token_url"); address != nil {
			found = append(found, tokenDestination(names, base, address))
		}
	}
	for _, c := range d.everyCall() {
		for _, variant := range c.Path.variants() {
			if host := variant.host(names); host != "" {
				found = append(found, canonicalText(host))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// tokenDestination is where a token is asked for.
func tokenDestination(names expr.Scope, base *url.URL, expression hclsyntax.Expression) string {
	text, _, err := names.Text(expression)
	switch {
	case err != nil:
		return expr.SourceOf(expression) // it depends on more than the connection
	case strings.HasPrefix(text, "/"):
		return canonical(&url.URL{Scheme: base.Scheme, Host: base.Host})
	}
	return canonicalText(text)
}

// authUses are all auth blocks, those of requests included.
func (d *Definition) authUses() []*AuthUse {
	uses := slices.Clone(d.Auth)
	for _, c := range d.everyCall() {
		uses = append(uses, c.Auth...)
	}
	return uses
}

// SameAuth reports whether another definition shows the credential in the same
// ways: its auth blocks, and what all its requests have in common, read the same, spaces
// aside.
func (d *Definition) SameAuth(other *Definition) bool { return d.authText() == other.authText() }

func (d *Definition) authText() string {
	var text strings.Builder
	text.WriteString(d.locals) // what auth shows may be made of them
	if d.Shared != nil {
		for _, expr := range d.Shared.expressions(JSONBody) {
			text.Write(expr.Range().SliceBytes(d.source))
		}
	}
	for _, use := range d.authUses() {
		text.WriteString(use.Kind)
		exprs := []hclsyntax.Expression{use.When}
		for _, arg := range use.Args {
			text.WriteString(" " + arg.Name)
			exprs = append(exprs, arg.Expr)
		}
		if use.Request != nil {
			exprs = append(exprs, use.Request.requestExpressions()...)
		}
		for _, expr := range expr.Present(exprs) {
			text.Write(expr.Range().SliceBytes(d.source))
		}
		text.WriteString("\n")
	}
	return strings.Join(strings.Fields(text.String()), " ")
}

// canonical is a URL in the one spelling by which it is compared.
func canonical(u *url.URL) string {
	scheme, host := strings.ToLower(u.Scheme), strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80", "socks5": "1080", "socks5h": "1080"}[scheme]
	}
	return scheme + "://" + net.JoinHostPort(host, port) + strings.TrimSuffix(u.EscapedPath(), "/")
}

func canonicalText(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return text
	}
	return canonical(u)
}

// SameURL reports whether two texts are one URL, user name and password aside.
func SameURL(a, b string) bool { return canonicalText(a) == canonicalText(b) }
