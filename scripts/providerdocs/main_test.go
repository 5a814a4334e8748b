package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPagesAreCurrent holds the pages against the definitions.
func TestPagesAreCurrent(t *testing.T) {
	want, err := pages(filepath.Join("..", "..", testdata))
	if err != nil {
		t.Fatal(err)
	}
	there := filepath.Join("..", "..", folder)
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(there, name)); err != nil || string(got) != string(text) {
			t.Errorf("%s/%s does not say what the definition does: run make docs", folder, name)
		}
	}
	files, err := os.ReadDir(there)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if want[file.Name()] == nil {
			t.Errorf("%s/%s is about no definition: run make docs", folder, file.Name())
		}
	}
}
