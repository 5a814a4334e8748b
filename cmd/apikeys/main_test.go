package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// asItself has this test binary be the command.
const asItself = "APIKEYS_TEST_AS_ITSELF"

func TestMain(m *testing.M) {
	if os.Getenv(asItself) != "" {
		main()
	}
	askAgain = 20 * time.Millisecond
	os.Exit(m.Run())
}

// apikeys runs the command line and answers what it printed.
func apikeys(t *testing.T, args ...string) (status int, said string) {
	t.Helper()
	var out bytes.Buffer
	status = run(context.Background(), args, &out, &out)
	return status, out.String()
}

// file writes a text to a file of its own.
func file(t testing.TB, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "sandbox.hcl")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// sandboxSource is the sandbox's definition with one text put for another.
func sandboxSource(t *testing.T, old, replacement string) string {
	t.Helper()
	d, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(d.Source(), old) {
		t.Fatalf("the sandbox's definition has no %q", old)
	}
	return strings.Replace(d.Source(), old, replacement, 1)
}

func TestCommands(t *testing.T) {
	sound := file(t, sandboxSource(t, "", ""))
	broken := file(t, sandboxSource(t, "body.id", "body.id + key.nmae"))
	ragged := file(t, sandboxSource(t, `title = "Sandbox"`, `title    =    "Sandbox"`))
	for name, c := range map[string]struct {
		args   []string
		status int
		says   []string
	}{
		"a sound definition":             {[]string{"check", sound}, 0, []string{"No mistakes"}},
		"a broken definition":            {[]string{"check", broken}, 1, []string{"sandbox.hcl line", "nmae", "^"}},
		"several, one broken":            {[]string{"check", sound, broken}, 1, []string{"nmae"}},
		"no such file":                   {[]string{"check", "nowhere.hcl"}, 1, []string{"nowhere.hcl"}},
		"laid out":                       {[]string{"fmt", "--check", sound}, 0, nil},
		"not laid out":                   {[]string{"fmt", "--check", ragged}, 1, []string{ragged}},
		"nothing to lay out":             {[]string{"fmt", file(t, "provider {{{")}, 1, []string{"line 1", "block definition required"}},
		"shown by name":                  {[]string{"show", "sandbox"}, 0, []string{"admin_key", "DELETE /v1/keys/${key.id}", "reconcile", "the base_url of each connection", `auth "bearer" { token = connection.admin_key }`}},
		"shown by file":                  {[]string{"show", sound}, 0, []string{"probe"}},
		"a misspelt provider":            {[]string{"show", "sandbx"}, 1, []string{`did you mean "sandbox"?`}},
		"an unknown command":             {[]string{"chekc", sound}, 2, []string{"chekc"}},
		"nothing to try":                 {[]string{"try"}, 1, []string{"--sandbox"}},
		"a credential as argument":       {[]string{"try", "sandbox", "-c", "admin_key=x"}, 1, []string{"SANDBOX_ADMIN_KEY", "not as an argument"}},
		"a credential that is not there": {[]string{"try", "sandbox", "-c", "base_url=http://127.0.0.1:1"}, 1, []string{"admin_key is missing", "SANDBOX_ADMIN_KEY"}},
	} {
		t.Run(name, func(t *testing.T) {
			status, said := apikeys(t, c.args...)
			if status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			for _, text := range c.says {
				if !strings.Contains(said, text) {
					t.Errorf("it does not say %q:\n%s", text, said)
				}
			}
		})
	}
}

func TestCheckForEditors(t *testing.T) {
	broken := file(t, "provider \"x\" {\n  titel = \"X\"\n}\n")
	status, said := apikeys(t, "check", "--json", broken)
	var answer struct {
		Valid       bool
		Diagnostics []diagnostic
	}
	if err := json.Unmarshal([]byte(said), &answer); err != nil {
		t.Fatalf("%s: %s", err, said)
	}
	if status != 1 || answer.Valid {
		t.Errorf("exit status %d and valid = %t for a broken definition", status, answer.Valid)
	}
	first := answer.Diagnostics[0]
	if first.File != broken || first.Start == nil || first.Start.Line != 2 || first.Start.Column != 3 || first.End.Column != 8 {
		t.Errorf("the first mistake is told as %+v; titel stands at line 2, columns 3 to 8", first)
	}
	if len(answer.Diagnostics) < 3 {
		t.Errorf("only %d mistakes told: issue and revoke are missing too", len(answer.Diagnostics))
	}
}

