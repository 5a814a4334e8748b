package providers

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
	"vault-plugin-secrets-apikeys/providers/internal/transport"
)

const pathDefinition = `provider "paths" {
  connection "org" {
    type     = string
    required = true
  }
  base_url = "https://${connection.org}.example.com/api/${connection.org}"
  role "a" {
    type     = string
    required = true
  }
  role "b" {
    type     = string
    required = true
  }
  issue {
    post    = "/v1/%7Bx%7D/${role.a}/keys/k-${role.b}:do"
    query   = { q = role.a, list = ["x", role.b], none = null }
    headers = { X-A = role.a }
    form    = { name = key.name, a = role.a }
    id      = key.name
    secret  = { key = body.key }
  }
  revoke { delete = role.a == "else" ? "https://other.example/x/${key.id}" : "/v1/keys/${key.id}" }
}
`

// renderIssue writes the issue request of pathDefinition for two values.
func renderIssue(t testing.TB, d *Definition, a, b string) (*transport.Request, error) {
	t.Helper()
	s := expr.Scope{}.
		With("role", cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal(a), "b": cty.StringVal(b)})).
		With("key", expr.Key{Name: "n"}.Value())
	base, err := transport.ParseBaseURL("https://api.example.com/base%2Fx/", false)
	if err != nil {
		t.Fatal(err)
	}
	return render(d.Issue.Calls[0], base, s, s)
}

func TestPathValues(t *testing.T) {
	d := mustParse(t, pathDefinition)
	tests := []struct {
		a, b string
		path string // "" when it must be refused
	}{
		{"x", "y", "/base%2Fx/v1/%7Bx%7D/x/keys/k-y:do"},
		{"a/b", "c d", "/base%2Fx/v1/%7Bx%7D/a%2Fb/keys/k-c%20d:do"},
		{"x?y=1#z", "100%", "/base%2Fx/v1/%7Bx%7D/x%3Fy=1%23z/keys/k-100%25:do"},
		{"x:undelete", "é", "/base%2Fx/v1/%7Bx%7D/x%3Aundelete/keys/k-%C3%A9:do"},
		{"..", "y", ""},
		{".", "y", ""},
		{"a/../b", "y", ""},
		{`a\..\b`, "y", ""},
		{"%2e%2e", "y", ""},
		{"%252e%252e%252fb", "y", ""},
		{"", "y", ""},
		{"  ", "y", ""},
		{"x\ny", "y", ""},
		{"x", "y\x00", ""},
	}
	for _, test := range tests {
		r, err := renderIssue(t, d, test.a, test.b)
		switch {
		case test.path == "" && err == nil:
			t.Errorf("%q, %q makes %s", test.a, test.b, r.URL)
		case test.path != "" && err != nil:
			t.Errorf("%q, %q is refused: %v", test.a, test.b, err)
		case test.path != "" && r.URL.EscapedPath() != test.path:
			t.Errorf("%q, %q makes %s, not %s", test.a, test.b, r.URL.EscapedPath(), test.path)
		}
	}
}

// Parts that are harmless alone must not join to a way up.
func TestJoinedDots(t *testing.T) {
	src := strings.Replace(pathDefinition, "/keys/k-${role.b}:do", "/${role.a}${role.b}/x", 1)
	d := mustParse(t, src)
	for _, pair := range [][2]string{{"a.", "."}, {".a", "."}} {
		if _, err := renderIssue(t, d, pair[0], pair[1]); err == nil {
			t.Errorf("%q is taken", pair)
		}
	}
}

func TestComputedBaseURL(t *testing.T) {
	d := mustParse(t, pathDefinition)
	for org, want := range map[string]string{
		"acme":           "https://acme.example.com/api/acme",
		"evil.example/":  "",
		"evil.example#":  "",
		"u@evil":         "",
		"x:1":            "",
		"a.b":            "",
		"-a":             "",
		"":               "",
		"acme\r\nX: y":   "",
		"xn--bcher-kva2": "https://xn--bcher-kva2.example.com/api/xn--bcher-kva2",
	} {
		c, err := NewClient(d, Settings{Values: Values{"org": org}})
		switch {
		case err == nil && want == "":
			t.Errorf("%q makes %s", org, c.base)
		case err != nil && want != "":
			t.Errorf("%q is refused: %v", org, err)
		case err == nil && c.base.String() != want:
			t.Errorf("%q makes %s, not %s", org, c.base, want)
		}
	}
}

