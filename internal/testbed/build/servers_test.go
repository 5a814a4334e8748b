package build

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRecentVault(t *testing.T) {
	tests := map[string]struct {
		says string
		want bool
	}{
		"as built here": {"Vault v1.21.0, built 2025-11-22T10:33:20Z (cgo)", true},
		"released":      {"Vault v1.20.3 (fd6c4f5d51a5d9ac1d4f8c3f2a5e6a5f3c5ce4ff), built 2025-08-28T21:00:00Z", true},
		"the oldest":    {"Vault v1.19.0 (abc), built x", true},
		"too old":       {"Vault v1.18.5 (abc), built x", false},
		"much too old":  {"Vault v1.9.0 (abc)", false},
		"enterprise":    {"Vault v1.21.0+ent (abc), built x", false},
		"another tool":  {"vault: no such command", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := recentVault(t.Context(), program(t, "echo '"+test.says+"'")); got != test.want {
				t.Errorf("%q: recent is %t", test.says, got)
			}
		})
	}
	if recentVault(t.Context(), program(t, "echo Vault v1.21.0; exit 1")) {
		t.Error("a program that fails is taken")
	}
}

func TestNamedBinaryIsTakenOrRefusedButNeverReplaced(t *testing.T) {
	mine := program(t, "true")
	t.Setenv("VAULT_BIN", mine)
	t.Setenv("GITEA_BIN", filepath.Join(t.TempDir(), "absent"))
	if path, err := Vault(t.Context(), t.Output()); err != nil || path != mine {
		t.Errorf("VAULT_BIN=%s gives %q, %v", mine, path, err)
	}
	if path, err := Gitea(t.Context(), t.Output()); err == nil || !strings.Contains(err.Error(), "GITEA_BIN") {
		t.Errorf("a GITEA_BIN that is not there gives %q, %v", path, err)
	}
}

// TestReasonOutlastsOtherPackages: the Go command goes on with those that do not depend
// on the one that fails.
func TestReasonOutlastsOtherPackages(t *testing.T) {
	p := &progress{}
	said := "go: downloading example.test/a v1.0.0\nexample.test/a\n# example.test/b\nb.go:1:2: undefined: c\n" + strings.Repeat("example.test/d\n", 100)
	if _, err := p.Write([]byte(said)); err != nil {
		t.Fatal(err)
	}
	if got := p.lastLines(); got != "# example.test/b\nb.go:1:2: undefined: c" {
		t.Errorf("the reason is %q", got)
	}
	if p.downloaded != 1 || p.compiled != 101 {
		t.Errorf("%d modules downloaded, %d packages compiled", p.downloaded, p.compiled)
	}
}

func TestVersionOfVaultIsARelease(t *testing.T) {
	t.Setenv("APIKEYS_CACHE", t.TempDir())
	for _, version := range []string{"", "1.20.4", "v1.20", "v1.20.4-rc1", "v1.20.4+ent", "latest"} {
		if path, err := VaultVersion(t.Context(), t.Output(), version); err == nil || !strings.Contains(err.Error(), "such as v1.21.2") {
			t.Errorf("%q gives %q, %v", version, path, err)
		}
	}
}

