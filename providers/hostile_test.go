package providers

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/auth"
	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/field"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

// hostileDefinition puts one role parameter into every place that a request has.
const hostileDefinition = `provider "hostile" {
  base_url = "https://api.example.com/v1"
  role "x" {
    type     = string
    required = true
  }
  role "tags" { type = map(string) }

  issue {
    step "path" {
      put   = "/a/${role.x}/keys/k-${role.x}"
      query = { q = role.x, list = [role.x, "z"] }
      save  = { id = body.id }
      undo { delete = "/a/${role.x}" }
    }
    step "header" {
      post    = "/headers"
      headers = { X-Value = role.x, Authorization = "Token ${role.x}" }
    }
    step "form" {
      post = "/form"
      form = { a = role.x, b = "p-${role.x}-s", policy = jsonencode({ allow = [role.x] }) }
    }
    step "multipart" {
      post      = "/multipart"
      multipart = { a = role.x, b = "fixed" }
    }
    step "json" {
      post = "/json"
      json = { a = role.x, list = [role.x], tags = role.tags, fixed = true }
    }
    step "graphql" {
      post = "/graphql"
      json = {
        query     = "mutation($name: String!) { create(name: $name) { id } }"
        variables = { name = role.x }
      }
    }
    step "sql" {
      post = "/sql"
      json = {
        statement = "ALTER USER ${sql_identifier(role.x)} ADD TOKEN ${sql_identifier("t-${role.x}")} COMMENT = ${sql_string(role.x)}"
      }
    }
    id     = saved.id
    secret = { key = body.key }
  }
  revoke { delete = "/keys/${key.id}" }
}`

