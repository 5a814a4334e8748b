package providers

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// pathTemplate is a path or base URL as the definition writes it: literal
// parts, which are kept, and values, each of which becomes part of exactly one
// segment. A conditional chooses between two of them.
type pathTemplate struct {
	parts []pathPart
	// when, yes and no are set instead of parts for condition ? yes : no.
	when    hclsyntax.Expression
	yes, no *pathTemplate
}

type pathPart struct {
	literal string
	value   hclsyntax.Expression // nil for a literal
}

var (
	// pathLiteral are the characters that a path may hold as they are, without
	// ? and #, which would begin a query.
	pathLiteral = regexp.MustCompile(`^(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*$`)
	// otherHost is the beginning of a path that leaves the base URL.
	otherHost = regexp.MustCompile(`^https://[a-z0-9.-]+(?::[0-9]+)?/`)
	hostLabel = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$`)
)

// readPath compiles the path of a request and tells what it may not hold.
func (p *parser) readPath(expr hclsyntax.Expression) *pathTemplate {
	t := p.readTemplate(expr, "path", `"/keys/${key.id}"`)
	for _, variant := range t.variants() {
		start := variant.start()
		host := otherHost.FindString(start)
		switch {
		case host == "" && !strings.HasPrefix(start, "/"):
			p.add(expr.Range(), "bad path", `A path begins with "/" and is appended to base_url; a path at another host begins with "https://host/", written out.`)
		case !pathLiteral.MatchString(strings.TrimPrefix(variant.skeleton("v"), strings.TrimSuffix(host, "/"))):
			p.add(expr.Range(), "bad path", "A path holds letters, digits and -._~!$&'()*+,;=:@/ and escapes such as %%20; the query goes into query = { … }.")
		case hasOddSegment(strings.TrimPrefix(variant.skeleton("v"), host)):
			p.add(expr.Range(), "bad path", `A path has no empty segment and no "." or "..".`)
		}
	}
	return t
}

// readBase compiles base_url.
func (p *parser) readBase(expr hclsyntax.Expression) *pathTemplate {
	t := p.readTemplate(expr, "base_url", `"https://api.example.com/v1"`)
	for _, variant := range t.variants() {
		if _, literal := variant.literal(); !literal && !strings.HasPrefix(variant.start(), "https://") {
			p.add(expr.Range(), "bad base_url", `A computed base_url begins with "https://"; for a server that operators run themselves leave it out, and each connection gives its own.`)
			continue
		}
		if _, err := parseBaseURL(variant.skeleton("v"), false); err != nil {
			p.add(expr.Range(), "bad base_url", "%s.", capital(err))
		}
	}
	return t
}

func (p *parser) readTemplate(expr hclsyntax.Expression, what, example string) *pathTemplate {
	switch e := expr.(type) {
	case *hclsyntax.TemplateExpr:
		t := &pathTemplate{}
		for _, part := range e.Parts {
			if literal, ok := part.(*hclsyntax.LiteralValueExpr); ok && literal.Val.Type() == cty.String {
				t.parts = append(t.parts, pathPart{literal: literal.Val.AsString()})
			} else {
				t.parts = append(t.parts, pathPart{value: part})
			}
		}
		return t
	case *hclsyntax.ParenthesesExpr:
		return p.readTemplate(e.Expression, what, example)
	case *hclsyntax.ConditionalExpr:
		return &pathTemplate{
			when: e.Condition,
			yes:  p.readTemplate(e.TrueResult, what, example),
			no:   p.readTemplate(e.FalseResult, what, example),
		}
	default:
		p.add(expr.Range(), "bad "+what, "Write %s as a text with values in it, such as %s, or as a condition between two such texts: only so can each value be kept inside its place.", what, example)
		return &pathTemplate{parts: []pathPart{{literal: "/"}}}
	}
}

// variants are the templates between which conditions choose.
func (t *pathTemplate) variants() []*pathTemplate {
	if t.when == nil {
		return []*pathTemplate{t}
	}
	return append(t.yes.variants(), t.no.variants()...)
}

// start is the literal text before the first value.
func (t *pathTemplate) start() string {
	if len(t.parts) == 0 {
		return ""
	}
	return t.parts[0].literal
}

// skeleton is the template with a stand-in for each value.
func (t *pathTemplate) skeleton(value string) string {
	var text strings.Builder
	for _, part := range t.parts {
		if part.value != nil {
			text.WriteString(value)
		}
		text.WriteString(part.literal)
	}
	return text.String()
}

// literal is the template's text when there is nothing to compute.
func (t *pathTemplate) literal() (string, bool) {
	if t.when != nil {
		return "", false
	}
	for _, part := range t.parts {
		if part.value != nil {
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
	if t.when != nil {
		return append(append([]hclsyntax.Expression{t.when}, t.yes.expressions()...), t.no.expressions()...)
	}
	var found []hclsyntax.Expression
	for _, part := range t.parts {
		if part.value != nil {
			found = append(found, part.value)
		}
	}
	return found
}

// render is the escaped text for the values in scope. Each value passes
// escape, which is told the text before it.
func (t *pathTemplate) render(s scope, secrets *secretTexts, escape func(before, value string) (string, error)) (string, error) {
	if t.when != nil {
		yes, err := s.truth(t.when)
		if err != nil {
			return "", err
		}
		if yes {
			return t.yes.render(s, secrets, escape)
		}
		return t.no.render(s, secrets, escape)
	}
	var text strings.Builder
	for _, part := range t.parts {
		text.WriteString(part.literal)
		if part.value == nil {
			continue
		}
		value, err := s.evaluate(part.value)
		if err != nil {
			return "", err
		}
		secrets.addMarked(value)
		plain, ok := textOf(value)
		if !ok {
			return "", fmt.Errorf("%s is not set: it is part of the path", sourceOf(part.value))
		}
		escaped, err := escape(text.String(), plain)
		if err != nil {
			return "", fmt.Errorf("%s %w", sourceOf(part.value), err)
		}
		text.WriteString(escaped)
	}
	return text.String(), nil
}

// escapeSegment makes value part of one path segment.
func escapeSegment(_, value string) (string, error) {
	switch {
	case strings.TrimSpace(value) == "":
		return "", errors.New("is empty: a path cannot do without it")
	case !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl):
		return "", errors.New("holds control characters: a path cannot")
	case climbs(value):
		return "", errors.New(`holds a "." or ".." segment: a path cannot`)
	}
	// A colon would begin a custom verb at some providers: /keys/x:undelete.
	return strings.ReplaceAll(url.PathEscape(value), ":", "%3A"), nil
}

// climbs reports whether a server that unescapes more than once, before it
// cleans the path, would take value for a way to another place.
func climbs(value string) bool {
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

// target is the URL of a request: the path under base, or at the other host
// that the definition names.
func (t *pathTemplate) target(base *url.URL, s scope, secrets *secretTexts) (*url.URL, error) {
	path, err := t.render(s, secrets, escapeSegment)
	if err != nil {
		return nil, err
	}
	if host := otherHost.FindString(path); host != "" {
		return joinURL(&url.URL{Scheme: "https", Host: strings.TrimSuffix(strings.TrimPrefix(host, "https://"), "/")}, path[len(host)-1:])
	}
	return joinURL(base, path)
}

// conditions are the conditions that choose between paths.
func (t *pathTemplate) conditions() []hclsyntax.Expression {
	if t.when == nil {
		return nil
	}
	return append(append([]hclsyntax.Expression{t.when}, t.yes.conditions()...), t.no.conditions()...)
}

// values are the values that become part of the path.
func (t *pathTemplate) values() []hclsyntax.Expression {
	if t.when != nil {
		return append(t.yes.values(), t.no.values()...)
	}
	return t.expressions()
}
