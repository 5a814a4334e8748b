package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// drafts are the documents that package draft is tested with.
var drafts = filepath.Join("..", "..", "internal", "draft", "testdata")

func TestNew(t *testing.T) {
	document := filepath.Join(drafts, "bearer.yaml")
	for name, c := range map[string]struct {
		args   []string
		status int
		says   []string
	}{
		"a skeleton":                   {[]string{"new", "depot"}, 0, []string{`provider "depot"`, "# TODO:"}},
		"a skeleton of no name":        {[]string{"new"}, 0, []string{`provider "acme"`}},
		"from a document":              {[]string{"new", "depot", "--from", document}, 0, []string{`provider "depot"`, `delete = "/keys/${key.id}"`}},
		"with another operation":       {[]string{"new", "--from", document, "--keys", "POST /keys/{key_id}/rotate"}, 0, []string{"/rotate"}},
		"an operation of no document":  {[]string{"new", "--keys", "POST /keys"}, 1, []string{"--from"}},
		"a name that is none":          {[]string{"new", "Depot!"}, 1, []string{"lower-case letters"}},
		"no document":                  {[]string{"new", "--from", "nowhere.json"}, 1, []string{"nowhere.json"}},
		"a document of something else": {[]string{"new", "--from", file(t, "a: b\n")}, 1, []string{"no OpenAPI document"}},
		"a document without keys":      {[]string{"new", "--from", filepath.Join(drafts, "other.yaml")}, 1, []string{"--keys"}},
	} {
		t.Run(name, func(t *testing.T) { expect(t, c.status, c.says, c.args...) })
	}
}

func expect(t *testing.T, status int, says []string, args ...string) {
	t.Helper()
	got, said := apikeys(t, args...)
	if got != status {
		t.Errorf("exit status %d, want %d", got, status)
	}
	for _, text := range says {
		if !strings.Contains(said, text) {
			t.Errorf("it does not say %q:\n%s", text, said)
		}
	}
}

// From a document to a definition that keeps to it: new, check, fmt, test.
func TestNewThenTest(t *testing.T) {
	document, made := filepath.Join(drafts, "bearer.yaml"), filepath.Join(t.TempDir(), "acme.hcl")
	expect(t, 0, []string{"wrote " + made, "acme.contract.hcl", "POST /keys", "can every key make this read"}, "new", "--from", document, "-o", made)
	expect(t, 0, []string{"No mistakes", "left to decide", "acme.hcl line"}, "check", made)
	expect(t, 0, nil, "fmt", "--check", made)
	expect(t, 0, []string{`contract "keys"`, "as the provider says"}, "test", made, "--spec", document)
	expect(t, 1, []string{made + " is there already"}, "new", "--from", document, "-o", made)
}

