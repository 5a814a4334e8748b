package providers

import (
	"os"
	"strings"
	"testing"
)

// wholeDefinition uses every block; the tests below break it in one place.
const wholeDefinition = `provider "acme" {
  title    = "Acme"
  base_url = "https://api.acme.example/v1"

  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  connection "org" {
    type    = string
    default = "main"
  }
  role "limit" {
    type = number
    min  = 0
  }
  role "scopes" { type = list(string) }
  role "project" {
    type     = string
    required = true
  }

  auth "bearer" { token = connection.admin_key }

  check { get = "/me" }

  issue {
    post = "/projects/${role.project}/keys"
    json = {
      name    = key.name
      limit   = role.limit
      scopes  = role.scopes
      expires = rfc3339(key.expires_at)
    }
    id     = body.id
    secret = { api_key = body.key }
    save   = { owner = body.owner }
  }

  revoke {
    delete = "/projects/${role.project}/keys/${key.id}"
    query  = { owner = saved.owner }
    gone   = [404]
  }

  list {
    get   = "/projects/${role.project}/keys"
    query = { after = page.after }
    items = body.data
    item = {
      id    = item.id
      name  = item.name
      owner = item.owner
    }
    next = body.more ? { after = body.last } : null
  }

  lookup {
    get   = "/projects/${role.project}/keys"
    query = { name = key.name }
    items = body.data
    item  = { id = item.id, name = item.name, owner = item.owner }
  }

  extend {
    patch = "/keys/${key.id}"
    json  = { expires = key.expires_at }
  }

  probe {
    get     = "/me"
    headers = { Authorization = "Bearer ${secret.api_key}" }
  }

  key_name { max_length = 40 }
  expiry { maximum = "30d" }
  limits { requests_per_second = 5 }
  errors { message = body.error }
}
`

func mustParse(t testing.TB, src string) *Definition {
	t.Helper()
	d, err := Parse("acme.hcl", []byte(src))
	if err != nil {
		t.Fatalf("the definition does not load:\n%v", err)
	}
	return d
}

func TestParseWhole(t *testing.T) {
	d := mustParse(t, wholeDefinition)
	want := Capabilities{NativeExpiry: true, Reconcile: true, Lookup: true, Extend: true, Probe: true, Check: true}
	if d.Capabilities != want {
		t.Errorf("capabilities are %+v, not %+v", d.Capabilities, want)
	}
	if d.Name != "acme" || d.Title != "Acme" || d.BaseURL != "https://api.acme.example/v1" || d.KeyName.MaxLength != 40 || d.Limits.RequestsPerSecond != 5 {
		t.Errorf("settings are lost: %+v", d)
	}
	if d.Source() != wholeDefinition || len(d.Hash()) != 64 {
		t.Error("source or hash is not that of the text")
	}
	scope := d.ListingScope(Values{"project": "p1", "limit": "5"}, Values{"admin_key": "s3cret"})
	if got := scope.String(); got != `{"role":{"project":"p1"}}` {
		t.Errorf("the scope is %s: only what list and lookup mention belongs there", got)
	}
}

