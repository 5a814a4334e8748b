package test

import (
	"go/build/constraint"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// level is one way in which the Makefile runs tests.
type level struct {
	tag    string // "" runs what needs none
	folder string // "." is all
}

var goTest = regexp.MustCompile(`go run ./scripts/gotest (.*)`)

// levels are those of the Makefile.
func levels(t *testing.T) []level {
	t.Helper()
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	var found []level
	for _, call := range goTest.FindAllStringSubmatch(string(text), -1) {
		words := strings.Fields(strings.TrimSuffix(call[1], "; \\"))
		l := level{folder: strings.TrimPrefix(strings.TrimSuffix(words[len(words)-1], "/..."), "./")}
		for i, word := range words {
			switch word {
			case "-tags":
				l.tag = words[i+1]
			case "-run", "-skip":
				t.Errorf("the Makefile selects tests by their names (%s), so that one with another name is never run: give them a build tag", call[0])
			}
		}
		found = append(found, l)
	}
	if len(found) < 3 {
		t.Fatalf("the Makefile has the levels %v", found)
	}
	return found
}

// TestEveryTestIsRun: a test file that no target of the Makefile compiles would
// never be missed.
func TestEveryTestIsRun(t *testing.T) {
	all := levels(t)
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && (entry.Name() == ".git" || entry.Name() == "testdata") {
			return filepath.SkipDir
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := filepath.Rel("..", path)
		if err != nil {
			return err
		}
		condition, err := buildTags(path)
		if err != nil {
			return err
		}
		for _, l := range all {
			if l.runs(file, condition) {
				return nil
			}
		}
		t.Errorf("%s is built where %s, which no target of the Makefile does in its folder", file, condition)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (l level) runs(file string, condition constraint.Expr) bool {
	if l.folder != "." && l.folder != "..." && !strings.HasPrefix(filepath.ToSlash(file), l.folder+"/") {
		return false
	}
	return condition == nil || condition.Eval(func(tag string) bool { return tag == l.tag })
}

// buildTags is the condition under which a file is compiled; nil for always.
func buildTags(path string) (constraint.Expr, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if !constraint.IsGoBuild(first) {
		return nil, nil
	}
	return constraint.Parse(first)
}
