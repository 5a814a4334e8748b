package definition

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// pathTemplate is a path or base URL as the definition writes it: literal
// parts, which are kept, and values, each of which becomes part of exactly one
// segment. A conditional chooses between two of them.
type pathTemplate struct {
	Parts []pathPart
	// When, yes and no are set instead of parts for condition ? yes : no.
	When    hclsyntax.Expression
	Yes, no *pathTemplate
}

type pathPart struct {
	literal string
	Value   hclsyntax.Expression // nil for a literal
	// domain says that the value ends a host's name, and may be several labels.
	domain bool
}

var (
	// pathLiteral are the characters that a path may hold as they are, without
	// ? and #, which would begin a query.
	pathLiteral = regexp.MustCompile(`^(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$`)
	// otherHost is the beginning of a path that leaves the base URL.
	otherHost  = regexp.MustCompile(`^https://[A-Za-z0-9.-]+(?::[0-9]+)?/`)
	hostLabel  = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$`)
	hostDomain = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$`)
	// ownDomain ends a host's name after a value that anybody may choose: only so
	// does the credential stay with hosts of one owner.
	ownDomain = regexp.MustCompile(`^[A-Za-z0-9-]*(?:\.[A-Za-z0-9-]+){2,}(?::[0-9]+)?$`)
)

// readPath compiles the path of a request and tells what it may not hold.
func (p *parser) readPath(expr hclsyntax.Expression) *pathTemplate {
	t := p.readTemplate(expr, "path", `"/keys/${key.id}"`)
	for _, variant := range t.variants() {
		variant.markDomain()
		host := otherHost.FindString(variant.skeleton("v"))
		switch {
		case host == "" && !strings.HasPrefix(variant.start(), "/"):
			p.add(expr.Range(), "bad path", `A path begins with "/" and is appended to base_url; a path at another host begins with "https://host/".`)
		case host != "" && !variant.ownHost():
			p.add(expr.Range(), "bad path", `A host that a value is part of ends with a domain that is written out, such as "https://${role.project}.acme.example/keys", or with a connection field: nothing else may choose where the credential goes.`)
		case !pathLiteral.MatchString(strings.TrimPrefix(variant.skeleton("v"), strings.TrimSuffix(host, "/"))):
			p.add(expr.Range(), "bad path", "A path holds letters, digits and -._~!$&'()*+,;=:@/ and escapes such as %%20; the query goes into query = { … }.")
		case transport.HasOddSegment(strings.TrimPrefix(variant.skeleton("v"), host)):
			p.add(expr.Range(), "bad path", `A path has no empty segment and no "." or "..".`)
		}
	}
	return t
}

// readBase compiles base_url.
func (p *parser) readBase(expression hclsyntax.Expression) *pathTemplate {
	t := p.readTemplate(expression, "base_url", `"https://api.example.com/v1"`)
	for _, variant := range t.variants() {
		variant.markDomain()
		if _, literal := variant.literal(); !literal && !strings.HasPrefix(variant.start(), "https://") {
			p.add(expression.Range(), "bad base_url", `A computed base_url begins with "https://"; for a server that operators run themselves leave it out, and each connection gives its own.`)
			continue
		}
		_, err := transport.ParseBaseURL(variant.skeleton("v"), false)
		if _, allowed := transport.ParseBaseURL(variant.skeleton("v"), true); err != nil && allowed == nil {
			err = errors.New("base_url must begin with https://, which keeps the credential from who listens; for a server that operators run without TLS leave it out, and each connection gives its own")
		}
		if err != nil {
			p.add(expression.Range(), "bad base_url", "%s.", expr.Capital(err))
		}
	}
	return t
}

func (p *parser) readTemplate(expr hclsyntax.Expression, what, example string) *pathTemplate {
	switch e := expr.(type) {
	case *hclsyntax.TemplateExpr:
		return p.templateOf(e.Parts, mostVariants)
	case *hclsyntax.TemplateWrapExpr:
		return p.templateOf([]hclsyntax.Expression{e.Wrapped}, mostVariants)
	case *hclsyntax.ParenthesesExpr:
		return p.readTemplate(e.Expression, what, example)
	case *hclsyntax.ConditionalExpr:
		return &pathTemplate{
			When: e.Condition,
			Yes:  p.readTemplate(e.TrueResult, what, example),
			no:   p.readTemplate(e.FalseResult, what, example),
		}
	default:
		p.add(expr.Range(), "bad "+what, "Write %s as a text with values in it, such as %s, or as a condition between two such texts: only so can each value be kept inside its place.", what, example)
		return &pathTemplate{Parts: []pathPart{{literal: "/"}}}
	}
}

