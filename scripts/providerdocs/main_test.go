package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
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

func TestDurationsAreSpelled(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"a second less than 365 days": 365*24*time.Hour - time.Second,
		"a second less than 1 day":    24*time.Hour - time.Second,
		"a second less than 1 hour":   time.Hour - time.Second,
		"364 days":                    364 * 24 * time.Hour,
		"36 hours":                    36 * time.Hour,
		"15 minutes":                  15 * time.Minute,
		"1m30s":                       90 * time.Second,
	} {
		if got := spelled(d); got != want {
			t.Errorf("%s: want %q, and got %q", d, want, got)
		}
	}
}
