// Package page reads the pages for authors as tests compare them with the code:
// their parts, the rows of their tables, and what stands in code marks. Commands of
// pages are the business of test/docs.
package page

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Definitions is the reference of the language, from the module's root.
const Definitions = "docs/definitions.md"

// Read is the text of a page, named from the module's root.
func Read(t testing.TB, name string) string {
	t.Helper()
	folder, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(folder, "go.mod")); missing == nil {
			break
		}
		if folder == filepath.Dir(folder) {
			t.Fatal("there is no go.mod above the test")
		}
		folder = filepath.Dir(folder)
	}
	text, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Section is what stands under a heading, such as "## Functions", up to the next
// one that is no deeper.
func Section(t testing.TB, name, heading string) string {
	t.Helper()
	_, text, found := strings.Cut(Read(t, name), "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s has no part %q", name, heading)
	}
	depth, _, _ := strings.Cut(heading, " ")
	if end := regexp.MustCompile(`(?m)^#{1,` + fmt.Sprint(len(depth)) + `} `).FindStringIndex(text); end != nil {
		text = text[:end[0]]
	}
	return text
}

var (
	inTicks  = regexp.MustCompile("`([^`]+)`")
	tableRow = regexp.MustCompile(`(?m)^\| (.+?) \| (.+) \|$`)
)

// Ticked is what stands in code marks, in order.
func Ticked(text string) []string {
	var found []string
	for _, one := range inTicks.FindAllStringSubmatch(strings.ReplaceAll(text, "\n", " "), -1) {
		found = append(found, one[1])
	}
	return found
}

// Row is a row of a table: its first cell, and the others.
type Row struct {
	First string
	Rest  []string
}

// Rows are the rows of all tables of a text, headings included.
func Rows(text string) []Row {
	var rows []Row
	for _, found := range tableRow.FindAllStringSubmatch(text, -1) {
		rows = append(rows, Row{found[1], strings.Split(found[2], " | ")})
	}
	return rows
}
