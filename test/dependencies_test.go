package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// wordings are how the licences that go together with the plugin's can be known.
var wordings = map[string]string{
	"MPL-2.0":      "Mozilla Public License",
	"Apache-2.0":   "Apache License",
	"MIT":          "Permission is hereby granted, free of charge",
	"BSD-3-Clause": "Redistribution and use in source and binary forms",
}

// TestDependenciesAreListed holds the table of CONTRIBUTING.md against go.mod, and
// the licence of each against the file that the module has.
func TestDependenciesAreListed(t *testing.T) {
	text, err := os.ReadFile("../CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| [^|]+ \\| (\\S+) \\|$").FindAllStringSubmatch(string(text), -1) {
		listed[row[1]] = row[2]
	}
	list := exec.Command("go", "list", "-m", "-f", "{{if not (or .Indirect .Main)}}{{.Path}} {{.Dir}}{{end}}", "all")
	list.Dir = ".."
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	direct := 0
	for line := range strings.Lines(string(out)) {
		module, folder, found := strings.Cut(strings.TrimSpace(line), " ")
		if !found {
			continue
		}
		direct++
		wording := wordings[listed[module]]
		if wording == "" {
			t.Errorf("CONTRIBUTING.md does not tell of %s, or of a licence that is known to go together with the MPL", module)
			continue
		}
		delete(listed, module)
		if !hasLicence(t, folder, wording) {
			t.Errorf("%s is not under the licence that CONTRIBUTING.md tells", module)
		}
	}
	if direct < 20 {
		t.Errorf("there are %d dependencies", direct)
	}
	for module := range listed {
		t.Errorf("CONTRIBUTING.md tells of %s, which is not asked for", module)
	}
}

func hasLicence(t *testing.T, folder, wording string) bool {
	t.Helper()
	for _, pattern := range []string{"LICENSE*", "COPYING*"} {
		files, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(strings.Join(strings.Fields(string(text)), " "), wording) {
				return true
			}
		}
	}
	return false
}
