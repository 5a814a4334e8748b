// Rooms writes the lists and the drawings of ARCHITECTURE.md that follow from the
// code: the packages, what each says that it is for, who imports whom, and a key's life.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
)

const page = "ARCHITECTURE.md"

func main() {
	if err := rewrite(page); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func rewrite(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	rooms, err := list()
	if err != nil {
		return err
	}
	life, err := keysLife("backend")
	if err != nil {
		return err
	}
	fresh, err := fill(string(text), rooms, life)
	if err != nil {
		return err
	}
	return os.WriteFile(file, []byte(fresh), 0o644)
}

// room is one package, by its path within the module.
type room struct {
	Path    string
	Doc     string   // the first sentence of its comment
	Imports []string // rooms alone
}

// list is every room, in order.
func list() ([]room, error) {
	list := exec.Command("go", "list", "-json=ImportPath,Doc,Imports,Module", "vault-plugin-secrets-apikeys/...")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the packages: %w", err)
	}
	var rooms []room
	for packages := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			ImportPath, Doc string
			Imports         []string
			Module          struct{ Path string }
		}
		if err := packages.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		r := room{Path: strings.TrimPrefix(p.ImportPath, p.Module.Path+"/"), Doc: p.Doc}
		for _, path := range p.Imports {
			if inside, own := strings.CutPrefix(path, p.Module.Path+"/"); own {
				r.Imports = append(r.Imports, inside)
			}
		}
		rooms = append(rooms, r)
	}
	slices.SortFunc(rooms, func(a, b room) int { return strings.Compare(a.Path, b.Path) })
	return rooms, nil
}

// inVault reports whether the room is part of what Vault runs, or of what stands
// on that: the rest is there for the sake of tests.
func (r room) inVault() bool {
	switch top, _, _ := strings.Cut(r.Path, "/"); top {
	case "cmd", "paths", "backend", "providers":
		return true
	}
	return false
}

// fill writes the generated parts between their marks.
func fill(text string, rooms []room, life string) (string, error) {
	served, beside := []room{}, []room{}
	for _, r := range rooms {
		if r.Doc == "" {
			return "", fmt.Errorf("package %s has no comment that says what it is for", r.Path)
		}
		if r.inVault() {
			served = append(served, r)
		} else {
			beside = append(beside, r)
		}
	}
	for name, fresh := range map[string]string{
		"rooms": table(served), "imports": drawing(served),
		"rooms-beside": table(beside), "imports-beside": drawing(beside),
		"life": life,
	} {
		part := regexp.MustCompile(`(?s)(<!-- ` + name + `: make docs -->\n).*?(<!-- end -->\n)`)
		if !part.MatchString(text) {
			return "", fmt.Errorf("%s has no place for %q", page, name)
		}
		text = part.ReplaceAllStringFunc(text, func(old string) string {
			marks := part.FindStringSubmatch(old)
			return marks[1] + fresh + marks[2]
		})
	}
	return text, nil
}

func table(rooms []room) string {
	var out strings.Builder
	out.WriteString("| package | what it says of itself |\n|---|---|\n")
	for _, r := range rooms {
		fmt.Fprintf(&out, "| [`%s`](%s) | %s |\n", r.Path, r.Path, strings.ReplaceAll(r.Doc, "|", `\|`))
	}
	return out.String()
}

// drawing is who imports whom, in Mermaid's language.
func drawing(rooms []room) string {
	var out strings.Builder
	out.WriteString("```mermaid\nflowchart TD\n")
	for _, r := range rooms {
		fmt.Fprintf(&out, "    %s[%q]\n", node(r.Path), r.Path)
	}
	for _, r := range rooms {
		for _, other := range r.Imports {
			fmt.Fprintf(&out, "    %s --> %s\n", node(r.Path), node(other))
		}
	}
	out.WriteString("```\n")
	return out.String()
}

var notInNames = regexp.MustCompile(`[^a-z0-9]+`)

// node is a name that Mermaid takes; a word of its own such as end begins no path.
func node(path string) string { return notInNames.ReplaceAllString(strings.ToLower(path), "_") }