func TestOtherHost(t *testing.T) {
	d := mustParse(t, pathDefinition)
	base, _ := url.Parse("https://api.example.com/base")
	for a, want := range map[string]string{
		"else": "https://other.example/x/a%2Fb",
		"x":    "https://api.example.com/base/v1/keys/a%2Fb",
	} {
		s := expr.Scope{}.With("role", cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal(a)})).With("key", expr.Key{ID: "a/b"}.Value())
		r, err := render(d.Revoke[0], base, s, s)
		if err != nil || r.URL.String() != want {
			t.Errorf("%s: %v, %v", a, r, err)
		}
	}
}

// A host may hold values: of whom anybody chooses, one label before a domain that the
// definition owns; of the connection, whose writer names its base URL, also the domain.
func TestComputedHosts(t *testing.T) {
	const bad, never = "bad path", ""
	for path, want := range map[string]string{
		`"https://${role.a}.other.example/x"`:           "https://v.other.example/x",
		`"https://${role.a}-${role.b}.other.example/x"`: "https://v-w.other.example/x",
		`"https://api.${connection.org}/x"`:             "https://api.eu.acme.example/x",
		`"https://${connection.org}/${role.a}"`:         "https://eu.acme.example/v",
		`"https://${role.a}.${connection.org}/x"`:       "https://v.eu.acme.example/x",
		`"https://${role.a}.other.example:8443/x"`:      "https://v.other.example:8443/x",
		`"https://${key.id}.other.example/x"`:           never, // the id is a/b
		`"https://${connection.org}.other.example/x"`:   never, // holds a dot, and is no end
		`"https://${role.a}/x"`:                         bad,
		`"https://${role.a}.example/x"`:                 bad,
		`"https://api.${role.a}/x"`:                     bad,
		`"https://${role.a}${role.b}/x"`:                bad,
		`"https://${connection.org}${role.a}/x"`:        bad,
		`"https://${role.a}.other.example"`:             bad,
		`"http://${role.a}.other.example/x"`:            bad,
		`"https://u@${role.a}.other.example/x"`:         bad,
	} {
		src := strings.Replace(pathDefinition, `"https://other.example/x/${key.id}"`, path, 1)
		src = strings.Replace(src, "revoke { delete = ", "revoke {\n query = { id = key.id }\n delete = ", 1)
		src = strings.Replace(src, `: "/v1/keys/${key.id}" }`, ": \"/v1/keys/${key.id}\"\n}", 1)
		src = strings.Replace(src, `base_url = "https://${connection.org}.example.com/api/${connection.org}"`, `base_url = "https://${connection.org}"`, 1)
		d, err := Parse("acme.hcl", []byte(src))
		if want == bad {
			if err == nil || !strings.Contains(err.Error(), bad) {
				t.Errorf("%s is taken: %v", path, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		base, _ := url.Parse("https://eu.acme.example")
		s := expr.Scope{}.
			With("connection", cty.ObjectVal(map[string]cty.Value{"org": cty.StringVal("eu.acme.example")})).
			With("role", cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal("v"), "b": cty.StringVal("w")})).
			With("key", expr.Key{ID: "a/b"}.Value())
		r, err := d.Revoke[0].Path.Yes.Target(base, s)
		switch {
		case want == never && err == nil:
			t.Errorf("%s makes %s", path, r)
		case want != never && (err != nil || r.String() != want):
			t.Errorf("%s makes %v (%v), not %s", path, r, err, want)
		}
	}
}

// Where the credential may go tells hosts that values are part of.
func TestComputedDestinations(t *testing.T) {
	for path, want := range map[string]string{
		"https://${role.a}.other.example/x":          "https://*.other.example:443",
		"https://api.${connection.org}/x/${key.id}":  "https://api.acme:443",
		"https://Api.Other.example/x/${role.a}":      "https://api.other.example:443",
		"https://${connection.org}.other.example/xx": "https://acme.other.example:443",
	} {
		d := mustParse(t, strings.Replace(pathDefinition, "https://other.example/x/${key.id}", path, 1))
		got, err := Destinations(d, Settings{Values: Values{"org": "acme"}})
		if err != nil || !slices.Contains(got, want) {
			t.Errorf("%s goes to %v (%v), not to %s", path, got, err, want)
		}
	}
}

// A request, a claim and what the reader gets may hold the base URL.
func TestBaseURLAsValue(t *testing.T) {
	src := strings.NewReplacer("headers = { X-A = role.a }", "headers = { X-A = base_url }", "{ key = body.key }", "{ key = body.key, url = base_url }").Replace(pathDefinition)
	f := newFake(t)
	f.on("POST /v1/%7Bx%7D/a/keys/k-b:do", 200, object{"key": "k"})
	c, err := NewClient(mustParse(t, src), Settings{Values: Values{"org": "acme"}, BaseURL: f.URL + "/", Dial: network.Dial})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"a": "a", "b": "b"}})
	if err != nil || key.Secret["url"] != f.URL {
		t.Fatalf("the reader gets %v, %v", key, err)
	}
	if _, header := f.last(); header.Get("X-A") != f.URL {
		t.Errorf("sent was %q", header.Get("X-A"))
	}
}