func TestMistakes(t *testing.T) {
	tests := []struct {
		name     string
		old, new string // replaced in wholeDefinition
		want     []string
	}{
		{"typo in a connection field", "token = connection.admin_key", "token = connection.admn_key",
			[]string{"acme.hcl line 24", `no connection field "admn_key"`, `did you mean "admin_key"?`, "                                     ^^^^^^^^"}},
		{"typo in a role field", "limit   = role.limit", "limit   = role.limt", []string{`did you mean "limit"?`}},
		{"typo in a name", "key.name\n", "kee.name\n", []string{`no name "kee"`, `did you mean "key"?`}},
		{"typo in a function", "rfc3339(", "rfc3399(", []string{"unknown function", `did you mean "rfc3339"?`}},
		{"typo in a branch not taken", "= role.limit\n", "= role.limit == null ? 0 : flor(role.limit)\n", []string{"unknown function", `"floor"`}},
		{"typo inside try", "= role.limit\n", "= try(role.limits, 1)\n", []string{`did you mean "limit"?`}},
		{"wrong type in a branch", "= role.limit\n", "= role.limit == null ? 0 : upper([1])\n", []string{"line 32", "string required"}},
		{"wrong argument count", "rfc3339(key.expires_at)", "rfc3339()", []string{"wrong number of arguments"}},
		{"unknown attribute", "gone   = [404]", "gon    = [404]", []string{`no attribute "gon" in revoke`, `did you mean "gone"?`}},
		{"unknown block", "limits {", "limit {", []string{`no block "limit"`, `did you mean "limits"?`}},
		{"attribute as block", `check { get = "/me" }`, `check = "/me"`, []string{"check is a block"}},
		{"block as attribute", `title    = "Acme"`, `title { }`, []string{"title is an attribute"}},
		{"two methods", `check { get = "/me" }`, "check {\n get = \"/me\"\n post = \"/me\"\n}", []string{"get and post exclude each other"}},
		{"two bodies", "json  = { expires = key.expires_at }", "json  = { expires = key.expires_at }\nform = {}", []string{"json and form exclude each other"}},
		{"body in a get", `check { get = "/me" }`, "check {\n get = \"/me\"\n json = {}\n}", []string{"A get has no body"}},
		{"no method", `check { get = "/me" }`, "check { }", []string{"missing a request"}},
		{"duplicate block", "limits {", "errors { }\n  limits {", []string{"duplicate block"}},
		{"body in a request", `query  = { owner = saved.owner }`, "query = { owner = body.owner }", []string{"body means nothing here", "no answer has come yet"}},
		{"secret in issue", "limit   = role.limit", "limit   = secret.api_key", []string{"secret means nothing here"}},
		{"role in check", `get = "/me" }`, `get = "/me/${role.project}" }`, []string{"role means nothing here"}},
		{"id in issue", "key.name\n", "key.id\n", []string{"key.id is not known here"}},
		{"never saved", "saved.owner", "saved.ower", []string{`did you mean "owner"?`}},
		{"bare role", "limit   = role.limit", "limit   = jsonencode(role)", []string{"Name which one: role.NAME"}},
		{"unknown auth kind", `auth "bearer"`, `auth "barer"`, []string{`no auth kind "barer"`, `did you mean "bearer"?`}},
		{"missing auth argument", "token = connection.admin_key", "", []string{"missing token"}},
		{"missing secret", "secret = { api_key = body.key }", "", []string{"missing secret"}},
		{"secret not an object", "secret = { api_key = body.key }", "secret = body", []string{"secret must be written out"}},
		{"unknown secret field", "secret.api_key}", "secret.apikey}", []string{`did you mean "api_key"?`}},
		{"no item id", "      id    = item.id\n", "", []string{"missing item.id"}},
		{"no items", "    items = body.data\n    item = {", "    item = {", []string{"missing items"}},
		{"item without what revoke saves", "      owner = item.owner\n", "", []string{"owner = item.…"}},
		{"list without the role of revoke", `get   = "/projects/${role.project}/keys"
    query = { after = page.after }`, `get   = "/keys"
    query = { after = page.after }`, []string{"mention role.project in list too"}},
		{"page attribute never set", "page.after", "page.aftre", []string{`Neither next nor pagination sets "aftre"`, `did you mean "after"?`}},
		{"null on the first page", "query = { after = page.after }", "query = { after = upper(page.after) }", []string{"line 49", "must not be null"}},
		{"revoke without a key", `delete = "/projects/${role.project}/keys/${key.id}"
    query  = { owner = saved.owner }`, `delete = "/projects/${role.project}/keys"`, []string{"revoke must say which key"}},
		{"missing revoke", "  revoke {", "  check {", []string{"missing revoke"}},
		{"no name sent", "name    = key.name", `name    = "x"`, []string{"issue must send key.name"}},
		{"probe without the key", `"Bearer ${secret.api_key}"`, `"x"`, []string{"probe must send the key"}},
		{"query in a path", `get = "/me"`, `get = "/me?x=1"`, []string{"the query goes into query"}},
		{"dots in a path", `get = "/me"`, `get = "/x/../me"`, []string{`no "." or ".."`}},
		{"relative path", `get = "/me"`, `get = "me"`, []string{`begins with "/"`}},
		{"computed host", `get = "/me"`, `get = "https://${connection.org}.example/me"`, []string{"bad path"}},
		{"computed path", `get = "/me"`, `get = connection.org`, []string{"as a text with values in it"}},
		{"optional list joined", "limit   = role.limit", `limit   = join(" ", role.scopes)`, []string{"every optional field is left out"}},
		{"base_url with a password", "https://api.acme", "https://u:p@api.acme", []string{"no user name or password"}},
		{"base_url in clear", "https://api.acme", "http://api.acme", []string{"https://"}},
		{"verified against nothing", `title    = "Acme"`, `verified_against = [""]`, []string{"verified_against must not hold anything empty"}},
		{"two ends", "    id     = body.id\n", "    id = body.id\n    expires_at = body.a\n    expires_in = body.b\n", []string{"expires_at and expires_in exclude each other"}},
		{"end that is no text", "    id     = body.id\n", "    id = body.id\n    expires_at = {}\n", []string{"This is an object"}},
		{"end of a mistyped name", "    json  = { expires = key.expires_at }\n", "    json  = { expires = key.expires_at }\n    expires_at = bdy.end\n", []string{`"bdy"`}},
		{"number beyond all bounds", "min  = 0", "min  = 1e100000000", []string{"line 16: a number may have"}},
		{"bad duration", `"30d"`, `"a month"`, []string{"is no duration"}},
		{"duration beyond all bounds", `"30d"`, `"65000d"`, []string{`write at most "36500d"`}},
		{"hours beyond all bounds", `"30d"`, `"2000000h"`, []string{`write at most "36500d"`}},
		{"names beyond all bounds", "max_length = 40", "min_length = 1000000", []string{"at most 1024"}},
		{"rate below all bounds", "requests_per_second = 5", "requests_per_second = 1e-9", []string{"from 0.001 to 10000"}},
		{"rate beyond all bounds", "requests_per_second = 5", "requests_per_second = 1e9", []string{"from 0.001 to 10000"}},
		{"poll without a pause", "    id     = body.id\n", "    id = body.id\n    poll {\n get = \"/me\"\n until = true\n every = \"1ns\"\n }\n", []string{"every is at least 100ms"}},
		{"role field without use", "      scopes  = role.scopes\n", "", []string{"role field without use", "role.scopes"}},
		{"post in revoke that may look", "    delete = \"/projects/${role.project}/keys/${key.id}\"\n    query  = { owner = saved.owner }\n    gone   = [404]\n", lookingByPost, []string{"gone of a post", "looks = true"}},
		{"item member without use", "      owner = item.owner\n", "      owner = item.owner\n      ownr = item.owner\n", []string{"item member without use", "Nothing reads ownr"}},
		{"next is a text", "next = body.more ? { after = body.last } : null", "next = body.more ? \"${body.last}\" : null", []string{"Write"}},
		{"next is what the answer holds", "next = body.more ? { after = body.last } : null", "next = try(page.after, body.next)", []string{"bad next", "as an object"}},
		{"next by try is what the answer holds", "next = body.more ? { after = body.last } : null", "next = try(body.next, null)", []string{"bad next"}},
		{"unknown function, near none", "rfc3339(", "frobnicate(", []string{"unknown function", "base64encode", "zipmap"}},
		{"both kinds of mistakes", `title    = "Acme"`, "titel = \"Acme\"\n  docs = \"x\"", []string{`did you mean "title"?`}},
		{"a mistake of structure and one inside", "gone   = [404]", "gon    = [404]\n    headers = { X-Owner = saved.ower }", []string{`did you mean "gone"?`, `did you mean "owner"?`}},
		{"identify nothing", "secret = { api_key = body.key }", "secret = { api_key = body.key }\n    identify = \"apikey\"", []string{"unknown secret field", `did you mean "api_key"?`}},
		{"enum of objects", "type = number", "type = list(object({ a = string }))\n enum = [{ a = \"x\" }]", []string{"lists and maps of them"}},
		{"bad type", "type = number", `type = "number"`, []string{"without quotes"}},
		{"unused expiry", "      expires = rfc3339(key.expires_at)\n", "", []string{"issue mentions neither"}},
		{"short names", "max_length = 40", "max_length = 10", []string{"at least 22"}},
		{"bad default", `default = "main"`, "default = []", []string{"default does not fit"}},
		{"min above max", "min  = 0", "min = 3\n max = 2", []string{"Min must not be more than max"}},
		{"ok of the wrong type", "gone   = [404]", "gone   = [404]\n    ok = \"yes\"", []string{"This is a string", "true or false"}},
		{"gone of the wrong type", "gone   = [404]", "gone   = 404", []string{"list of statuses"}},
		{"bad header name", "headers = { Authorization =", "headers = { Host =", []string{"header Host cannot be set"}},
		{"computed header name", "headers = { Authorization =", "headers = { (secret.api_key) =", []string{"must be written out"}},
		{"answer header in capitals", "id     = body.id", `id     = headers["X-Id"]`, []string{`headers["x-id"]`}},
		{"sensitive role field", "role \"scopes\" { type = list(string) }", "role \"scopes\" {\n type = list(string)\n sensitive = true\n }", []string{"secret belongs into a connection field"}},
		{"syntax", "title    = \"Acme\"", "title    = \"Acme", []string{"line 2"}},
		{"no provider", wholeDefinition, "", []string{"empty definition"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(wholeDefinition, test.old) {
				t.Fatalf("the text to break is not there: %q", test.old)
			}
			_, err := Parse("acme.hcl", []byte(strings.Replace(wholeDefinition, test.old, test.new, 1)))
			if err == nil {
				t.Fatal("the mistake is not found")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

// lookingByPost is a revocation whose first step may look or end something.
const lookingByPost = `    step "find" {
      post = "/projects/${role.project}/keys/find"
      json = { id = key.id }
      gone = body.key == null
    }
    step "end" {
      delete = "/projects/${role.project}/keys/${key.id}"
      query  = { owner = saved.owner }
      gone   = [404]
    }
`

// TestRoleFieldOfAValidation: a validation of a field sends it nowhere.
func TestRoleFieldOfAValidation(t *testing.T) {
	src := strings.Replace(validating("exactly_one_of = [role.scopes, role.limit]"), "      scopes  = role.scopes\n", "", 1)
	if _, err := Parse("acme.hcl", []byte(src)); err == nil || !strings.Contains(err.Error(), "No request mentions role.scopes") {
		t.Errorf("it says %v", err)
	}
}

// TestGoneOfALook: a post that looks ends the revocation, and one that ends something
// does not.
func TestGoneOfALook(t *testing.T) {
	for looks, want := range map[string]int{"true": 1, "false": 2} {
		f := newFake(t)
		f.on("POST /v1/projects/p1/keys/find", 200, object{"key": nil})
		f.on("DELETE /v1/projects/p1/keys/i", 204, "")
		src := strings.Replace(wholeDefinition, "    delete = \"/projects/${role.project}/keys/${key.id}\"\n    query  = { owner = saved.owner }\n    gone   = [404]\n",
			strings.Replace(lookingByPost, "gone = body", "looks = "+looks+"\n      gone = body", 1), 1)
		c := f.client(t, src, nil)
		if err := c.Revoke(t.Context(), Handle{Name: "n", ID: "i", Role: Values{"project": "p1"}, Saved: Values{"owner": "o"}}); err != nil {
			t.Error(err)
		}
		if len(f.calls) != want {
			t.Errorf("looks = %s: %v", looks, f.calls)
		}
	}
}

func TestOptionalFieldInPath(t *testing.T) {
	src := strings.Replace(wholeDefinition, "type     = string\n    required = true\n  }\n\n  auth", "type = string\n  }\n\n  auth", 1)
	_, err := Parse("acme.hcl", []byte(src))
	if err == nil || !strings.Contains(err.Error(), "optional field in a path") {
		t.Fatalf("a path without its value is not found: %v", err)
	}
}

// The caret stands under the wrong word, also behind a tab.
func TestDiagnosticText(t *testing.T) {
	src := strings.Replace(wholeDefinition, "token = connection.admin_key", "\ttoken = connection.admn_key", 1)
	_, err := Parse("acme.hcl", []byte(src))
	want := "Error: unknown connection field\n" +
		"  acme.hcl line 24:\n" +
		"    24:   auth \"bearer\" { \ttoken = connection.admn_key }\n" +
		"                          \t                   ^^^^^^^^\n" +
		"  There is no connection field \"admn_key\"; did you mean \"admin_key\"?"
	if err == nil || err.Error() != want {
		t.Errorf("the error reads\n%v\nnot\n%s", err, want)
	}
}

func TestHostileSources(t *testing.T) {
	for name, src := range map[string]string{
		"deep brackets":  "provider \"x\" { title = " + strings.Repeat("[", 50_000),
		"deep templates": "provider \"x\" { title = " + strings.Repeat("\"${", 20_000),
		"deep negation":  "provider \"x\" { title = " + strings.Repeat("!", 50_000) + "true }",
		"deep choice":    "provider \"x\" { title = " + strings.Repeat("true ? 1 : ", 10_000) + "1 }",
		"huge":           strings.Repeat("# x\n", LongestDefinition),
		"not UTF-8":      "provider \"\xff\" {}",
	} {
		if _, err := Parse(name, []byte(src)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(wholeDefinition))
	f.Add([]byte(stepsDefinition))
	for _, name := range BuiltIn() {
		if src, err := catalog.ReadFile("catalog/" + name + ".hcl"); err == nil {
			f.Add(src)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := Parse("fuzz.hcl", src)
		if (d == nil) == (err == nil) {
			t.Fatal("either a definition or an error")
		}
		if err != nil {
			_ = err.Error()
		}
	})
}

func TestBuiltInNames(t *testing.T) {
	files, err := os.ReadDir("catalog")
	if err != nil {
		t.Fatal(err)
	}
	if len(BuiltIn()) == 0 || len(BuiltIn()) > len(files) {
		t.Fatalf("the catalog has %d names for %d files", len(BuiltIn()), len(files))
	}
	if _, err := Load("no-such-provider"); err == nil {
		t.Error("an unknown name is loaded")
	}
}
