//go:build !race

package simulation

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// A history that people read ends where a promise is broken, and says each thing once
// or twice.
func TestReadable(t *testing.T) {
	got := readable([]string{
		"        1s  provider  POST /v1/keys app-token-sim-vb7n1s0fnmqo49rlc9bqpc from a1: 201",
		"        1s  provider  DELETE /v1/keys/b90e3f8120d2a098 from a1: 204",
		"        2s  engine    a1: app-token-sim-vb7n1s0fnmqo49rlc9bqpc stays",
		"        3s  engine    a1: app-token-sim-vb7n1s0fnmqo49rlc9bqpc stays",
		"        4s  engine    a1: app-token-sim-vb7n1s0fnmqo49rlc9bqpc stays",
		"        5s  provider  POST /v1/keys app-token-sim-vb7n1s0fnmqoc9rlc9bqpd from a1: 201",
		"        6s  BROKEN    app-token-sim-vb7n1s0fnmqo49rlc9bqpc is dead",
		"        7s  vault     a2 leads",
	})
	want := []string{
		"        1s  provider  POST /v1/keys app#1 from a1: 201",
		"        1s  provider  DELETE /v1/keys/id#1 from a1: 204",
		"        2s  engine    a1: app#1 stays",
		"        3s  engine    a1: app#1 stays",
		"        5s  provider  POST /v1/keys app#2 from a1: 201",
		"        6s  BROKEN    app#1 is dead",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What an auditor reads is one page, and the manual tells of each promise on it.
func TestPromisesAreOnOnePage(t *testing.T) {
	page, err := os.ReadFile("promises.go")
	if err != nil {
		t.Fatal(err)
	}
	const lines = 66 // of a printed page
	if n := strings.Count(string(page), "\n"); n > lines {
		t.Errorf("promises.go has %d lines, a page has %d", n, lines)
	}
	manual, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, list := range [][]invariant{standing, final} {
		for _, inv := range list {
			if !strings.Contains(strings.ToLower(string(manual)), "| "+inv.name) {
				t.Errorf("docs/reliability.md has no row for %q", inv.name)
			}
		}
	}
}
