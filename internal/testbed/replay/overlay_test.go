package replay

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A toolchain that has other texts is noticed here, and not by a build that fails.
func TestEditsApply(t *testing.T) {
	folder := t.TempDir()
	path, err := Overlay(folder, map[string]string{"/some/file.go": "/another.go"})
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(content, &overlay); err != nil {
		t.Fatal(err)
	}
	if overlay.Replace["/some/file.go"] != "/another.go" {
		t.Errorf("the file of one's own is missing in %s", content)
	}
	root, err := sources()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		text, err := os.ReadFile(overlay.Replace[filepath.Join(root, filepath.FromSlash(e.file))])
		if err != nil {
			t.Error(err)
		} else if !strings.Contains(string(text), e.new) {
			t.Errorf("%s lacks %q", e.file, e.new)
		}
		if e.why == "" {
			t.Errorf("nothing says why %s has %q", e.file, e.new)
		}
	}
}

// Texts that are not there are told, with what to do about it.
func TestOtherToolchain(t *testing.T) {
	root := t.TempDir()
	if err := write(filepath.Join(root, "runtime", "select.go"), "package runtime\n"); err != nil {
		t.Fatal(err)
	}
	_, err := edited(root, "runtime/select.go")
	if err == nil || !strings.Contains(err.Error(), "edits.go") {
		t.Errorf("got %v, want what to do", err)
	}
}
