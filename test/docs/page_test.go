package docs

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// page is one document's commands.
type page struct {
	file   string // from the root of the tree
	bare   bool   // it begins at a Vault without the plugin
	blocks []block
}

// block is what one fence, or one comment, has a shell do.
type block struct {
	line     int
	commands string
	notRun   string // why it is not run; "" for one that is
}

var (
	fenceLine  = regexp.MustCompile("^ *```(\\S*)$")
	notRunLine = regexp.MustCompile(`^<!-- not run: (.+) -->$`)
	// commandLine is what begins a line that somebody would type, and not a block of HCL.
	commandLine = regexp.MustCompile(`^\s*(\$ )?(vault|bao|make|go run|go test|curl|terraform|scripts/\S+) [^\s{]`)
)

// readPage finds a page's blocks. Commands that are in no block of their own would
// never be tried, so they are told.
func readPage(t *testing.T, file string) *page {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	p := &page{file: file, bare: strings.Contains(string(text), "<!-- vault: bare -->")}
	var current *block
	var language, reason string
	fenced, before := false, false
	for number, line := range strings.Split(string(text), "\n") {
		fence := fenceLine.FindStringSubmatch(line)
		switch {
		case before && line == "-->", fenced && fence != nil:
			if before || language == "sh" {
				p.blocks = append(p.blocks, *current)
			}
			fenced, before, reason = false, false, ""
		case before || fenced:
			if fenced && language != "sh" && language != "text" && reason == "" && commandLine.MatchString(line) {
				t.Errorf("%s:%d: %q is a command; fence it as sh, so that it is tried", file, number+1, line)
			}
			current.commands += line + "\n"
		case line == "<!-- before:":
			before, current = true, &block{line: number + 1}
		case fence != nil:
			fenced, language, current = true, fence[1], &block{line: number + 1, notRun: reason}
		default:
			if strings.HasPrefix(line, "    ") && commandLine.MatchString(line) {
				t.Errorf("%s:%d: %q is a command; fence it as sh, so that it is tried", file, number+1, line)
			}
			reason = ""
			if because := notRunLine.FindStringSubmatch(line); because != nil {
				reason = because[1]
			}
		}
	}
	if fenced || before {
		t.Fatalf("%s: the last block has no end", file)
	}
	return p
}

// script is the page as one shell script, which says where it is as it goes.
func (p *page) script() string {
	var script strings.Builder
	script.WriteString("set -euo pipefail\n")
	for _, b := range p.blocks {
		if b.notRun == "" {
			fmt.Fprintf(&script, "echo '--- %s:%d'\n%s\n", p.file, b.line, b.commands)
		}
	}
	return script.String()
}

// runs counts the blocks that are run.
func (p *page) runs() (count int) {
	for _, b := range p.blocks {
		if b.notRun == "" {
			count++
		}
	}
	return count
}
