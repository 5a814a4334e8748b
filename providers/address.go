package providers

import (
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// destinations are where a connection's credential goes, sorted: the base URL,
// each token_url, and each other host that a request names. Two spellings of one
// address are equal.
func (d *Definition) destinations(base *url.URL, names scope) []string {
	names = names.with("base_url", cty.StringVal(strings.TrimSuffix(base.String(), "/")))
	found := []string{canonical(base)}
	for _, use := range d.authUses() {
		if address := find(use.args, "token_url"); address != nil {
			found = append(found, tokenDestination(names, base, address))
		}
	}
	for _, c := range d.everyCall() {
		for _, variant := range c.path.variants() {
			if host := variant.host(names); host != "" {
				found = append(found, canonicalText(host))
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// tokenDestination is where a token is asked for.
func tokenDestination(names scope, base *url.URL, expr hclsyntax.Expression) string {
	text, _, err := names.text(expr)
	switch {
	case err != nil:
		return sourceOf(expr) // it depends on more than the connection
	case strings.HasPrefix(text, "/"):
		return canonical(&url.URL{Scheme: base.Scheme, Host: base.Host})
	}
	return canonicalText(text)
}

// authUses are all auth blocks, those of requests included.
func (d *Definition) authUses() []*authUse {
	uses := slices.Clone(d.auth)
	for _, c := range d.everyCall() {
		uses = append(uses, c.auth...)
	}
	return uses
}

// everyCall are all requests, those for tokens included.
func (d *Definition) everyCall() []*call {
	all := slices.Concat(d.calls(), d.rotate.all())
	for _, use := range d.auth {
		if use.request != nil {
			all = append(all, use.request)
		}
	}
	for _, c := range slices.Clone(all) {
		for _, use := range c.auth {
			if use.request != nil {
				all = append(all, use.request)
			}
		}
	}
	return all
}

// SameAuth reports whether another definition shows the credential in the same
// ways: its auth blocks read the same, spaces aside.
func (d *Definition) SameAuth(other *Definition) bool { return d.authText() == other.authText() }

func (d *Definition) authText() string {
	var text strings.Builder
	for _, use := range d.authUses() {
		text.WriteString(use.kind)
		exprs := []hclsyntax.Expression{use.when}
		for _, arg := range use.args {
			text.WriteString(" " + arg.name)
			exprs = append(exprs, arg.expr)
		}
		if use.request != nil {
			exprs = append(exprs, use.request.requestExpressions()...)
		}
		for _, expr := range present(exprs) {
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
