package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestPageIsCurrent holds the reference against the mount's OpenAPI document.
func TestPageIsCurrent(t *testing.T) {
	want, err := page(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join("..", "..", file)); err != nil || string(got) != string(want) {
		t.Errorf("%s does not say what the endpoints do: run make docs", file)
	}
}