// hostileValues are made to break out of where they are put.
var hostileValues = []string{
	"plain", "two words", "é ü 漢", "\u202eright-to-left", "\u2028line", "\ufeffbom",
	"..", ".", "../../admin", "a/../../admin", "%2e%2e%2f", "%252e%252e%252f", "a/b", `a\b`, "//evil.example", "@evil.example",
	"?admin=true", "#fragment", "x?y#z", ":undelete", ";v=1", "%00", "%0d%0aX-Evil: 1",
	"&admin=true", "a=b&c=d", "+", "%26", "=",
	"x\r\nX-Evil: 1", "x\nX-Evil: 1", "x\r", "\x00", "\t", "\x7f", "\x1b[31m",
	`","admin":true,"x":"`, `"}`, `]`, `\"`, `\`, `\\`, `\u0022`, "\u0000",
	`$name`, `") { id } deleteAll { id } x(name:"`, `# comment`, `"""`,
	`"`, `""`, `"; DROP USER admin; --`, `'`, `''`, `'; DROP USER admin; --`, `\'; DROP USER admin; --`, `\"; DROP USER admin; --`,
	`x' OR '1'='1`, `/* x */`, `--`, `$$`, "$$; DROP USER admin; $$", "`", "`; DROP", `\`, "a\\", "U&'\\0027'",
	"${role.x}", "%{ if true }", "{{7*7}}", "<script>", "--boundary", "\r\n--boundary\r\n",
}

// hostileRequest renders one step with role.x = value.
func hostileRequest(t testing.TB, d *Definition, step, value string) (*transport.Request, error) {
	t.Helper()
	base, err := transport.ParseBaseURL("https://api.example.com/v1", false)
	if err != nil {
		t.Fatal(err)
	}
	role, err := field.FieldsValue(d.Role, Values{"x": value, "tags": map[string]any{value: value}})
	if err != nil {
		t.Fatal(err)
	}
	s := expr.Scope{}.With("role", role).With("key", expr.Key{Name: "n"}.Value()).With("saved", cty.EmptyObjectVal)
	for _, c := range d.Issue.Calls {
		if c.Step == step {
			return render(c, base, s, s)
		}
	}
	t.Fatalf("there is no step %q", step)
	return nil, nil
}

// stays checks that value arrived in its place and that all else is as it
// would be with a harmless value. A refusal before anything is sent is as good.
var stays = map[string]func(t testing.TB, r *transport.Request, value string){
	"path": func(t testing.TB, r *transport.Request, value string) {
		u, err := url.Parse(r.URL.String())
		if err != nil {
			t.Fatal(err)
		}
		segments := strings.Split(u.EscapedPath(), "/")
		if u.Scheme+"://"+u.Host != "https://api.example.com" || u.User != nil || u.Fragment != "" || len(segments) != 6 {
			t.Fatalf("%q leads to %s", value, u)
		}
		first, _ := url.PathUnescape(segments[3])
		second, _ := url.PathUnescape(segments[5])
		if segments[1] != "v1" || segments[2] != "a" || segments[4] != "keys" || first != value || second != "k-"+value {
			t.Fatalf("%q leads to %s", value, u)
		}
		want := url.Values{"q": {value}, "list": {value, "z"}}
		if got, err := url.ParseQuery(u.RawQuery); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is the query %v (%v)", value, got, err)
		}
	},
	"header": func(t testing.TB, r *transport.Request, value string) {
		var wire bytes.Buffer
		if err := r.Header.Write(&wire); err != nil {
			t.Fatal(err)
		}
		// net/http trims the ends of a value.
		if lines := strings.Count(wire.String(), "\n"); lines != len(r.Header) || r.Header.Get("X-Value") != value {
			t.Fatalf("%q is written as %q", value, wire.String())
		}
	},
	"form": func(t testing.TB, r *transport.Request, value string) {
		policy, _ := json.Marshal(map[string]any{"allow": []string{value}})
		form, err := url.ParseQuery(string(r.Body))
		if err != nil || len(form) != 3 || form.Get("a") != value || form.Get("b") != "p-"+value+"-s" {
			t.Fatalf("%q is the form %v (%v)", value, form, err)
		}
		sameJSON(t, value, []byte(form.Get("policy")), policy)
	},
	"multipart": func(t testing.TB, r *transport.Request, value string) {
		_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for reader := multipart.NewReader(bytes.NewReader(r.Body), params["boundary"]); ; {
			part, err := reader.NextPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(part)
			if err != nil || part.FileName() != "" {
				t.Fatalf("%q: %v, file name %q", value, err, part.FileName())
			}
			got[part.FormName()] = string(text)
		}
		if want := map[string]string{"a": value, "b": "fixed"}; !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is the form %v", value, got)
		}
	},
	"json": func(t testing.TB, r *transport.Request, value string) {
		want, _ := json.Marshal(map[string]any{"a": value, "list": []string{value}, "tags": map[string]string{value: value}, "fixed": true})
		sameJSON(t, value, r.Body, want)
	},
	"graphql": func(t testing.TB, r *transport.Request, value string) {
		want, _ := json.Marshal(map[string]any{
			"query": "mutation($name: String!) { create(name: $name) { id } }", "variables": map[string]string{"name": value},
		})
		sameJSON(t, value, r.Body, want)
	},
	"sql": func(t testing.TB, r *transport.Request, value string) {
		var body struct{ Statement string }
		if err := json.Unmarshal(r.Body, &body); err != nil {
			t.Fatal(err)
		}
		want := []string{"ALTER", "USER", `"` + value, "ADD", "TOKEN", `"t-` + value, "COMMENT", "=", "'" + value}
		for _, backslash := range []bool{false, true} {
			if got := sqlTokens(body.Statement, backslash); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q is read as %q (backslash escapes: %t)", value, got, backslash)
			}
		}
	},
}

func sameJSON(t testing.TB, value string, got, want []byte) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Fatalf("%q makes %s: %v", value, got, err)
	}
	if err := json.Unmarshal(want, &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Fatalf("%q makes %s, not %s", value, got, want)
	}
}

// sqlTokens reads a statement as a database does: one of those where a
// backslash escapes, or one where it does not. A quoted token is its opening
// quote and its text.
func sqlTokens(statement string, backslash bool) []string {
	var tokens []string
	rest := []rune(statement)
	for len(rest) > 0 {
		switch quote := rest[0]; {
		case quote == ' ':
			rest = rest[1:]
		case quote == '"' || quote == '\'':
			token, after := quotedToken(rest, backslash)
			tokens, rest = append(tokens, token), after
		default:
			end := 0
			for end < len(rest) && !strings.ContainsRune(` "'`, rest[end]) {
				end++
			}
			tokens, rest = append(tokens, string(rest[:end])), rest[end:]
		}
	}
	return tokens
}