// program writes a shell script and returns its path.
func program(t *testing.T, script string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBuildHappensOnceAndWhole(t *testing.T) {
	t.Setenv("APIKEYS_CACHE", t.TempDir())
	src := module{dir: t.TempDir()}
	for file, text := range map[string]string{
		"go.mod":         "module example.test/tiny\n\ngo 1.26.0\n",
		"go.sum":         "",
		"main.go":        "package main\n\nvar version string\n\nfunc main() { println(version) }\n",
		"static/page.md": "read at run time",
	} {
		path := filepath.Join(src.dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tiny := recipe{name: "tiny", module: "example.test/tiny", version: "main.version", beside: []string{"static"}}

	var log bytes.Buffer
	first, err := tiny.from(t.Context(), &log, src)
	if err != nil {
		t.Fatal(err)
	}
	if page, err := os.ReadFile(filepath.Join(filepath.Dir(first), "static", "page.md")); err != nil || string(page) != "read at run time" {
		t.Errorf("what it reads at run time is not beside it: %q, %v", page, err)
	}
	if !strings.Contains(log.String(), "Building tiny") {
		t.Errorf("the build was not told: %q", log.String())
	}
	log.Reset()
	second, err := tiny.from(t.Context(), &log, src)
	if err != nil || second != first || log.Len() != 0 {
		t.Errorf("the second time gives %q, %v, and tells %q", second, err, log.String())
	}

	if err := os.WriteFile(filepath.Join(src.dir, "main.go"), []byte("package main\n\nfunc main() { nonsense }\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(src.dir, "go.sum"), []byte("\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err = tiny.from(t.Context(), &log, src)
	if err == nil || !strings.Contains(err.Error(), "nonsense") {
		t.Errorf("a build that fails does not say why: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("APIKEYS_CACHE"), "*.unfinished"))
	if err != nil || len(left) > 0 {
		t.Errorf("a build that failed left %v, %v", left, err)
	}
}

func TestNPMInstallsOnceAndWhole(t *testing.T) {
	t.Setenv("APIKEYS_CACHE", t.TempDir())
	bin := t.TempDir()
	t.Setenv("PATH", bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	script := func(name, text string) {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+text+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	script("node", "true")
	script("npm", `test "$1" = ci && mkdir node_modules && cp package-lock.json node_modules/installed && exit; exit 1`)

	var log bytes.Buffer
	first, err := Unleash(t.Context(), &log)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(first, "node_modules", "installed")); err != nil || !strings.Contains(string(text), "unleash-server") {
		t.Errorf("npm did not get the lock file: %v", err)
	}
	if !strings.Contains(log.String(), "Installing Unleash") {
		t.Errorf("the install was not told: %q", log.String())
	}
	log.Reset()
	if second, err := Unleash(t.Context(), &log); err != nil || second != first || log.Len() != 0 {
		t.Errorf("the second time gives %q, %v, and tells %q", second, err, log.String())
	}

	script("npm", "echo no such registry >&2; exit 1")
	if _, err := ExpressGateway(t.Context(), &log); err == nil || !strings.Contains(err.Error(), "no such registry") {
		t.Errorf("an install that fails does not say why: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(os.Getenv("APIKEYS_CACHE"), "*.unfinished"))
	if err != nil || len(left) > 0 {
		t.Errorf("an install that failed left %v, %v", left, err)
	}
}

func TestMissingProgramSaysWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := Unleash(t.Context(), t.Output())
	var missing *Missing
	if !errors.As(err, &missing) || !strings.Contains(err.Error(), "Unleash needs node") || !strings.Contains(err.Error(), "install Node.js") {
		t.Errorf("without node the error is %v", err)
	}
}

func TestLockIsHeldByOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	never := func() { t.Error("it waited for a lock that nobody held") }
	unlock, err := lock(t.Context(), path, never)
	if err != nil {
		t.Fatal(err)
	}

	told := 0
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := lock(ctx, path, func() { told++ }); !errors.Is(err, context.DeadlineExceeded) || told != 1 {
		t.Errorf("a held lock gives %v and told %d times that it waits", err, told)
	}

	unlock()
	unlock, err = lock(t.Context(), path, never)
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

func TestProgressCountsWhatTheGoCommandSays(t *testing.T) {
	p := &progress{began: time.Now()}
	for _, piece := range []string{"go: downloading a v1\ngo: down", "loading b v1\n"} {
		if n, err := p.Write([]byte(piece)); n != len(piece) || err != nil {
			t.Fatal(n, err)
		}
	}
	if got := p.status(); got != "0s, 2 modules downloaded" {
		t.Error(got)
	}
	p.Write([]byte("internal/abi\nruntime\nos\n"))
	if got := p.status(); got != "0s, 3 packages compiled" {
		t.Error(got)
	}
}
