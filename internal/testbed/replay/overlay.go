package replay

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Overlay writes the edited files to a folder, which is made where it is missing,
// and returns the path of the file that go build and go test take as -overlay.
// replaced, which may be nil, are further files, by the absolute path of what each
// is read in place of. The error says when the toolchain's texts are not those that
// the edits are for.
func Overlay(folder string, replaced map[string]string) (string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", err
	}
	root, err := sources()
	if err != nil {
		return "", err
	}
	all := map[string]string{}
	for path, by := range replaced {
		all[path] = by
	}
	for _, file := range files() {
		text, err := edited(root, file)
		if err != nil {
			return "", err
		}
		by := filepath.Join(folder, filepath.FromSlash(file))
		if err := write(by, text); err != nil {
			return "", err
		}
		all[filepath.Join(root, filepath.FromSlash(file))] = by
	}
	listing, err := json.MarshalIndent(map[string]any{"Replace": all}, "", "  ")
	if err != nil {
		return "", err
	}
	overlay := filepath.Join(folder, "overlay.json")
	return overlay, write(overlay, string(listing))
}

// sources is where the toolchain keeps the standard library.
func sources() (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("asking for the toolchain's folder: %w", err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "src"), nil
}

// files are those that have edits, in the order of their first.
func files() []string {
	var all []string
	seen := map[string]bool{}
	for _, e := range edits {
		if !seen[e.file] {
			seen[e.file] = true
			all = append(all, e.file)
		}
	}
	return all
}

// edited is a file's text with all of its edits.
func edited(root, file string) (string, error) {
	content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(file)))
	if err != nil {
		return "", err
	}
	text := string(content)
	for _, e := range edits {
		if e.file != file {
			continue
		}
		if n := strings.Count(text, e.old); n != 1 {
			return "", fmt.Errorf("%s of the Go toolchain has %q %d times, not once: follow it in internal/testbed/replay/edits.go, or use another Go than %s", file, e.old, n, runtime.Version())
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	return text, nil
}

// write puts a file in its place whole, or not at all: others may be reading it.
func write(path, text string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	begun, err := os.CreateTemp(filepath.Dir(path), "unfinished-*")
	if err != nil {
		return err
	}
	defer os.Remove(begun.Name())
	if _, err := begun.WriteString(text); err != nil {
		return err
	}
	if err := begun.Close(); err != nil {
		return err
	}
	return os.Rename(begun.Name(), path)
}
