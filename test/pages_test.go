package test

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maintainers are the pages for those who change the code.
var maintainers = []string{"../CONTRIBUTING.md", "../ARCHITECTURE.md", "../docs/decisions/*.md"}

// fileName is a file as such a page names it; one with capitals, such as NAME.hcl,
// stands for any.
var fileName = regexp.MustCompile("`((?:[a-z0-9_.*-]+/)*[a-z0-9_*-]+\\.(?:go|md|hcl|tmpl|yml))`")

// TestPagesNameFilesThatAreThere: a recipe that sends its reader to a file that was
// moved is worse than none. A name without a folder may be in any.
func TestPagesNameFilesThatAreThere(t *testing.T) {
	there := filesHere(t)
	found := 0
	for _, pattern := range maintainers {
		pages, err := filepath.Glob(pattern)
		if err != nil || len(pages) == 0 {
			t.Fatalf("%s: there is no such page (%v)", pattern, err)
		}
		for _, page := range pages {
			text, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range fileName.FindAllStringSubmatch(string(text), -1) {
				found++
				if !isThere(there, name[1]) {
					t.Errorf("%s names %s, which is not there", page, name[1])
				}
			}
		}
	}
	if found < 30 {
		t.Errorf("the pages name %d files", found)
	}
}

// filesHere are the module's files, by their whole paths and by each end of these.
func filesHere(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "build"):
			return filepath.SkipDir
		}
		for name, more := filepath.ToSlash(path), true; more; {
			_, name, more = strings.Cut(name, "/")
			names = append(names, name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func isThere(names []string, pattern string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		matches, err := path.Match(pattern, name)
		return err == nil && matches
	})
}
