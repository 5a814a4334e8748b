//go:build integration

package acceptance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
	documents "vault-plugin-secrets-apikeys/internal/testbed/page"
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

// TestVaultProxyKeepsOneKeyForAll runs Vault Proxy as docs/consumers.md says: the same
// request is answered with the same key, whose lease the proxy renews, and a static role's
// key is the new one as soon as it is rotated.
func TestVaultProxyKeepsOneKeyForAll(t *testing.T) {
	t.Parallel()
	c := newConsumers(t)
	c.vaultWrite("apikeys/roles/reader", map[string]any{"connection": "box", "scopes": "read", "ttl": "2m", "max_ttl": "1h"})
	ask := c.proxy()

	key := ask("apikeys/creds/reader")
	if again := ask("apikeys/creds/reader"); again != key {
		t.Error("the same request is answered with another key")
	}
	minted := c.keysOf("reader")
	if len(minted) != 1 || minted[0].ExpiresAt == nil {
		t.Fatalf("the provider has the keys %v, want one that ends by itself", minted)
	}
	vaulttest.Eventually(t, 5*time.Minute, "the proxy renews the key's lease", func() (bool, string) {
		now := c.keysOf("reader")
		return len(now) == 1 && now[0].ID == minted[0].ID && now[0].ExpiresAt.After(*minted[0].ExpiresAt), fmt.Sprint(now)
	})
	if again := ask("apikeys/creds/reader"); again != key || c.use(key) != http.StatusOK {
		t.Error("a renewed key is not the one that is answered, or does not work")
	}

	static := ask("apikeys/static-creds/shared")
	c.vaultWrite("apikeys/rotate-role/shared", nil)
	if rotated := ask("apikeys/static-creds/shared"); rotated == static || c.use(rotated) != http.StatusOK {
		t.Error("a static role's key is answered that was rotated, or that does not work")
	}
}

// keysOf are a role's keys at the provider.
func (c *consumers) keysOf(role string) []sandbox.Key {
	return slices.DeleteFunc(c.sandbox.LiveKeys(), func(key sandbox.Key) bool { return !strings.HasPrefix(key.Name, role+"-") })
}

// proxy starts the proxy of the page, and returns how an application asks it.
func (c *consumers) proxy() (ask func(path string) (key string)) {
	c.t.Helper()
	listen, err := daemon.FreeAddresses(1)
	if err != nil {
		c.t.Fatal(err)
	}
	_, block, _ := strings.Cut(documents.Section(c.t, "docs/consumers.md", "## Vault Proxy"), "```hcl\n")
	block, _, found := strings.Cut(block, "```")
	if !found {
		c.t.Fatal("the page has no configuration of the proxy")
	}
	for text, here := range map[string]string{"https://vault.example.com:8200": c.vault.Addr, "127.0.0.1:8100": listen[0]} {
		if !strings.Contains(block, text) {
			c.t.Fatalf("the page's proxy does not have %s", text)
		}
		block = strings.Replace(block, text, here, 1)
	}
	c.appRole("application")
	cmd := exec.Command(c.vault.VaultPath(), "proxy", "-config="+c.write("proxy.hcl", block))
	cmd.Dir, cmd.Env = c.dir, daemon.Environ("VAULT_")
	ask = func(path string) string {
		c.t.Helper()
		key, err := askProxy(c.t.Context(), listen[0], path)
		if err != nil {
			c.t.Fatal(err)
		}
		return key
	}
	running, err := daemon.Start(c.t.Context(), cmd, filepath.Join(c.dir, "proxy.log"), func(ctx context.Context) error {
		_, err := askProxy(ctx, listen[0], "apikeys/static-creds/shared")
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		running.Close()
		if c.t.Failed() {
			c.t.Logf("the proxy said:\n%s", lastOf(running.Log(), 4000))
		}
	})
	return ask
}

// askProxy reads a key from a proxy as an application does, without a token.
func askProxy(ctx context.Context, address, path string) (key string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/v1/"+path, nil)
	if err != nil {
		return "", err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	var told struct {
		Data struct {
			Key string `json:"api_key"`
		}
		Errors []string
	}
	if err := json.NewDecoder(answer.Body).Decode(&told); err != nil {
		return "", err
	}
	if told.Data.Key == "" {
		return "", fmt.Errorf("%s: %s, %v", path, answer.Status, told.Errors)
	}
	return told.Data.Key, nil
}

// appRole lays the role id and the secret id of an application beside the configuration.
func (c *consumers) appRole(name string) {
	c.t.Helper()
	policy, err := os.ReadFile("../../examples/policies/application.hcl")
	if err != nil {
		c.t.Fatal(err)
	}
	sys := c.vault.Client.Sys()
	if err := errors.Join(sys.PutPolicy(name, string(policy)), sys.EnableAuthWithOptions("approle", &api.EnableAuthOptions{Type: "approle"})); err != nil {
		c.t.Fatal(err)
	}
	c.vaultWrite("auth/approle/role/"+name, map[string]any{"token_policies": name, "token_ttl": "1h"})
	role, err := c.vault.Client.Logical().Read("auth/approle/role/" + name + "/role-id")
	if err != nil {
		c.t.Fatal(err)
	}
	c.write("role-id", role.Data["role_id"].(string))
	c.write("secret-id", c.vaultWrite("auth/approle/role/"+name+"/secret-id", nil).Data["secret_id"].(string))
}

func (c *consumers) vaultWrite(path string, fields map[string]any) *api.Secret {
	c.t.Helper()
	answer, err := c.vault.Client.Logical().Write(path, fields)
	if err != nil {
		c.t.Fatal(err)
	}
	return answer
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
