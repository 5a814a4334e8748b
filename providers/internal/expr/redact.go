package expr

import (
	"encoding/base64"
	"encoding/json"
	"html"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/zclconf/go-cty/cty"
)

const (
	// longestMessage bounds what is passed on of a provider's sentence.
	longestMessage = 300
	// longestEcho bounds what is looked through of it.
	longestEcho = 16 << 10
	// mostSecrets is from how many on an error shows nothing of what it is told.
	mostSecrets = 10_000
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
		if s.tooMany() {
			return
		}
		if len(text) >= ShortestSecret && text != s.Public && !slices.Contains(s.Texts, text) {
			s.Texts = append(s.Texts, text)
		}
	}
}

// tooMany says that there are so many secrets that everything counts as one.
func (s *Secrets) tooMany() bool { return s != nil && len(s.Texts) >= mostSecrets }

// AddMarked adds the texts of value that carry the sensitive mark.
func (s *Secrets) AddMarked(value cty.Value) { s.Add(MarkedTexts(value)...) }

// Within reports whether text holds one of the secrets.
func (s *Secrets) Within(text string) bool {
	if s == nil {
		return false
	}
	if s.tooMany() {
		return true
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
	cut := len(text) > longestEcho
	if cut {
		text = text[:longestEcho]
	}
	text = s.Redact(text)
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "�"))
	text = strings.Join(strings.Fields(text), " ")
	if cut { // the last word may be the beginning of a secret
		text = text[:max(0, strings.LastIndexByte(text, ' '))] + "…"
	}
	if runes := []rune(text); len(runes) > longestMessage {
		text = string(runes[:longestMessage]) + "…"
	}
	return text
}

// Redact replaces every secret, also in the forms that a URL, a JSON text, a page or
// base64 gives it, and one within the other.
func (s *Secrets) Redact(text string) string {
	if s.tooMany() && text != "" {
		return "[hidden]"
	}
	spellings := spellingsOf(s.all())
	hidden := make([]bool, len(text))
	for told := range rounds(text) {
		for _, spelling := range spellings {
			told.hide(spelling, hidden)
		}
	}
	var shown strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case !hidden[i]:
			shown.WriteByte(text[i])
		case i == 0 || !hidden[i-1]:
			shown.WriteString("[hidden]")
		}
	}
	return shown.String()
}

const (
	// mostUnescaped is how often a text may have been escaped, and be seen through.
	mostUnescaped = 4
	// shortestLine is from where on a line of a secret of several is hidden alone.
	shortestLine = 16
)

// spellingsOf are texts in which secrets may be told: as they are, without the blanks around
// them, each line alone, with + for blanks, and in base64.
func spellingsOf(secrets []string) []string {
	var spellings []string
	add := func(spelling string) {
		for told := range rounds(spelling) {
			if len(told.text) >= ShortestSecret {
				spellings = append(spellings, told.text)
			}
		}
	}
	for _, secret := range secrets {
		trimmed := strings.TrimSpace(secret)
		add(secret)
		add(trimmed)
		add(strings.ReplaceAll(trimmed, " ", "+"))
		add(base64.RawStdEncoding.EncodeToString([]byte(secret)))
		add(base64.RawURLEncoding.EncodeToString([]byte(secret)))
		if strings.ContainsAny(trimmed, "\r\n") {
			for line := range strings.FieldsFuncSeq(trimmed, func(r rune) bool { return r == '\r' || r == '\n' }) {
				if line = strings.TrimSpace(line); len(line) >= shortestLine {
					add(line)
				}
			}
		}
	}
	return spellings
}

// toldText is a text, and where in the first one each of its bytes comes from.
type toldText struct {
	text string
	from []int // with the end of the first one behind
}

// rounds yields a text as it is, and with one round of escaping after the other taken back.
func rounds(text string) iter.Seq[toldText] {
	return func(yield func(toldText) bool) {
		told := toldText{text, make([]int, len(text)+1)}
		for i := range told.from {
			told.from[i] = i
		}
		for range mostUnescaped {
			if !yield(told) {
				return
			}
			plain := told.unescaped()
			if plain.text == told.text {
				return
			}
			told = plain
		}
	}
}

// hide marks where in the first text a spelling is told.
func (t toldText) hide(spelling string, hidden []bool) {
	for at := 0; ; at++ {
		next := strings.Index(t.text[at:], spelling)
		if next < 0 {
			return
		}
		at += next
		end := at + len(spelling)
		for end < len(t.text) && t.from[end] == t.from[end-1] { // it comes from the same place
			end++
		}
		for i := t.from[at]; i < t.from[end]; i++ {
			hidden[i] = true
		}
	}
}

// unescaped is the text with what one round of escaping did to it taken back.
func (t toldText) unescaped() toldText {
	var text strings.Builder
	var from []int
	for at := 0; at < len(t.text); {
		plain, length := unescape(t.text[at:])
		for range len(plain) {
			from = append(from, t.from[at])
		}
		text.WriteString(plain)
		at += length
	}
	return toldText{text.String(), append(from, t.from[len(t.text)])}
}

// escaped is what stands for a character in a URL, a JSON text or a page.
var escaped = regexp.MustCompile(`^(?:%[0-9A-Fa-f]{2}|(?:\\u[0-9A-Fa-f]{4})+|\\[^u]|&[#A-Za-z][0-9A-Za-z]{0,8};)`)

// unescape is the character with which a text begins, and the length of what stands for it.
func unescape(text string) (plain string, length int) {
	if strings.IndexByte(`%\&`, text[0]) < 0 {
		return text[:1], 1
	}
	form := escaped.FindString(text)
	switch {
	case form == "":
		return text[:1], 1
	case form[0] == '%':
		code, _ := strconv.ParseUint(form[1:], 16, 8) // two digits
		return string([]byte{byte(code)}), len(form)
	case form[0] == '&':
		return html.UnescapeString(form), len(form)
	}
	if json.Unmarshal([]byte(`"`+form+`"`), &plain) != nil {
		return text[:1], 1
	}
	return plain, len(form)
}
