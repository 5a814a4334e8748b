package examples

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestVaultAgent watches the file that the agent writes until its first key has
// come to its last end.
func TestVaultAgent(t *testing.T) {
	x := newExample(t, "vault-agent", map[string]any{"ttl": "4s", "max_ttl": "10s"})
	steps := x.steps()
	agent := steps[len(steps)-1]
	for _, step := range steps[:len(steps)-1] {
		x.run(step, "VAULT_TOKEN="+x.vault.RootToken)
	}
	x.start(agent, "app.env") // with no token but what it gets for its secret id

	first := x.keyIn("app.env", "")
	for _, holder := range x.holders() {
		if holder != "approle" {
			t.Errorf("the key is held by %q, want the agent", holder)
		}
	}
	x.keyIn("app.env", first)
	vaulttest.Eventually(t, time.Minute, "the first key dies", func() (bool, string) {
		return !x.accepts(first), ""
	})
	if left, err := filepath.Glob(filepath.Join(x.dir, "secret-id")); err != nil || len(left) > 0 {
		t.Errorf("the secret id lies about: %v, %v", left, err)
	}
}

// example is a folder's copy, beside a Vault that has the role "reader" of which
// the READMEs speak.
type example struct {
	t       *testing.T
	dir     string
	bin     string // a folder with vault in it
	vault   *vaulttest.Server
	sandbox *sandbox.Server
}

func newExample(t *testing.T, folder string, role map[string]any) *example {
	t.Helper()
	x := &example{t: t, dir: t.TempDir(), bin: t.TempDir(), vault: vaulttest.Start(t, vaulttest.Options{}), sandbox: sandbox.New(sandbox.Options{})}
	if err := os.CopyFS(x.dir, os.DirFS(folder)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(x.vault.VaultPath(), filepath.Join(x.bin, "vault")); err != nil {
		t.Fatal(err)
	}
	front := httptest.NewServer(x.sandbox)
	t.Cleanup(front.Close)
	t.Cleanup(x.sandbox.Close)
	x.write("config/sandbox", map[string]any{
		"provider": "sandbox", "base_url": front.URL, "admin_key": x.sandbox.AdminKey(), "allowed_roles": "reader",
	})
	role["connection"], role["scopes"] = "sandbox", "read"
	x.write("roles/reader", role)
	return x
}

func (x *example) write(path string, fields map[string]any) {
	x.t.Helper()
	if _, err := x.vault.Client.Logical().WriteWithContext(x.t.Context(), "apikeys/"+path, fields); err != nil {
		x.t.Fatalf("writing %s: %v", path, err)
	}
}

// steps are the shell commands of the README, block by block.
func (x *example) steps() []string {
	x.t.Helper()
	text, err := os.ReadFile(filepath.Join(x.dir, "README.md"))
	if err != nil {
		x.t.Fatal(err)
	}
	var steps []string
	for _, block := range regexp.MustCompile("(?s)\n```sh\n(.*?)\n```\n").FindAllSubmatch(text, -1) {
		steps = append(steps, string(block[1]))
	}
	if len(steps) == 0 {
		x.t.Fatal("the README has no commands")
	}
	return steps
}

// command runs a step in the folder, with vault on the PATH.
func (x *example) command(step string, settings ...string) *exec.Cmd {
	cmd := exec.CommandContext(x.t.Context(), "bash", "-euo", "pipefail", "-c", step)
	cmd.Dir = x.dir
	cmd.Env = append(daemon.Environ("VAULT_"), settings...)
	cmd.Env = append(cmd.Env,
		"VAULT_ADDR="+x.vault.Addr,
		"PATH="+x.bin+string(os.PathListSeparator)+os.Getenv("PATH"))
	return cmd
}

func (x *example) run(step string, settings ...string) {
	x.t.Helper()
	if out, err := x.command(step, settings...).CombinedOutput(); err != nil {
		x.t.Fatalf("%s\n%v\n%s", step, err, out)
	}
}

// start runs a step that goes on until the test ends, and waits until it has
// written the file.
func (x *example) start(step, file string) {
	x.t.Helper()
	running, err := daemon.Start(x.t.Context(), x.command(step), filepath.Join(x.t.TempDir(), "log"), func(context.Context) error {
		_, err := os.Stat(filepath.Join(x.dir, file))
		return err
	})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() {
		running.Close()
		if x.t.Failed() {
			x.t.Logf("%s said:\n%s", step, running.Log())
		}
	})
}

// keyIn waits until a file sets API_KEY to another value that the provider
// accepts.
func (x *example) keyIn(file, other string) (key string) {
	x.t.Helper()
	vaulttest.Eventually(x.t, time.Minute, "a new key is in "+file, func() (bool, string) {
		text, err := os.ReadFile(filepath.Join(x.dir, file))
		if err != nil {
			return false, err.Error()
		}
		key = strings.TrimPrefix(strings.TrimSpace(string(text)), "API_KEY=")
		return key != other && x.accepts(key), fmt.Sprintf("%d bytes", len(text))
	})
	return key
}

// accepts says whether the provider takes the key.
func (x *example) accepts(key string) bool {
	request := httptest.NewRequest("GET", "/v1/whoami", nil)
	request.Header.Set("Authorization", "Bearer "+key)
	answer := httptest.NewRecorder()
	x.sandbox.ServeHTTP(answer, request)
	return answer.Code == 200
}

// holders are the display names of all who hold a key.
func (x *example) holders() []string {
	x.t.Helper()
	list, err := x.vault.Client.Logical().ListWithContext(x.t.Context(), "apikeys/keys")
	if err != nil || list == nil {
		x.t.Fatalf("listing the keys: %v, %v", list, err)
	}
	var holders []string
	for _, info := range list.Data["key_info"].(map[string]any) {
		holders = append(holders, fmt.Sprint(info.(map[string]any)["display_name"]))
	}
	return holders
}
