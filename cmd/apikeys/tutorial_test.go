package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// fence is a block of the tutorial; fails says that its commands do.
type fence struct {
	language, text string
	fails          bool
}

var fenced = regexp.MustCompile("(?s)((?:<!-- [^\n]* -->\n)*)```(\\w+)\n(.*?)```")

// TestTutorial follows docs/tutorial.md word by word: it writes what the page has
// one write, runs the commands, and wants what they are said to print.
func TestTutorial(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "tutorial.md"))
	if err != nil {
		t.Fatal(err)
	}
	box := sandbox.New(sandbox.Options{AdminKey: "sbxadmin_tutorial_0123456789"})
	defer box.Close()
	web := httptest.NewServer(http.HandlerFunc(box.ServeHTTP))
	defer web.Close()

	definition, said, commands := filepath.Join(t.TempDir(), "acme.hcl"), "", 0
	for _, found := range fenced.FindAllStringSubmatch(string(page), -1) {
		f := fence{found[2], strings.ReplaceAll(found[3], "http://127.0.0.1:8300", web.URL), strings.Contains(found[1], "<!-- fails -->")}
		switch f.language {
		case "hcl":
			put(t, definition, f.text)
		case "sh":
			said = ""
			for line := range strings.Lines(f.text) {
				more, ran := follow(t, strings.TrimSpace(line), definition, f.fails)
				said += more
				commands += ran
			}
		case "text":
			for line := range strings.Lines(f.text) {
				if line = changing.ReplaceAllString(strings.TrimSpace(line), "…"); !strings.Contains(changing.ReplaceAllString(said, "…"), line) {
					t.Errorf("the page shows %q, and what is printed is\n%s", line, said)
				}
			}
		default:
			t.Errorf("a block is fenced as %q: write hcl, sh or text", f.language)
		}
	}
	if commands < 6 {
		t.Errorf("%d commands were run", commands)
	}
	if left := box.LiveKeys(); len(left) != 1 {
		t.Errorf("alive at the end: %v; only the key that was not revoked should be", left)
	}
}

// put writes a whole definition, or puts the blocks of a part into it in place of
// those of the same kind.
func put(t *testing.T, definition, text string) {
	t.Helper()
	if !strings.HasPrefix(text, "provider ") {
		whole, part := parsed(t, read(t, definition)), parsed(t, text)
		inside := whole.Body().Blocks()[0].Body()
		for _, block := range part.Body().Blocks() {
			for _, old := range inside.Blocks() {
				if old.Type() == block.Type() && slices.Equal(old.Labels(), block.Labels()) {
					inside.RemoveBlock(old)
				}
			}
			inside.AppendBlock(block)
		}
		text = string(whole.Bytes())
	}
	if err := os.WriteFile(definition, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parsed(t *testing.T, text string) *hclwrite.File {
	t.Helper()
	file, found := hclwrite.ParseConfig([]byte(text), "tutorial", hcl.InitialPos)
	if found.HasErrors() {
		t.Fatal(found)
	}
	return file
}

// follow carries a line of commands out; ran is 1 where it is one of apikeys.
func follow(t *testing.T, line, definition string, fails bool) (said string, ran int) {
	t.Helper()
	if name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "="); ok && strings.HasPrefix(line, "export ") {
		t.Setenv(name, value)
		return "", 0
	}
	words, ok := strings.CutPrefix(line, "go run ./cmd/apikeys ")
	switch {
	case ok:
	case strings.HasPrefix(line, "go run ./cmd/sandbox"):
		return "", 0 // it is served already
	default:
		t.Fatalf("nobody can follow %q", line)
	}
	status, said := apikeys(t, arguments(strings.ReplaceAll(words, "acme.hcl", definition))...)
	if (status != 0) != fails {
		t.Errorf("%s: exit status %d\n%s", line, status, said)
	}
	return said, 1
}

// arguments are the words of a command line; what stands in quotes is one.
func arguments(line string) []string {
	var all []string
	for _, found := range regexp.MustCompile(`"([^"]*)"|(\S+)`).FindAllStringSubmatch(line, -1) {
		all = append(all, found[1]+found[2])
	}
	return all
}
