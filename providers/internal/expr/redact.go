package expr

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
	// ShortestSecret spares an error text from losing every "1" because a
	// secret field holds one.
	ShortestSecret = 4
)

// Secrets gathers the secret values that one operation has seen, so that
// a provider that echoes one cannot carry it into an error. A nil *Secrets gathers
// nothing and knows none.
type Secrets struct {
	// Texts are those gathered so far.
	Texts []string
	// Passing are secrets of the connection that come and go, as tokens do; nil
	// for none.
	Passing func() []string
	// Public is the key's name, which is no secret even where it is a part of
	// the secret, such as a login's user name.
	Public string
}

// Add takes note of texts; those too short to tell from ordinary words are left out.
func (s *Secrets) Add(texts ...string) {
	if s == nil {
		return
	}
	for _, text := range texts {
		if len(text) >= ShortestSecret && text != s.Public && !slices.Contains(s.Texts, text) {
			s.Texts = append(s.Texts, text)
		}
	}
}

// AddMarked adds the texts of value that carry the sensitive mark.
func (s *Secrets) AddMarked(value cty.Value) { s.Add(MarkedTexts(value)...) }

// Within reports whether text holds one of the secrets.
func (s *Secrets) Within(text string) bool {
	if s == nil {
		return false
	}
	within := func(secret string) bool { return strings.Contains(text, secret) }
	return slices.ContainsFunc(s.Texts, within) || s.Passing != nil && slices.ContainsFunc(s.Passing(), within)
}

func (s *Secrets) all() []string {
	if s == nil {
		return nil
	}
	if s.Passing == nil {
		return s.Texts
	}
	return slices.Concat(s.Texts, s.Passing())
}

// Clean makes a provider's sentence fit for an error: no secret, no control
// characters, one line of bounded length.
func (s *Secrets) Clean(text string) string {
	text = s.Redact(text)
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

// Redact replaces every secret, also in the forms that a URL or a JSON text
// gives it.
func (s *Secrets) Redact(text string) string {
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
