package providers

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// firstValue is what page.* has on the first page.
func firstValue(g *definition.Pagination) cty.Value {
	switch g.Kind {
	case definition.ByPage:
		return cty.NumberIntVal(int64(g.First))
	case definition.ByOffset:
		return cty.Zero
	}
	return cty.NullVal(cty.String)
}

// nextOf is what page.* has on the next page; NilVal at the end. count is how many
// items this one had.
func nextOf(g *definition.Pagination, s expr.Scope, got *evaluated, count int) (cty.Value, error) {
	if g.More != nil {
		more, err := s.Reading(expr.AbsentIsUnknown).Truth(g.More)
		if err != nil || !more {
			return cty.NilVal, wrapped("more", err)
		}
	}
	now := s.Names["page"].GetAttr(g.PageAttribute())
	switch g.Kind {
	case definition.ByPage:
		if g.More == nil && count == 0 {
			return cty.NilVal, nil
		}
		return now.Add(cty.NumberIntVal(1)), nil
	case definition.ByOffset:
		if count == 0 && g.More != nil {
			return cty.NilVal, errors.New("the provider says that there is more, and shows nothing")
		}
		if count == 0 {
			return cty.NilVal, nil
		}
		return now.Add(cty.NumberIntVal(int64(count))), nil
	case definition.ByCursor:
		cursor, err := s.Evaluate(g.Next)
		text, _ := expr.TextOf(cursor)
		if err != nil || text == "" {
			return cty.NilVal, wrapped("next", err)
		}
		return cursor, nil
	}
	return nextURL(g, s, got)
}

// nextURL is the address of the next page at the host that was asked for this one: an
// answer does not decide where the credential goes, and a server behind a proxy may
// not know its own name.
func nextURL(g *definition.Pagination, s expr.Scope, got *evaluated) (cty.Value, error) {
	text := nextLink(got.header)
	if g.Kind == definition.ByURL {
		value, err := s.Evaluate(g.Next)
		if err != nil {
			return cty.NilVal, wrapped("next", err)
		}
		text, _ = expr.TextOf(value)
	}
	if text == "" {
		return cty.NilVal, nil
	}
	next, err := got.asked.Parse(text)
	if err != nil {
		return cty.NilVal, errors.New("the next page is no URL")
	}
	at := *got.asked
	at.Path, at.RawPath, at.RawQuery, at.Fragment = next.Path, next.RawPath, next.RawQuery, ""
	return cty.StringVal(at.String()), nil
}

func wrapped(what string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", what, err)
}

// askForPage adds to a request's query which page is wanted.
func askForPage(g *definition.Pagination, query url.Values, s expr.Scope) {
	if g == nil {
		return
	}
	if g.SizeParameter != "" {
		query.Set(g.SizeParameter, fmt.Sprint(g.Size))
	}
	if g.Parameter == "" {
		return
	}
	page, ok := s.Names["page"]
	if !ok {
		return
	}
	if text, ok := expr.TextOf(page.GetAttr(g.PageAttribute())); ok {
		query.Set(g.Parameter, text)
	}
}

// followingPage is the address that a page after the first is read at; nil where the
// request says it.
func followingPage(g *definition.Pagination, s expr.Scope) *url.URL {
	if g == nil || g.PageAttribute() != "url" {
		return nil
	}
	text, ok := expr.TextOf(s.Names["page"].GetAttr("url"))
	if !ok {
		return nil
	}
	at, err := url.Parse(text)
	if err != nil {
		return nil
	}
	return at
}

// nextLink is the target of the link to the next page in Link headers (RFC 8288,
// section 3); "" where there is none.
func nextLink(header http.Header) string {
	for _, line := range header.Values("Link") {
		for rest := line; rest != ""; {
			var target string
			var parameters map[string]string
			if target, parameters, rest = cutLink(rest); target == "" {
				break
			}
			for _, rel := range strings.Fields(parameters["rel"]) {
				if strings.EqualFold(rel, "next") {
					return target
				}
			}
		}
	}
	return ""
}

// cutLink reads the first link of a header: <target>; name="value"; name=value, …
// target is "" for what is none.
func cutLink(text string) (target string, parameters map[string]string, rest string) {
	text = strings.TrimLeft(text, " \t,")
	if !strings.HasPrefix(text, "<") {
		return "", nil, ""
	}
	target, rest, found := strings.Cut(text[1:], ">")
	if !found {
		return "", nil, ""
	}
	parameters = map[string]string{}
	for {
		rest = strings.TrimLeft(rest, " \t")
		if !strings.HasPrefix(rest, ";") {
			return strings.TrimSpace(target), parameters, strings.TrimLeft(rest, ", \t")
		}
		var name, value string
		name, value, rest = cutParameter(rest[1:])
		if _, given := parameters[name]; !given && name != "" {
			parameters[name] = value // of several rel the first counts
		}
	}
}

// cutParameter reads name=value or name="value" up to the next ; or ,
func cutParameter(text string) (name, value, rest string) {
	end := strings.IndexAny(text, "=;,")
	if end < 0 {
		return strings.ToLower(strings.TrimSpace(text)), "", ""
	}
	name = strings.ToLower(strings.TrimSpace(text[:end]))
	if text[end] != '=' {
		return name, "", text[end:]
	}
	rest = strings.TrimLeft(text[end+1:], " \t")
	if !strings.HasPrefix(rest, `"`) {
		if end = strings.IndexAny(rest, ";,"); end < 0 {
			end = len(rest)
		}
		return name, strings.TrimSpace(rest[:end]), rest[end:]
	}
	var quoted strings.Builder
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == '\\' && i+1 < len(rest):
			i++
			quoted.WriteByte(rest[i])
		case rest[i] == '"':
			return name, quoted.String(), rest[i+1:]
		default:
			quoted.WriteByte(rest[i])
		}
	}
	return name, "", "" // no end
}
