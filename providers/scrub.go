package providers

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/zclconf/go-cty/cty"
)

const (
	// longestMessage bounds what is passed on of a provider's sentence.
	longestMessage = 300
	// shortestSecret spares an error text from losing every "1" because a
	// secret field holds one.
	shortestSecret = 4
)

// secretTexts gathers the secret values that one operation has seen, so that
// a provider that echoes one cannot carry it into an error.
type secretTexts struct {
	texts []string
	// passing are secrets of the connection that come and go, as tokens do; nil
	// for none.
	passing func() []string
	// public is the key's name, which is no secret even where it is a part of
	// the secret, such as a login's user name.
	public string
}

func (s *secretTexts) add(texts ...string) {
	for _, text := range texts {
		if len(text) >= shortestSecret && text != s.public && !slices.Contains(s.texts, text) {
			s.texts = append(s.texts, text)
		}
	}
}

// addMarked adds the texts of value that carry the sensitive mark.
func (s *secretTexts) addMarked(value cty.Value) { s.add(markedTexts(value)...) }

// within reports whether text holds one of the secrets.
func (s *secretTexts) within(text string) bool {
	return slices.ContainsFunc(s.all(), func(secret string) bool { return strings.Contains(text, secret) })
}

func (s *secretTexts) all() []string {
	if s.passing == nil {
		return s.texts
	}
	return slices.Concat(s.texts, s.passing())
}

// clean makes a provider's sentence fit for an error: no secret, no control
// characters, one line of bounded length.
func (s *secretTexts) clean(text string) string {
	text = s.redact(text)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > longestMessage {
		text = string(runes[:longestMessage]) + "…"
	}
	return text
}

// redact replaces every secret, also in the forms that a URL or a JSON text
// gives it.
func (s *secretTexts) redact(text string) string {
	var forms []string
	for _, secret := range s.all() {
		quoted, _ := json.Marshal(secret) // a string always encodes
		forms = append(forms, secret, url.QueryEscape(secret), url.PathEscape(secret), strings.Trim(string(quoted), `"`))
	}
	slices.SortFunc(forms, func(a, b string) int { return len(b) - len(a) }) // a secret may hold another
	for _, form := range slices.Compact(forms) {
		text = strings.ReplaceAll(text, form, "[hidden]")
	}
	return text
}