// mostVariants bounds between how many texts the locals in a path may choose.
const mostVariants = 32

// templateOf is the template of these parts. A local that is a text with values in it,
// or a choice between such texts, is as if it stood there.
func (p *parser) templateOf(parts []hclsyntax.Expression, left int) *pathTemplate {
	for i, part := range parts {
		text := p.inlinedText(part)
		if text == nil {
			continue
		}
		if left <= 1 {
			p.add(part.Range(), "too many choices", "The locals in a path choose between at most %d texts.", mostVariants)
			return &pathTemplate{Parts: []pathPart{{literal: "/"}}}
		}
		with := func(instead ...hclsyntax.Expression) []hclsyntax.Expression {
			return slices.Concat(parts[:i], instead, parts[i+1:])
		}
		switch e := text.(type) {
		case *hclsyntax.TemplateExpr:
			return p.templateOf(with(e.Parts...), left)
		case *hclsyntax.ConditionalExpr:
			return &pathTemplate{
				When: e.Condition,
				Yes:  p.templateOf(with(p.inline(e.TrueResult)), left/2),
				no:   p.templateOf(with(p.inline(e.FalseResult)), left/2),
			}
		}
	}
	t := &pathTemplate{}
	for _, part := range parts {
		literal, ok := part.(*hclsyntax.LiteralValueExpr)
		last := len(t.Parts) - 1
		switch {
		case !ok || literal.Val.Type() != cty.String:
			t.Parts = append(t.Parts, pathPart{Value: part})
		case last >= 0 && t.Parts[last].Value == nil:
			t.Parts[last].literal += literal.Val.AsString()
		default:
			t.Parts = append(t.Parts, pathPart{literal: literal.Val.AsString()})
		}
	}
	return t
}

// variants are the templates between which conditions choose.
func (t *pathTemplate) variants() []*pathTemplate {
	if t.When == nil {
		return []*pathTemplate{t}
	}
	return append(t.Yes.variants(), t.no.variants()...)
}

// hostParts are the parts of a template that make up the host's name: from the
// "https://" with which it begins to the next slash.
func (t *pathTemplate) hostParts() []pathPart {
	if !strings.HasPrefix(t.start(), "https://") {
		return nil
	}
	var host []pathPart
	for i, part := range t.Parts {
		if i == 0 {
			part.literal = strings.TrimPrefix(part.literal, "https://")
		}
		name, _, ended := strings.Cut(part.literal, "/")
		host = append(host, pathPart{literal: name, Value: part.Value, domain: part.domain})
		if ended {
			break
		}
	}
	return slices.DeleteFunc(host, func(part pathPart) bool { return part.Value == nil && part.literal == "" })
}

// markDomain notes a connection's value that ends the host's name: whoever writes
// the connection may name its base URL as well.
func (t *pathTemplate) markDomain() {
	host := t.hostParts()
	if len(host) == 0 {
		return
	}
	last := host[len(host)-1].Value
	for i, part := range t.Parts {
		t.Parts[i].domain = part.Value != nil && part.Value == last && expr.MentionsOnly("connection", last)
	}
}

// ownHost reports whether the host's name ends with what the definition, or the
// connection, says.
func (t *pathTemplate) ownHost() bool {
	free, tail := false, ""
	for _, part := range t.hostParts() {
		switch {
		case part.Value == nil:
			tail += part.literal
		case part.domain:
			return true
		default:
			free, tail = true, ""
		}
	}
	return !free || ownDomain.MatchString(tail)
}

// host is "https://host" as far as the values in s tell; a label that depends on
// others is "*". It is empty where the template begins with a path.
func (t *pathTemplate) host(s expr.Scope) string {
	parts := t.hostParts()
	if parts == nil {
		return ""
	}
	text := "https://"
	for _, part := range parts {
		text += part.literal
		if part.Value == nil {
			continue
		}
		value, err := s.Evaluate(part.Value)
		plain, ok := expr.TextOf(value)
		if err != nil || !ok {
			plain = "*"
		}
		text += plain
	}
	return text
}

// start is the literal text before the first value.
func (t *pathTemplate) start() string {
	if len(t.Parts) == 0 {
		return ""
	}
	return t.Parts[0].literal
}

// skeleton is the template with a stand-in for each value.
func (t *pathTemplate) skeleton(value string) string {
	var text strings.Builder
	for _, part := range t.Parts {
		if part.Value != nil {
			text.WriteString(value)
		}
		text.WriteString(part.literal)
	}
	return text.String()
}

