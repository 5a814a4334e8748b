package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/providers"
)

// oddFiles are files that an editor or a shell may hand over in place of a sound
// definition, with what is said of each by every command that reads one.
func oddFiles(t *testing.T) map[string]struct{ file, says string } {
	t.Helper()
	folder := t.TempDir()
	write := func(name string, contents []byte) string {
		place := filepath.Join(folder, name)
		if err := os.WriteFile(place, contents, 0o600); err != nil {
			t.Fatal(err)
		}
		return place
	}
	return map[string]struct{ file, says string }{
		"empty":           {write("empty.hcl", nil), "A definition is one block"},
		"a folder":        {folder + string(filepath.Separator), "is a directory"},
		"nowhere":         {filepath.Join(folder, "nowhere.hcl"), "no such file"},
		"too long":        {write("long.hcl", bytes.Repeat([]byte("# a comment\n"), providers.LongestDefinition/10)), "at most 64 KiB"},
		"without an end":  {"/dev/zero", "at most 64 KiB"},
		"of two bytes":    {write("wide.hcl", []byte("\xff\xfep\x00r\x00")), "UTF-8"},
		"cut off":         {write("cut.hcl", []byte("provider \"a\" {\n")), "no closing brace"},
		"another block":   {write("other.hcl", []byte("resource \"a\" {}\n")), `There is no block "resource"`},
		"without a name":  {write("nameless.hcl", []byte("provider {}\n")), `Write provider "name"`},
		"nothing in it":   {write("bare.hcl", []byte("provider \"a\" {}\n")), "Provider needs issue"},
		"a misspelt name": {write("misspelt.hcl", []byte("provider \"a\" {\n  titel = \"A\"\n}\n")), `did you mean "title"?`},
	}
}

// TestOddFiles: whatever a command is given for a definition, it says what is wrong with
// it once, as the author's mistake, and fails.
func TestOddFiles(t *testing.T) {
	for name, odd := range oddFiles(t) {
		for _, command := range []string{"check", "show", "test", "try"} {
			t.Run(command+" "+name, func(t *testing.T) {
				expect(t, 1, []string{odd.says}, command, odd.file)
				if _, said := apikeys(t, command, odd.file); strings.Contains(said, "error: Error") {
					t.Errorf("it says that it is an error twice:\n%s", said)
				}
			})
		}
		t.Run("check --json "+name, func(t *testing.T) {
			_, said := apikeys(t, "check", "--json", odd.file)
			var answer struct {
				Valid       bool
				Diagnostics []diagnostic
			}
			if err := json.Unmarshal([]byte(said), &answer); err != nil || answer.Valid || len(answer.Diagnostics) == 0 {
				t.Errorf("an editor is told %v:\n%s", err, said)
			}
		})
	}
}

// TestFormatLeavesOddFiles: what cannot be laid out stays as it is.
func TestFormatLeavesOddFiles(t *testing.T) {
	odd := oddFiles(t)
	for name, says := range map[string]string{
		"too long": "at most 64 KiB", "of two bytes": "UTF-8", "cut off": "no closing brace", "a folder": "is a directory", "nowhere": "no such file",
	} {
		t.Run(name, func(t *testing.T) {
			before, _ := os.ReadFile(odd[name].file)
			expect(t, 1, []string{says}, "fmt", odd[name].file)
			if after, _ := os.ReadFile(odd[name].file); !bytes.Equal(before, after) {
				t.Error("it was rewritten")
			}
		})
	}
}

// TestOtherLinesEndings: definitions as other systems' editors write them are read.
func TestOtherLineEndings(t *testing.T) {
	sound := sandboxSource(t, "", "")
	for name, source := range map[string]string{
		"of DOS":                 strings.ReplaceAll(sound, "\n", "\r\n"),
		"with a byte order mark": "\ufeff" + sound,
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, 0, []string{"No mistakes"}, "check", file(t, source))
			expect(t, 0, []string{"Sandbox"}, "show", file(t, source))
			laidOut := file(t, source)
			expect(t, 0, nil, "fmt", laidOut)
			expect(t, 0, nil, "fmt", "--check", laidOut)
		})
	}
}

// TestCheckTellsAll: every mistake of every file, at once.
func TestCheckTellsAll(t *testing.T) {
	var source strings.Builder
	source.WriteString("provider \"x\" {\n")
	var says []string
	for _, name := range strings.Split("abcdefghijklmnopqrst", "") {
		source.WriteString("  odd_" + name + " = 1\n")
		says = append(says, `There is no attribute "odd_`+name+`"`)
	}
	source.WriteString("}\n")
	expect(t, 1, append(says, "is a directory", "Provider needs revoke"), "check", t.TempDir(), file(t, source.String()))
}
