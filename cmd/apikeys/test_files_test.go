package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestOddTestFiles: what is wrong with a file of exchanges or cases is said with its
// place, and what is wrong with a definition once, however often it shows.
func TestOddTestFiles(t *testing.T) {
	definition := file(t, sandboxSource(t, "", ""))
	for name, c := range map[string]struct{ flag, text, says string }{
		"empty exchanges":        {"--exchanges", "", `write a block: exchange "title"`},
		"empty cases":            {"--contract", "", `write a block: contract "title"`},
		"no source":              {"--exchanges", "exchange \"x\" {}\n", `The argument "source" is required`},
		"a misspelt attribute":   {"--exchanges", "exchange \"x\" {\n  source = \"x\"\n  conection = {}\n}\n", `Did you mean "connection"?`},
		"a step of another name": {"--exchanges", "exchange \"x\" {\n  source = \"x\"\n  connection = { admin_key = \"x\" }\n  role = { scopes = [\"read\"] }\n  step \"isue\" {}\n}\n", "isue"},
		"a misspelt field":       {"--contract", "contract \"x\" {\n  document = \"bearer.yaml\"\n  secret = \"key\"\n  connection = { admin_ky = \"x\" }\n}\n", `did you mean "admin_key"?`},
		"another document":       {"--contract", "contract \"x\" {\n  document = \"nowhere.yaml\"\n  secret = \"key\"\n}\n", "no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			status, said := apikeys(t, "test", definition, "--spec", drafts, c.flag, file(t, c.text))
			if status != 1 || strings.Count(said, c.says) != 1 {
				t.Errorf("exit status %d, and it does not say %q once:\n%s", status, c.says, said)
			}
		})
	}
	for _, flag := range []string{"--exchanges", "--contract"} {
		expect(t, 1, []string{"is a directory"}, "test", definition, flag, t.TempDir())
	}
	expect(t, 1, []string{"no such file"}, "test", definition, "--exchanges", filepath.Join(t.TempDir(), "nowhere.hcl"))
}
