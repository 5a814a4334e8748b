package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func readPage(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", page))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPageIsCurrent holds the drawings and lists against the packages.
func TestPageIsCurrent(t *testing.T) {
	rooms, err := list()
	if err != nil {
		t.Fatal(err)
	}
	life, err := keysLife(filepath.Join("..", "..", "backend"))
	if err != nil {
		t.Fatal(err)
	}
	text := readPage(t)
	if fresh, err := fill(text, rooms, life); err != nil || fresh != text {
		t.Errorf("%s does not show the packages as they are (%v): run make docs", page, err)
	}
}

// floors are the parts that Vault runs, from the attic down: imports go down or
// stay on a floor, never up.
var floors = []string{"cmd", "paths", "backend", "providers"}

// TestImportsRunOneWay: none goes up, and none of what Vault runs stands on what
// is there for tests.
func TestImportsRunOneWay(t *testing.T) {
	floor := func(path string) int {
		top, _, _ := strings.Cut(path, "/")
		return slices.Index(floors, top)
	}
	rooms, err := list()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rooms {
		here := floor(r.Path)
		for _, other := range r.Imports {
			there := floor(other)
			switch {
			case here > 0 && there < 0:
				t.Errorf("%s imports %s, which is there for tests", r.Path, other)
			case here >= 0 && there >= 0 && there < here:
				t.Errorf("%s imports %s, a floor above it", r.Path, other)
			}
		}
	}
}

// providersRooms are the rooms behind package providers, each with those that it
// may import.
var providersRooms = map[string][]string{
	"suggest":    {},
	"expr":       {"suggest"},
	"transport":  {},
	"field":      {"expr", "suggest"},
	"auth":       {"expr", "transport"},
	"definition": {"auth", "expr", "field", "suggest", "transport"},
}

// TestRoomsOfProvidersImportOneWay: none imports one above it, and nobody but the
// façade and they themselves import them.
func TestRoomsOfProvidersImportOneWay(t *testing.T) {
	rooms, err := list()
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rooms {
		name, inside := strings.CutPrefix(r.Path, "providers/internal/")
		allowed, known := providersRooms[name]
		if inside && !known {
			t.Errorf("%s is a new room: say here what it may import", r.Path)
		}
		for _, other := range r.Imports {
			to, isRoom := strings.CutPrefix(other, "providers/internal/")
			switch {
			case isRoom && inside && !slices.Contains(allowed, to):
				t.Errorf("%s imports %s, which is not below it", r.Path, other)
			case inside && !isRoom:
				t.Errorf("%s imports %s: a room imports rooms alone", r.Path, other)
			}
		}
	}
}

var quoted = regexp.MustCompile("`([a-z][A-Za-z]*)`")

// TestKeysLifeNamesWhatIsThere: every function that the drawing of a key's life
// and the table below it name is one of the engine's.
func TestKeysLifeNamesWhatIsThere(t *testing.T) {
	text := readPage(t)
	_, life, _ := strings.Cut(text, "## A key's life")
	life, _, _ = strings.Cut(life, "\n## ")
	there := functionsOf(t, filepath.Join("..", "..", "backend"))
	found := 0
	for _, name := range regexp.MustCompile(`: ([A-Za-z]+)\b`).FindAllStringSubmatch(drawn(life), -1) {
		found++
		if !there[name[1]] {
			t.Errorf("the drawing of a key's life names %s, which is no function of the engine", name[1])
		}
	}
	for _, name := range quoted.FindAllStringSubmatch(strings.ReplaceAll(life, drawn(life), ""), -1) {
		if !there[name[1]] {
			t.Errorf("a key's life is told with %s, which is no function of the engine", name[1])
		}
	}
	if found < 5 {
		t.Errorf("the drawing of a key's life names %d functions", found)
	}
}

var prefix = regexp.MustCompile(`(?m)^(?:const|\t)\s*\w*(?:Prefix|Path)\s*= "([a-z-]+/?)"`)

// TestStorageIsToldInFull: every prefix that the engine stores things under is in
// the table of what lies in storage.
func TestStorageIsToldInFull(t *testing.T) {
	_, table, _ := strings.Cut(readPage(t), "## What lies in storage")
	table, _, _ = strings.Cut(table, "\n## ")
	engine, err := filepath.Glob(filepath.Join("..", "..", "backend", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	books, err := filepath.Glob(filepath.Join("..", "..", "backend", "*", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range append(engine, books...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range prefix.FindAllStringSubmatch(string(text), -1) {
			found++
			if !strings.Contains(table, "`"+p[1]+"`") {
				t.Errorf("%s stores under %q, of which %s tells nothing", filepath.Base(file), p[1], page)
			}
		}
	}
	if found < 10 {
		t.Errorf("the engine has %d prefixes", found)
	}
}

// drawn is the Mermaid text in a part of the page.
func drawn(text string) string {
	_, inside, _ := strings.Cut(text, "```mermaid\n")
	inside, _, _ = strings.Cut(inside, "```")
	return inside
}

// functionsOf are the names of a package's functions and methods, tests apart,
// with those of its subpackages.
func functionsOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, declared := range file.Decls {
			if function, ok := declared.(*ast.FuncDecl); ok {
				names[function.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}
