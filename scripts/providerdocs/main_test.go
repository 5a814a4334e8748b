package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// TestPagesAreCurrent holds the pages against the definitions.
func TestPagesAreCurrent(t *testing.T) {
	root := filepath.Join("..", "..")
	want, err := written(filepath.Join(root, testdata))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(root, name)); err != nil || string(got) != string(text) {
			t.Errorf("%s does not say what the definition does: run make docs", name)
		}
	}
	files, err := os.ReadDir(filepath.Join(root, folder))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if name := folder + "/" + file.Name(); want[name] == nil {
			t.Errorf("%s is about no definition: run make docs", name)
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