func quotedToken(text []rune, backslash bool) (token string, after []rune) {
	quote, read := text[0], []rune{text[0]}
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && backslash && i+1 < len(text):
			i++
			read = append(read, text[i])
		case text[i] != quote:
			read = append(read, text[i])
		case i+1 < len(text) && text[i+1] == quote:
			i++
			read = append(read, quote)
		default:
			return string(read), text[i+1:]
		}
	}
	return string(read) + " never closed", nil
}

// held are the hostile values that a place must refuse, because no writing of
// them is safe there; every other one must arrive.
var held = map[string]func(value string) bool{
	"path": func(value string) bool {
		return definition.Climbs(value) || definition.Climbs("k-"+value) || strings.TrimSpace(value) == "" || hasControl(value)
	},
	"header":    hasControl,
	"form":      func(string) bool { return false },
	"multipart": func(string) bool { return false },
	"json":      func(string) bool { return false },
	"graphql":   func(string) bool { return false },
	"sql":       func(value string) bool { return hasControl(value) || strings.Contains(value, `\`) || value == "" },
}

func hasControl(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r >= 0x7f && r < 0xa0 })
}

func TestHostileValuesStayInTheirPlace(t *testing.T) {
	d := mustParse(t, hostileDefinition)
	for step, check := range stays {
		t.Run(step, func(t *testing.T) {
			for _, value := range hostileValues {
				r, err := hostileRequest(t, d, step, value)
				switch {
				case held[step](value):
					if err == nil && !(step == "header" && value == "\t") { // a tab is white space in a header
						t.Errorf("%q is not refused", value)
					}
				case err != nil:
					t.Errorf("%q is refused: %v", value, err)
				default:
					check(t, r, value)
				}
			}
		})
	}
}

// Errors about a value never quote it: it may be a secret.
func TestRefusalsDoNotQuoteValues(t *testing.T) {
	d := mustParse(t, hostileDefinition)
	for _, step := range []string{"path", "header", "sql"} {
		if _, err := hostileRequest(t, d, step, "hush-hush\x00"); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", step, err)
		}
	}
}

// fuzzPlace fuzzes one place: whatever value holds, it is refused or stays.
func fuzzPlace(f *testing.F, step string) {
	d := mustParse(f, hostileDefinition)
	for _, seed := range hostileValues {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r, err := hostileRequest(t, d, step, value)
		if err != nil {
			return
		}
		stays[step](t, r, cty.StringVal(value).AsString()) // cty keeps Unicode's normal form C
	})
}

func FuzzMultipart(f *testing.F) { fuzzPlace(f, "multipart") }
func FuzzJSON(f *testing.F)      { fuzzPlace(f, "json") }
func FuzzGraphQL(f *testing.F)   { fuzzPlace(f, "graphql") }
func FuzzSQL(f *testing.F)       { fuzzPlace(f, "sql") }

// FuzzSignedQuery: what a recipe adds to the query is one parameter each.
func FuzzSignedQuery(f *testing.F) {
	d := mustParse(f, authDefinition(`auth "signature" {
    algorithm = "hmac-sha256"
    key       = "key"
    message   = request.query
    query     = { who = connection.id, sign = signature }
    headers   = { X-Who = connection.id }
  }`))
	for _, seed := range hostileValues {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		c, err := NewClient(d, Settings{Values: Values{"id": value, "secret": "s"}, BaseURL: "https://x.example"})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r := (&http.Request{Method: "GET", URL: &url.URL{Scheme: "https", Host: "x.example", RawQuery: "a=b"}, Header: http.Header{}}).WithContext(t.Context())
		if err := auth.Signer(auth.ForRequest(c.auth))(r, nil); err != nil {
			return
		}
		got, err := url.ParseQuery(r.URL.RawQuery)
		// A line end after a connection field is none of it.
		if want := cty.StringVal(strings.TrimRight(value, "\r\n")).AsString(); err != nil || len(got) != 3 || got.Get("who") != want || got.Get("a") != "b" {
			t.Fatalf("%q makes %s (%v)", value, r.URL.RawQuery, err)
		}
	})
}
