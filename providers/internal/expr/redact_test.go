package expr

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
)

// escapings are how a provider may write what it echoes.
var escapings = map[string]func(string) string{
	"as it is":   func(s string) string { return s },
	"of a query": url.QueryEscape,
	"of a path":  url.PathEscape,
	"in small letters": func(s string) string {
		return strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%3C", "%3c", "%3D", "%3d", "%3A", "%3a").Replace(url.QueryEscape(s))
	},
	"of all bytes": func(s string) string {
		var escaped strings.Builder
		for i := range len(s) {
			escaped.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[s[i]>>4])+string("0123456789abcdef"[s[i]&15])))
		}
		return escaped.String()
	},
	"of JSON": func(s string) string { text, _ := json.Marshal(s); return strings.Trim(string(text), `"`) },
	"of PHP": func(s string) string {
		text, _ := json.Marshal(s)
		return strings.ReplaceAll(strings.Trim(string(text), `"`), "/", `\/`)
	},
	"of JSON in ASCII": func(s string) string {
		return strings.NewReplacer("ä", `\u00e4`, "🔑", `\ud83d\udd11`, `"`, `\"`, `\`, `\\`).Replace(s)
	},
	"of a page":          html.EscapeString,
	"of base64":          func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"of base64 in URLs":  func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
	"with blanks around": func(s string) string { return " " + strings.TrimSpace(s) + "\t" },
}

// TestRedact: no secret stays, however a provider escapes what it echoes, also twice.
func TestRedact(t *testing.T) {
	for _, secret := range []string{
		"sk-0123456789", "ab+c/d&e<f=g>", " padded-token ", `quo"ted\back'slash`, "pässwörd🔑key", "two words: and more", "50%41b%zz&amp;x", `a\u0041b\/c`,
	} {
		known := &Secrets{}
		known.Add("other", secret)
		for one, first := range escapings {
			for two, second := range escapings {
				echo := second(first(secret))
				if got := known.Redact("before " + echo + " after"); strings.Contains(got, strings.TrimSpace(echo)) || !strings.HasPrefix(got, "before ") || !strings.HasSuffix(got, " after") {
					if !(strings.HasPrefix(two, "of base64") && one != "as it is") { // which nobody can look into
						t.Errorf("%q, escaped %s and then %s: %q becomes %q", secret, one, two, echo, got)
					}
				}
			}
		}
	}
}

// TestRedactLines: each line of a secret of several is hidden, as where they are joined.
func TestRedactLines(t *testing.T) {
	known := &Secrets{}
	known.Add("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\r\nAQEFAASCBKcwggSjAgEAAoIB\nAQ==\n-----END PRIVATE KEY-----\n")
	if got := known.Clean("bad key MIIEvQIBADANBgkqhkiG9w0B AQEFAASCBKcwggSjAgEAAoIB\\nAQ=="); got != `bad key [hidden] [hidden]\nAQ==` {
		t.Errorf("it becomes %q", got)
	}
}

// TestCleanCuts: what is too long is cut where no part of a secret can be left.
func TestCleanCuts(t *testing.T) {
	known := &Secrets{}
	known.Add("s3cr3t-value")
	for name, c := range map[string]struct{ text, want string }{
		"echoes":        {strings.Repeat(" ", 5) + strings.Repeat("s3cr3t-value", longestEcho), "…"},
		"echoes apart":  {"Bad " + strings.Repeat("s3cr3t-value\n", longestEcho)[:longestEcho] + "…", ""},
		"a long secret": {"Bad " + strings.Repeat(" ", longestEcho-8) + "s3cr3t-value", "Bad…"},
		"a long answer": {strings.Repeat("é ", 4<<20), strings.Repeat("é ", longestMessage/2) + "…"},
	} {
		got := known.Clean(c.text)
		if c.want != "" && got != c.want || strings.Contains(got, "s3c") {
			t.Errorf("%s: it becomes %q", name, got)
		}
	}
}

// TestTooManySecrets: an answer with more secrets than can be looked for is shown not at all.
func TestTooManySecrets(t *testing.T) {
	known := &Secrets{}
	for i := range 2 * mostSecrets {
		known.Add(fmt.Sprintf("secret-%d", i))
	}
	last := fmt.Sprintf("secret-%d", 2*mostSecrets-1)
	if len(known.Texts) > mostSecrets || !known.Within(last) || known.Clean("no "+last) != "[hidden]" || known.Clean("") != "" {
		t.Errorf("%d are kept, and the last one becomes %q", len(known.Texts), known.Clean("no "+last))
	}
}

// TestRedactLeavesTheRest: what is no secret stays to the letter, escapes included.
func TestRedactLeavesTheRest(t *testing.T) {
	known := &Secrets{}
	known.Add("s3cr3t-value")
	for text, want := range map[string]string{
		"":                                    "",
		"100% of \\ & more; %zz \\u12 &nope;": "100% of \\ & more; %zz \\u12 &nope;",
		`s3cr3t-val\u0075\u0065\u0041 x`:      "[hidden] x",
		"a%20b s3cr3t-value c&lt;d":           "a%20b [hidden] c&lt;d",
		"s3cr3t-values3cr3t-value":            "[hidden]",
		"s3cr3t%2Dvalue&amp;s3cr3t-value":     "[hidden]&amp;[hidden]",
		"\xff s3cr3t-value \xfe":              "\xff [hidden] \xfe",
	} {
		if got := known.Redact(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	if got := (*Secrets)(nil).Redact("a%20b"); got != "a%20b" {
		t.Errorf("without secrets it becomes %q", got)
	}
}
