package expr

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// compute evaluates an expression with a time t, a null and a list in scope.
func compute(t *testing.T, text string) (cty.Value, error) {
	t.Helper()
	expr, found := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
	if found.HasErrors() {
		t.Fatal(found)
	}
	return Scope{}.
		With("t", cty.StringVal("2026-03-01T12:00:00+02:00")).
		With("none", cty.NullVal(cty.String)).
		With("body", ToCty(map[string]any{"n": json.Number("7"), "list": []any{"a", "b"}})).
		Evaluate(expr)
}

func TestFunctions(t *testing.T) {
	for text, want := range map[string]string{
		`rfc3339(t)`:                  "2026-03-01T10:00:00Z",
		`unix(t)`:                     "1772359200",
		`unix_ms(t)`:                  "1772359200000",
		`formatdate("YYYY-MM-DD", t)`: "2026-03-01",
		`seconds("30d")`:              "2592000",
		`seconds("1h30m")`:            "5400",
		`has_unique_end(unique_end(t, "k1"), "k1") && !has_unique_end(unique_end(t, "k1"), "k2") ? "y" : "n"`: "y",
		`unique_end(none, "k1")`: "",
		`has_unique_end("2026-03-01", "k1") || has_unique_end(none, "k1") || has_unique_end(t, "k1") ? "y" : "n"`: "n",
		`base64encode("a:b")`:      "YTpi",
		`base64decode("YTpi")`:     "a:b",
		`base64decode("_-8")`:      "",
		`base64url("??>")`:         "Pz8-",
		`hex("ab")`:                "6162",
		`urlencode("a b&c")`:       "a+b%26c",
		`sha256("")`:               "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		`sha256("", "base64")`:     "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		`sha256("", "base32")`:     "",
		`sha256("", "hex", "hex")`: "",
		`hmac_sha256("key", "The quick brown fox jumps over the lazy dog", "base64url")`: "97yD9DBThCSxMpjmqm-xQ-9NWaFJRhdZl0edvC0aPNg",
		`urldecode("a+b%26c")`:        "a b&c",
		`urldecode("%zz")`:            "",
		`urldecode("%ff")`:            "",
		`sql_identifier("a\"b")`:      `"a""b"`,
		`sql_identifier("")`:          "",
		`sql_string("it's")`:          `'it''s'`,
		`sql_string("a\\b")`:          "",
		`sql_string("a\nb")`:          "",
		`public_key_sha256("no key")`: "",
		`hmac_sha256("key", "The quick brown fox jumps over the lazy dog")`: "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
		`uuidv5("dns", "www.example.com")`:                                  "2ed6657d-e927-568b-95e1-2665a8aea6a2",
		`length("é")`:                                                       "1",
		`length(body)`:                                                      "2",
		`length(body.list)`:                                                 "2",
		`coalesce(null, none, "x")`:                                         "x",
		`coalesce(none, 3)`:                                                 "3",
		`try(body.missing.deep, "x")`:                                       "x",
		`startswith("abc", "ab") ? "y" : "n"`:                               "y",
		`strcontains("abc", "b") && !strcontains("abc", "d") ? "y" : "n"`: "y",
		`endswith("abc", "ab") ? "y" : "n"`:                               "n",
		`regex_replace("a-b", "[^a-z]", "")`:                              "ab",
		`replace("a-b", "-", "+")`:                                        "a+b",
		`tostring(body.n)`:                                                "7",
		`split("/", "operations/x")[1]`:                                   "x",
		`jsonencode({ a = none })`:                                        `{"a":null}`,
		`format("%ds", 3600)`:                                             "3600s",
		`join(",", body.list)`:                                            "a,b",
		`tostring(12345678901234567890123)`:                               "12345678901234567890123",
		`tonumber("1e300") * 10`:                                          "1e+301",
		`tonumber("1e10000000")`:                                          "",
		`{ n = [tonumber("-1e-10000000")] }`:                              "",
		`1 + "1e10000000"`:                                                "",
	} {
		value, err := compute(t, text)
		if want == "" {
			if err == nil {
				t.Errorf("%s is %#v, not an error", text, value)
			}
			continue
		}
		if got, _ := TextOf(value); err != nil || got != want {
			t.Errorf("%s is %q (%v), not %q", text, got, err, want)
		}
	}
}

// An optional field passes through and is left out of the request.
func TestNullStaysNull(t *testing.T) {
	for _, text := range []string{
		`rfc3339(none)`, `unix(none)`, `unix_ms(none)`, `formatdate("YYYY", none)`, `seconds(none)`, `base64encode(none)`,
		`urlencode(none)`, `urldecode(none)`, `sql_identifier(none)`, `sql_string(none)`, `tostring(none)`, `tonumber(none)`, `coalesce(none, null)`,
	} {
		if value, err := compute(t, text); err != nil || !value.IsNull() {
			t.Errorf("%s is %#v (%v)", text, value, err)
		}
	}
}

// What a function says about its argument is kept out of errors: it may be a
// secret.
func TestErrorsHideValues(t *testing.T) {
	for _, text := range []string{
		`rfc3339("hush-hush")`, `unique_end("hush-hush", "k1")`, `jsondecode("hush-hush")`, `tonumber("hush-hush")`, `timeadd("hush-hush", "1h")`,
		`parseint("hush-hush", 10)`, `uuidv5("hush-hush", "x")`, `public_key_sha256("hush-hush")`, `sql_string("hush-hush\n")`, `1 + "hush-hush"`, `try({a = 1}["hush-hush"])`,
	} {
		if _, err := compute(t, text); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// The mark of a secret survives what is computed from it.
func TestMarksSurvive(t *testing.T) {
	s := Scope{}.With("secret", ValuesObject(Values{"k": "sk-value"}, nil, true))
	for _, text := range []string{
		`secret.k`, `"x-${secret.k}"`, `upper(secret.k)`, `base64encode(secret.k)`, `[for x in [secret.k] : x][0]`,
		`jsonencode({ a = secret.k })`, `coalesce(null, secret.k)`, `try(secret.k, "")`, `substr(secret.k, 0, 4)`, `sha256(secret.k)`,
	} {
		expr, _ := hclsyntax.ParseExpression([]byte(text), "test", hcl.InitialPos)
		value, err := s.Evaluate(expr)
		if err != nil || len(MarkedTexts(value)) == 0 {
			t.Errorf("%s loses the mark: %#v (%v)", text, value, err)
		}
	}
}
