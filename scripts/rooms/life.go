package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// states are those of a key, in the order in which the drawing tells of them.
var states = []string{"begin", "announced", "recorded", "leased", "ending", "doubtful", "queued", "nothing", "gone"}

// step is how a key comes from one state to another. The comment above the function
// that takes it there says so, as in
//
//	//life:announced recorded puts the key into the ledger
type step struct{ from, to, function, what string }

var lifeComment = regexp.MustCompile(`^//life:([a-z]+) ([a-z]+)(,?)(.*)$`)

// keysLife draws a key's life by what the functions of a package say of it.
func keysLife(folder string) (string, error) {
	steps, err := stepsIn(folder)
	if err != nil {
		return "", err
	}
	leaves := map[string]bool{}
	var text strings.Builder
	text.WriteString("```mermaid\nstateDiagram-v2\n")
	for _, s := range steps {
		leaves[s.from] = true
		fmt.Fprintf(&text, "    %s --> %s: %s%s\n", named(s.from), named(s.to), s.function, s.what)
	}
	for _, state := range states {
		if !leaves[state] {
			fmt.Fprintf(&text, "    %s --> [*]\n", named(state))
		}
	}
	text.WriteString("```\n")
	return text.String(), nil
}

// stepsIn are the steps that a folder's functions take, by the order of the states.
func stepsIn(folder string) ([]step, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, path := range files {
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declared := range file.Decls {
			function, ok := declared.(*ast.FuncDecl)
			if !ok || function.Doc == nil {
				continue
			}
			for _, line := range function.Doc.List {
				found := lifeComment.FindStringSubmatch(line.Text)
				if found == nil {
					continue
				}
				s := step{found[1], found[2], function.Name.Name, found[3] + found[4]}
				if !slices.Contains(states, s.from) || !slices.Contains(states, s.to) {
					return nil, fmt.Errorf("%s: %s tells of a state that is none of %s", path, s.function, strings.Join(states, ", "))
				}
				steps = append(steps, s)
			}
		}
	}
	slices.SortStableFunc(steps, func(a, b step) int {
		if c := slices.Index(states, a.from) - slices.Index(states, b.from); c != 0 {
			return c
		}
		if c := slices.Index(states, a.to) - slices.Index(states, b.to); c != 0 {
			return c
		}
		return strings.Compare(a.function, b.function)
	})
	return steps, nil
}

// named is a state as the drawing writes it.
func named(state string) string {
	if state == "begin" {
		return "[*]"
	}
	return strings.ToUpper(state[:1]) + state[1:]
}
