package docs

import (
	"context"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
	"vault-plugin-secrets-apikeys/internal/testbed/vault"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

const root = "../.."

// pages are all documents that show commands. Those of examples are followed by the tests
// of that package; those of docs/providers are pasted by the tests of paths, up to the
// provider.
func pages(t *testing.T) []*page {
	t.Helper()
	var found []*page
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md", "docs/definitions/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name, err := filepath.Rel(root, file)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, readPage(t, filepath.ToSlash(name)))
		}
	}
	return found
}

// exceptions are how many blocks of a page are not run here, each with its reason
// beside it: other tests follow them (README.md, tutorial.md, definition-tests.md), they
// run the tests themselves, or they need what the machine cannot have.
var exceptions = map[string]int{
	"README.md":                1,
	"CONTRIBUTING.md":          1,
	"docs/compatibility.md":    2,
	"docs/consumers.md":        1,
	"docs/definition-tests.md": 1,
	"docs/events.md":           1,
	"docs/install.md":          2,
	"docs/openbao.md":          1,
	"docs/reliability.md":      2,
	"docs/tutorial.md":         8,
}

// TestEveryCommandIsTriedOrSaysWhyNot reads the pages alone.
func TestEveryCommandIsTriedOrSaysWhyNot(t *testing.T) {
	tried, untried := 0, map[string]int{}
	for _, p := range pages(t) {
		tried += p.runs()
		for _, b := range p.blocks {
			if b.notRun != "" {
				untried[p.file]++
			}
			if b.notRun != "" && len(strings.Fields(b.notRun)) < 3 {
				t.Errorf("%s:%d: %q is no reason", p.file, b.line, b.notRun)
			}
		}
	}
	if tried < 8 {
		t.Errorf("%d blocks are tried", tried)
	}
	if !maps.Equal(untried, exceptions) {
		t.Errorf("these pages have blocks that are not run: %v, and not %v", untried, exceptions)
	}
}

// TestPages does what each page says, at one Vault for all of them.
func TestPages(t *testing.T) {
	if testing.Short() {
		t.Skip("it needs a Vault, which -short leaves out")
	}
	w := newWorkplace(t)
	for _, p := range pages(t) {
		if p.runs() > 0 {
			t.Run(strings.TrimSuffix(filepath.Base(p.file), ".md"), func(t *testing.T) { w.follow(t, p) })
		}
	}
}

// workplace is what a reader has: the sources, a Vault, and a provider.
type workplace struct {
	vault *vaulttest.Server
	bin   string // a folder with vault in it
}

func newWorkplace(t *testing.T) *workplace {
	t.Helper()
	w := &workplace{bin: t.TempDir(), vault: vaulttest.Start(t, vaulttest.Options{Bare: true})}
	if err := os.Symlink(w.vault.VaultPath(), filepath.Join(w.bin, "vault")); err != nil {
		t.Fatal(err)
	}
	return w
}

// follow runs a page's blocks in a copy of the sources.
func (w *workplace) follow(t *testing.T, p *page) {
	if !p.bare {
		w.mount(t)
	}
	box := sandbox.New(sandbox.Options{ControlToken: "control-token"})
	front := httptest.NewServer(box)
	t.Cleanup(front.Close)
	t.Cleanup(box.Close)
	t.Cleanup(func() { w.unmount(t) }) // while the provider can still be asked to end keys

	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-c", p.script())
	cmd.Dir = sources(t)
	cmd.Env = append(daemon.Environ("VAULT_", "VERSION", "SANDBOX_"),
		"VAULT_ADDR="+w.vault.Addr, "VAULT_TOKEN="+w.vault.RootToken,
		"SANDBOX_URL="+front.URL, "SANDBOX_ADMIN_KEY="+box.AdminKey(),
		"PLATFORMS="+runtime.GOOS+"/"+runtime.GOARCH, "SBOM=no", "COMMIT=none",
		"PATH="+w.bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	// What the page leaves running is killed, and holds no pipe of ours.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	kill := func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.Cancel = kill
	log := filepath.Join(t.TempDir(), "log")
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	kill()
	if err != nil {
		said, _ := os.ReadFile(log)
		t.Errorf("%s: %v\n%s", p.file, err, tail(string(said)))
	}
}

// mount mounts the plugin as most pages take it to be.
func (w *workplace) mount(t *testing.T) {
	t.Helper()
	if err := w.vault.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.vault.Client.Sys().Mount("apikeys", &api.MountInput{Type: vault.PluginName}); err != nil {
		t.Fatal(err)
	}
}

// unmount ends what a page leaves.
func (w *workplace) unmount(t *testing.T) {
	t.Helper()
	mounts, err := w.vault.Client.Sys().ListMounts()
	if err == nil && mounts["apikeys/"] != nil {
		err = w.vault.Client.Sys().Unmount("apikeys")
	}
	if err != nil {
		t.Errorf("unmounting the plugin: %v", err)
	}
}

// sources is a copy of what git tracks, in which a page may build and write.
func sources(t *testing.T) string {
	t.Helper()
	copied := t.TempDir()
	out, err := exec.Command("bash", "-c", `cd "$1" && git ls-files -z | xargs -0 cp --parents -t "$2"`, "copy", root, copied).CombinedOutput()
	if err != nil {
		t.Fatalf("copying the sources: %v\n%s", err, out)
	}
	return copied
}

func tail(text string) string {
	const shown = 4000
	return text[max(0, len(text)-shown):]
}