func TestTest(t *testing.T) {
	document, made := filepath.Join(drafts, "bearer.yaml"), filepath.Join(t.TempDir(), "acme.hcl")
	expect(t, 0, nil, "new", "--from", document, "-o", made)
	source, err := os.ReadFile(made)
	if err != nil {
		t.Fatal(err)
	}
	exchange := `exchange "a key's life" {
  source     = "made up"
  connection = { admin_key = "admin" }
  role       = { scopes = ["read"] }
  headers    = { Authorization = "Bearer admin" }
  step "check" {
    trip {
      request = "GET /v1/keys"
      status  = 200
      answer  = { data = [] }
    }
  }
  step "issue" {
    key { name = "ci-1" }
    id     = "k1"
    ends   = "never"
    secret = { secret = "s3cret" }
    trip {
      request = "POST https://api.acme.example/v1/keys"
      json    = { name = "ci-1", scopes = ["read"] }
      status  = 201
      answer  = { id = "k1", secret = "s3cret", expires_at = null }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /v1/keys/k1"
      status  = 204
    }
  }
}
`
	for name, c := range map[string]struct {
		old, new string // of the definition
		oldX     string // of the exchange
		newX     string
		args     []string
		status   int
		says     []string
	}{
		"as its provider says":                {args: []string{"--spec", document}, says: []string{`exchange "a key's life"`, `contract "keys"`}},
		"documents in a folder":               {args: []string{"--spec", drafts}, says: []string{`contract "keys"`}},
		"no document at hand":                 {says: []string{`was not held against bearer.yaml`, "--spec"}},
		"a misspelt path":                     {old: `delete = "/keys/`, new: `delete = "/kyes/`, args: []string{"--spec", document}, status: 1, says: []string{"step 3, revoke: DELETE /v1/keys/k1: the request is DELETE /v1/kyes/k1", "revoke: DELETE /v1/kyes/", "no such operation"}},
		"a field that the document has not":   {old: "scopes     = role.scopes", new: "scope = role.scopes", args: []string{"--spec", document}, status: 1, says: []string{`property "scopes" is missing`, "the body is"}},
		"an answer read at the wrong place":   {old: "body.secret", new: "body.name", status: 1, says: []string{"step 2, issue: it fails"}},
		"an end that is not there":            {oldX: `ends   = "never"`, newX: `ends = "2030-01-01T00:00:00Z"`, status: 1, says: []string{"the key ends never, not 2030-01-01T00:00:00Z"}},
		"an exchange without what it must do": {oldX: `step "check"`, newX: `step "chek"`, status: 1, says: []string{"there is no such step: write check", `has no step "check"`}},
		"a file that cannot be read":          {oldX: "source     =", newX: "sauce =", status: 1, says: []string{"sauce"}},
	} {
		t.Run(name, func(t *testing.T) {
			place := filepath.Join(t.TempDir(), "acme.hcl")
			cases, err := os.ReadFile(beside(made, "contract"))
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range map[string]string{
				place:                      changed(t, string(source), c.old, c.new),
				beside(place, "contract"):  string(cases),
				beside(place, "exchanges"): changed(t, exchange, c.oldX, c.newX),
			} {
				if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			expect(t, c.status, c.says, append([]string{"test", place}, c.args...)...)
		})
	}
	t.Run("with nothing to test it with", func(t *testing.T) {
		expect(t, 1, []string{"sandbox.exchanges.hcl", "sandbox.contract.hcl"}, "test", file(t, sandboxSource(t, "", "")))
	})
	t.Run("with no document at all", func(t *testing.T) {
		expect(t, 1, []string{"nothing was tested"}, "test", made)
	})
}

// changed is a text with one part put for another.
func changed(t *testing.T, text, old, replacement string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("there is no %q in\n%s", old, text)
	}
	return strings.Replace(text, old, replacement, 1)
}

// TestNewWritesBothOrNone: where one of the files is there already, the other is not
// written either.
func TestNewWritesBothOrNone(t *testing.T) {
	for _, there := range []string{"acme.hcl", "acme.contract.hcl"} {
		folder := t.TempDir()
		if err := os.WriteFile(filepath.Join(folder, there), []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
		expect(t, 1, []string{there + " is there already"}, "new", "--from", filepath.Join(drafts, "bearer.yaml"), "-o", filepath.Join(folder, "acme.hcl"))
		if files, _ := os.ReadDir(folder); len(files) != 1 {
			t.Errorf("with %s there already, there are %v", there, files)
		}
	}
}

// TestNewFromOddDocuments: each is refused in a sentence that says what is wrong.
func TestNewFromOddDocuments(t *testing.T) {
	for name, c := range map[string]struct{ text, says string }{
		"empty":               {"", "it is no OpenAPI document"},
		"no OpenAPI":          {`{"data": []}`, "it is no OpenAPI document"},
		"no YAML":             {"not: [yaml", "yaml"},
		"no paths at all":     {`{"openapi": "3.0.0", "info": {"title": "X", "version": "1"}}`, "has no operations"},
		"no operations":       {`{"openapi": "3.0.0", "info": {"title": "X", "version": "1"}, "paths": {}}`, "has no operations"},
		"Swagger, of nothing": {`{"swagger": "2.0", "info": {"title": "X", "version": "1"}}`, "has no operations"},
		"nothing of keys":     {`{"openapi": "3.0.0", "info": {"title": "X", "version": "1"}, "paths": {"/pets": {"get": {"responses": {}}}}}`, "looks like one that makes a key"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, 1, []string{c.says}, "new", "acme", "--from", file(t, c.text))
		})
	}
	expect(t, 1, []string{"is a directory"}, "new", "acme", "--from", t.TempDir())
}