// literal is the template's text when there is nothing to compute.
func (t *pathTemplate) literal() (string, bool) {
	if t.When != nil {
		return "", false
	}
	for _, part := range t.Parts {
		if part.Value != nil {
			return "", false
		}
	}
	return t.skeleton(""), true
}

// expressions are all that the template evaluates.
func (t *pathTemplate) expressions() []hclsyntax.Expression {
	if t == nil {
		return nil
	}
	if t.When != nil {
		return append(append([]hclsyntax.Expression{t.When}, t.Yes.expressions()...), t.no.expressions()...)
	}
	var found []hclsyntax.Expression
	for _, part := range t.Parts {
		if part.Value != nil {
			found = append(found, part.Value)
		}
	}
	return found
}

// render is the escaped text for the values in scope: each is part of one path
// segment, or of one label of the host's name.
func (t *pathTemplate) render(s expr.Scope) (string, error) {
	if t.When != nil {
		yes, err := s.Truth(t.When)
		if err != nil {
			return "", err
		}
		if yes {
			return t.Yes.render(s)
		}
		return t.no.render(s)
	}
	var text strings.Builder
	for _, part := range t.Parts {
		text.WriteString(part.literal)
		if part.Value == nil {
			continue
		}
		value, err := s.Evaluate(part.Value)
		if err != nil {
			return "", err
		}
		s.Conceal(value)
		plain, ok := expr.TextOf(value)
		if !ok {
			return "", fmt.Errorf("%s is not set: it is part of the path", expr.SourceOf(part.Value))
		}
		escape := escapeSegment
		if inHost(text.String()) {
			escape = escapeLabel
		}
		if part.domain {
			escape = escapeDomain
		}
		escaped, err := escape(plain)
		if err != nil {
			return "", fmt.Errorf("%s %w", expr.SourceOf(part.Value), err)
		}
		text.WriteString(escaped)
	}
	return text.String(), nil
}

// escapeSegment makes value part of one path segment.
func escapeSegment(value string) (string, error) {
	switch {
	case strings.TrimSpace(value) == "":
		return "", errors.New("is empty: a path cannot do without it")
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return "", errors.New("holds control characters: a path cannot")
	case Climbs(value):
		return "", errors.New(`holds a "." or ".." segment: a path cannot`)
	}
	// A colon would begin a custom verb at some providers: /keys/x:undelete.
	return strings.ReplaceAll(url.PathEscape(value), ":", "%3A"), nil
}

// inHost reports whether what follows the text is part of the host's name.
func inHost(before string) bool {
	host, found := strings.CutPrefix(before, "https://")
	return found && !strings.Contains(host, "/")
}

// escapeLabel makes value part of one label of a host's name.
func escapeLabel(value string) (string, error) {
	if !hostLabel.MatchString(value) {
		return "", errors.New("is part of the host's name: it may hold letters, digits and - only")
	}
	return value, nil
}

// escapeDomain makes value the end of a host's name.
func escapeDomain(value string) (string, error) {
	const longest = 253 // RFC 1035, section 2.3.4
	if !hostDomain.MatchString(value) || len(value) > longest {
		return "", errors.New("ends the host's name: it may hold letters, digits, - and single dots only, such as eu.example.com")
	}
	return value, nil
}

// Climbs reports whether a server that unescapes more than once, before it
// cleans the path, would take value for a way to another place.
func Climbs(value string) bool {
	for range 3 {
		for segment := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '/' || r == '\\' }) {
			if segment = strings.TrimSpace(segment); segment == "." || segment == ".." {
				return true
			}
		}
		next, err := url.PathUnescape(value)
		if err != nil || next == value {
			return false
		}
		value = next
	}
	return false
}

// Target is the URL of a request: the path under base, or at the other host
// that the definition names.
func (t *pathTemplate) Target(base *url.URL, s expr.Scope) (*url.URL, error) {
	path, err := t.render(s)
	if err != nil {
		return nil, err
	}
	if host := otherHost.FindString(path); host != "" {
		return transport.JoinURL(&url.URL{Scheme: "https", Host: strings.TrimSuffix(strings.TrimPrefix(host, "https://"), "/")}, path[len(host)-1:])
	}
	return transport.JoinURL(base, path)
}

// conditions are the conditions that choose between paths.
func (t *pathTemplate) conditions() []hclsyntax.Expression {
	if t.When == nil {
		return nil
	}
	return append(append([]hclsyntax.Expression{t.When}, t.Yes.conditions()...), t.no.conditions()...)
}

// Values are the values that become part of the path.
func (t *pathTemplate) Values() []hclsyntax.Expression {
	if t.When != nil {
		return append(t.Yes.Values(), t.no.Values()...)
	}
	return t.expressions()
}