func TestFormatRewrites(t *testing.T) {
	ragged := file(t, sandboxSource(t, `title = "Sandbox"`, `title    =    "Sandbox"`))
	if status, said := apikeys(t, "fmt", ragged); status != 0 {
		t.Fatal(said)
	}
	got, err := os.ReadFile(ragged)
	if err != nil {
		t.Fatal(err)
	}
	if want := sandboxSource(t, "", ""); string(got) != want {
		t.Errorf("rewritten to\n%s", got)
	}
}

func TestTry(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		status int
		says   []string
	}{
		"a sound definition": {
			sandboxSource(t, "", ""), 0,
			[]string{"it works", "it is dead", "revoking it again is no error", "nothing is left behind"},
		},
		"a misspelt revoke that takes 404 for gone": {
			sandboxSource(t, `delete = "/v1/keys/${key.id}"`, `delete = "/v1/kyes/${key.id}"`), 1,
			[]string{"✗ the key was not revoked, and is alive; look at the path of revoke", "something is left at the provider"},
		},
		"a misspelt revoke, and only the probe to see it": {
			strings.Replace(withoutBlock(t, "list", "rotate"), `delete = "/v1/keys/${key.id}"`, `delete = "/v1/kyes/${key.id}"`, 1), 1,
			[]string{"✗ ", "look at the path of revoke"},
		},
		"a misspelt revoke, and only the list to see it": {
			strings.Replace(withoutBlock(t, "probe"), `delete = "/v1/keys/${key.id}"`, `delete = "/v1/kyes/${key.id}"`, 1), 1,
			[]string{"✗ ", "look at the path of revoke"},
		},
		"a revoke of another thing, which is not there": {
			sandboxSource(t, `delete = "/v1/keys/${key.id}"`, `delete = "/v1/keys/${key.name}"`), 1,
			[]string{"✗ ", "look at the path of revoke"},
		},
		"a misspelt revoke by a condition": {
			strings.Replace(sandboxSource(t, "gone   = [404]", "gone   = status == 404"), `delete = "/v1/keys/${key.id}"`, `delete = "/v1/kyes/${key.id}"`, 1), 1,
			[]string{"✗ ", "look at the path of revoke"},
		},
		"a revoke that revokes nothing and is answered 200": {
			sandboxSource(t, `delete = "/v1/keys/${key.id}"`, `get    = "/v1/keys/${key.id}"`), 1,
			[]string{"only SAID that it revoked the key", "was never seen dead"},
		},
		"a revoke that knows no gone": {
			sandboxSource(t, "gone   = [404]", ""), 1,
			[]string{"it is dead", "write what the provider answers into gone"},
		},
		"a list that finds nothing": {
			sandboxSource(t, "name = item.name", `name = "other-${item.name}x"`), 1,
			[]string{"not found at the provider by its name", "the key of a life cut short is revoked"},
		},
		"a probe of something else": {
			sandboxSource(t, "alive   = [200]", "alive   = [204]"), 1,
			[]string{"the new key does not work", "the key of a life cut short is revoked"},
		},
		"an issue that reads no key": {
			sandboxSource(t, "api_key = body.key", "api_key = body.kye"), 1,
			[]string{"secret"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			status, said := apikeys(t, "try", file(t, c.source), "--sandbox", "--patience", "3s")
			if status != c.status {
				t.Errorf("exit status %d, want %d", status, c.status)
			}
			for _, text := range c.says {
				if !strings.Contains(said, text) {
					t.Errorf("it does not say %q:\n%s", text, said)
				}
			}
			if strings.Contains(said, "sbx_") {
				t.Errorf("it shows a key:\n%s", said)
			}
		})
	}
}

// changing is what differs from run to run.
var changing = regexp.MustCompile(`try-try-\w+|\d{4}-\d{2}-\d{2}T[\d:]+Z`)

// TestReadmeShowsWhatTryPrints holds the README's first screen against the tool.
func TestReadmeShowsWhatTryPrints(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, shown, _ := strings.Cut(string(readme), "$ make try\n")
	shown, _, _ = strings.Cut(shown, "```")
	status, said := apikeys(t, "try", "--sandbox")
	if status != 0 {
		t.Fatalf("exit status %d:\n%s", status, said)
	}
	if got, want := changing.ReplaceAllString(said, "…"), changing.ReplaceAllString(shown, "…"); got != want {
		t.Errorf("the README shows\n%s\nand make try prints\n%s", want, got)
	}
}
