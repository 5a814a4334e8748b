package draft_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2/hclwrite"

	"vault-plugin-secrets-apikeys/internal/contract"
	"vault-plugin-secrets-apikeys/internal/draft"
	"vault-plugin-secrets-apikeys/providers"
)

var update = flag.Bool("update", false, "write the drafts that are expected anew")

// TestFrom drafts a definition from each document of testdata. Each draft is laid
// out and accepted by the parser; where answered is set, its questions are answered
// so, and it is then held against the document in the case that comes with it.
func TestFrom(t *testing.T) {
	for name, c := range map[string]struct {
		document string
		answered map[string]string
		inCase   string // a line that the case needs beside
	}{
		"a bearer token, a cursor, an end that can be moved": {document: "bearer.yaml", answered: map[string]string{}},
		"Swagger, forms, revoked by POST, pages of a team": {document: "swagger.yaml", answered: map[string]string{
			`check { get = "/…" }`: "\n  check { get = \"/api/me\" }",
		}, inCase: `beyond = { "GET /api/me" = "made up" }`},
		"JSON:API, two keys that sign in, an address of parts": {document: "jsonapi.json", answered: map[string]string{}},
		"client credentials, a name that is chosen": {document: "clients.yaml", answered: map[string]string{},
			inCase: `token_endpoints = ["POST https://login.cellar.example/token"]`},
		"next to nothing is told": {document: "vague.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			document := read(t, c.document)
			made, err := draft.From(document.T, draft.Options{})
			if err != nil {
				t.Fatal(err)
			}
			golden(t, strings.TrimSuffix(c.document, filepath.Ext(c.document))+".hcl", made.Source)
			if laidOut := hclwrite.Format([]byte(made.Source)); string(laidOut) != made.Source {
				t.Error("the draft is laid out otherwise than apikeys fmt does")
			}
			source := made.Source
			for question, answer := range c.answered {
				_, after, found := strings.Cut(source, question)
				if !found {
					t.Fatalf("the draft does not ask %q", question)
				}
				source = strings.TrimSuffix(source, question+after) + answer + after
			}
			d, err := providers.Parse(c.document, []byte(source))
			if err != nil {
				t.Fatal(err)
			}
			if c.answered == nil {
				return
			}
			for _, wrong := range contract.Hold(t.Context(), d, readCase(t, made.Case, c.inCase), read(t, c.document)) {
				t.Error(wrong)
			}
		})
	}
}

func read(t *testing.T, name string) *contract.Document {
	t.Helper()
	document, err := contract.ReadDocument(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// golden compares a draft with the one that is expected.
func golden(t *testing.T, name, got string) {
	t.Helper()
	place := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(place, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(place)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("the draft is\n%s\nand not as in %s; with -update that becomes what is expected", got, place)
	}
}

func readCase(t *testing.T, text, line string) *contract.Case {
	t.Helper()
	place := filepath.Join(t.TempDir(), "case.hcl")
	text = strings.Replace(text, "{\n", "{\n"+line+"\n", 1)
	if err := os.WriteFile(place, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cases, err := contract.ReadCases(place)
	if err != nil {
		t.Fatalf("%s:\n%s", err, text)
	}
	return cases[0]
}

func TestQuestions(t *testing.T) {
	made, err := draft.From(read(t, "vague.yaml").T, draft.Options{Name: "dim"})
	if err != nil {
		t.Fatal(err)
	}
	questions := ""
	for _, q := range draft.Questions(made.Source) {
		questions += q.Text + "\n"
		if !strings.HasPrefix(strings.TrimSpace(made.Source[q.Byte:]), "# TODO: "+q.Text) {
			t.Errorf("%q does not stand at byte %d", q.Text, q.Byte)
		}
	}
	for _, about := range []string{"sign in", "the id of the key", "where is the key itself", "gone already", "list of keys", "served"} {
		if !strings.Contains(questions, about) {
			t.Errorf("it does not ask about %q, of which the document tells nothing:\n%s", about, questions)
		}
	}
}

func TestChoosing(t *testing.T) {
	for name, c := range map[string]struct {
		document, keys string
		made, wrong    string
	}{
		"the likeliest":         {"bearer.yaml", "", "POST /keys", ""},
		"the one that is named": {"bearer.yaml", "post /keys/{key_id}/rotate", "POST /keys/{key_id}/rotate", ""},
		"one that is not there": {"bearer.yaml", "POST /key", "", `no operation "POST /key"`},
		"an operation's name":   {"bearer.yaml", "createKey", "", `such as "POST /keys"`},
		"none":                  {"other.yaml", "", "", "none of the document's 1 operations"},
	} {
		t.Run(name, func(t *testing.T) {
			made, err := draft.From(read(t, c.document).T, draft.Options{Keys: c.keys})
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("got %v, want %q", err, c.wrong)
				}
				return
			}
			if err != nil || made.Made != c.made {
				t.Errorf("got %v, %v, want %s", made, err, c.made)
			}
		})
	}
}

// A field whose name the engine has itself would be refused when it is uploaded.
func TestTakenNames(t *testing.T) {
	made, err := draft.From(read(t, "swagger.yaml").T, draft.Options{TakenByConnections: []string{"username"}, TakenByRoles: []string{"team"}})
	if err != nil {
		t.Fatal(err)
	}
	d, err := providers.Parse("depot.hcl", []byte(made.Source))
	if err != nil {
		t.Fatal(err)
	}
	if d.Role.Lookup("key_team") == nil || d.Role.Lookup("team") != nil {
		t.Errorf("the role has a field of a taken name:\n%s", made.Source)
	}
	if d.Connection.Lookup("key_username") == nil || d.Connection.Lookup("username") != nil {
		t.Errorf("the connection has a field of a taken name:\n%s", made.Source)
	}
}

// TestListOfAnotherParent: what is listed below something that the keys are not made below
// are other things, so it is asked whether there is a list.
func TestListOfAnotherParent(t *testing.T) {
	made, err := draft.From(read(t, "elsewhere.yaml").T, draft.Options{Name: "elsewhere"})
	if err != nil {
		t.Fatal(err)
	}
	d, err := providers.Parse("elsewhere.hcl", []byte(made.Source))
	if err != nil || d.Capabilities.Reconcile || !strings.Contains(made.Source, "is there a list of keys?") {
		t.Errorf("%v\n%s", err, made.Source)
	}
}
