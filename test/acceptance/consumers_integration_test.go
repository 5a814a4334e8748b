//go:build integration

package acceptance

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestConsumersOfAStaticRoleMeetNoRefusal has Vault Agent and consul-template keep
// a file each while the key behind it is rotated, and uses what the files hold all
// the time.
func TestConsumersOfAStaticRoleMeetNoRefusal(t *testing.T) {
	t.Parallel()
	template, err := build.ConsulTemplate(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	c := newConsumers(t)
	files := map[string]string{
		"Vault Agent":     c.start(c.vault.VaultPath(), "agent", "-config="+c.config("agent", c.agentConfig)),
		"consul-template": c.start(template, "-config="+c.config("consul-template", c.templateConfig)),
	}
	const rotations = 2
	seen := map[string]map[string]bool{}
	uses := 0
	vaulttest.Eventually(t, 8*time.Minute, fmt.Sprintf("both have followed %d rotations", rotations), func() (bool, string) {
		all := true
		for name, file := range files {
			key, err := os.ReadFile(file)
			if err != nil {
				return false, err.Error()
			}
			if len(key) == 0 {
				continue // it is being written
			}
			uses++
			if status := c.use(string(key)); status != http.StatusOK {
				t.Errorf("after %d uses the key in %s's file is answered with %d", uses, name, status)
			}
			if seen[name] == nil {
				seen[name] = map[string]bool{}
			}
			seen[name][string(key)] = true
			all = all && len(seen[name]) > rotations
		}
		return all, fmt.Sprint(len(seen["Vault Agent"]), " and ", len(seen["consul-template"]), " keys")
	})
	t.Logf("%d uses, of which none was refused", uses)
}

// consumers are programs that read one static role's key.
type consumers struct {
	t       *testing.T
	vault   *vaulttest.Server
	sandbox *sandbox.Server
	dir     string
}

func newConsumers(t *testing.T) *consumers {
	t.Helper()
	c := &consumers{t: t, vault: vaulttest.Start(t, vaulttest.Options{}), sandbox: sandbox.New(sandbox.Options{}), dir: t.TempDir()}
	web := httptest.NewServer(c.sandbox)
	t.Cleanup(web.Close)
	t.Cleanup(c.sandbox.Close)
	for path, fields := range map[string]map[string]any{
		"apikeys/config/box": {"provider": "sandbox", "base_url": web.URL, "admin_key": c.sandbox.AdminKey(), "allowed_roles": "*"},
	} {
		if _, err := c.vault.Client.Logical().Write(path, fields); err != nil {
			t.Fatal(err)
		}
	}
	_, err := c.vault.Client.Logical().Write("apikeys/static-roles/shared", map[string]any{
		"connection": "box", "scopes": "read", "rotation_period": "60s", "overlap": "30s",
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// template writes the key and nothing else.
const template = `{{ with secret \"apikeys/static-creds/shared\" }}{{ .Data.api_key }}{{ end }}`

func (c *consumers) agentConfig(file string) string {
	return fmt.Sprintf(`
vault { address = %q }
auto_auth {
  method "token_file" { config = { token_file_path = %q } }
}
template {
  contents    = "%s"
  destination = %q
}
`, c.vault.Addr, c.write("token", c.vault.RootToken), template, file)
}

func (c *consumers) templateConfig(file string) string {
	return fmt.Sprintf(`
vault {
  address     = %q
  token       = %q
  renew_token = false
}
template {
  contents    = "%s"
  destination = %q
}
`, c.vault.Addr, c.vault.RootToken, template, file)
}

// config writes a program's configuration, whose template goes to the file beside
// it.
func (c *consumers) config(name string, text func(file string) string) string {
	c.t.Helper()
	return c.write(name+".hcl", text(filepath.Join(c.dir, name+".hcl.key")))
}

func (c *consumers) write(name, text string) string {
	c.t.Helper()
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		c.t.Fatal(err)
	}
	return path
}

// start runs the program until the test ends, and returns the file that it keeps
// once that is there.
func (c *consumers) start(program string, args ...string) string {
	c.t.Helper()
	_, config, _ := strings.Cut(args[len(args)-1], "=")
	file := config + ".key"
	cmd := exec.Command(program, args...)
	cmd.Env = daemon.Environ("VAULT_", "CONSUL_")
	running, err := daemon.Start(c.t.Context(), cmd, config+".log", func(context.Context) error {
		_, err := os.Stat(file)
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		running.Close()
		if c.t.Failed() {
			c.t.Logf("%s said:\n%s", program, lastOf(running.Log(), 4000))
		}
	})
	return file
}

// use is the provider's status for a key.
func (c *consumers) use(key string) int {
	request := httptest.NewRequest("GET", "/v1/data", nil)
	request.Header.Set("Authorization", "Bearer "+key)
	answer := httptest.NewRecorder()
	c.sandbox.ServeHTTP(answer, request)
	return answer.Code
}