func TestHeaders(t *testing.T) {
	d := mustParse(t, pathDefinition)
	for _, value := range []string{"x\r\nX-Evil: 1", "x\ny", "x\x00"} {
		s := expr.Scope{}.With("role", cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal(value), "b": cty.StringVal("b")}))
		if _, err := renderHeaders(d.Issue.Calls[0], s, s); err == nil {
			t.Errorf("the header value %q is taken", value)
		}
	}
}

// FuzzPath: whatever a value holds, the request goes to the same host and to
// the same endpoint, with the value in its own segment.
func FuzzPath(f *testing.F) {
	d := mustParse(f, pathDefinition)
	for _, seed := range []string{"x", "..", "a/../../b", "%2e%2e%2f", "?x", "#", "//evil.example", "\\", "@evil", "a:b", "é\u2028"} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		r, err := renderIssue(t, d, a, b)
		if err != nil {
			return
		}
		u, err := url.Parse(r.URL.String())
		if err != nil {
			t.Fatal(err)
		}
		segments := strings.Split(u.EscapedPath(), "/")
		if u.Host != "api.example.com" || u.Scheme != "https" || u.User != nil || u.Fragment != "" || len(segments) != 7 {
			t.Fatalf("%q, %q leads to %s", a, b, u)
		}
		if strings.Join(segments[:4], "/") != "/base%2Fx/v1/%7Bx%7D" || segments[5] != "keys" {
			t.Fatalf("%q, %q leads to %s", a, b, u)
		}
		// cty keeps strings in Unicode's normal form C.
		wantA, wantB := cty.StringVal(a).AsString(), cty.StringVal(b).AsString()
		gotA, _ := url.PathUnescape(segments[4])
		gotB, _ := url.PathUnescape(segments[6])
		if gotA != wantA || gotB != "k-"+wantB+":do" {
			t.Fatalf("%q, %q arrive as %q, %q", a, b, gotA, gotB)
		}
	})
}

// FuzzQuery: a value stays in its own query and form parameter.
func FuzzQuery(f *testing.F) {
	d := mustParse(f, pathDefinition)
	for _, seed := range []string{"x", "&a=b", "%26", "+", ";", "\x00", "="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, b string) {
		s := expr.Scope{}.
			With("role", cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal(b), "b": cty.StringVal(b)})).
			With("key", expr.Key{Name: "n"}.Value())
		want := cty.StringVal(b).AsString()
		query, err := renderQuery(d.Issue.Calls[0], s, s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := url.ParseQuery(query.Encode())
		if err != nil || len(got) != 2 || got.Get("q") != want || len(got["list"]) != 2 || got["list"][1] != want {
			t.Fatalf("%q arrives as %v (%v)", b, got, err)
		}
		body, _, err := renderBody(d.Issue.Calls[0], s, s)
		if err != nil {
			t.Fatal(err)
		}
		form, err := url.ParseQuery(string(body))
		if err != nil || len(form) != 2 || form.Get("a") != want {
			t.Fatalf("%q arrives as %v (%v)", b, form, err)
		}
	})
}

// FuzzHeader: a value stays in its own header.
func FuzzHeader(f *testing.F) {
	d := mustParse(f, pathDefinition)
	for _, seed := range []string{"x", "a\r\nB: c", "\t", "\x7f", "é"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, a string) {
		s := expr.Scope{}.With("role", cty.ObjectVal(map[string]cty.Value{"a": cty.StringVal(a), "b": cty.StringVal("b")}))
		header, err := renderHeaders(d.Issue.Calls[0], s, s)
		if err != nil {
			return
		}
		var wire strings.Builder
		if err := header.Write(&wire); err != nil {
			t.Fatal(err)
		}
		if strings.Count(wire.String(), "\n") != 1 || len(header) != 1 || header.Get("X-A") != cty.StringVal(a).AsString() {
			t.Fatalf("%q is written as %q", a, wire.String())
		}
	})
}
