//go:build integration

package acceptance

import (
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/build"
	"vault-plugin-secrets-apikeys/internal/testbed/daemon"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestTerraform does what examples/terraform/README.md says, with its main.tf.
func TestTerraform(t *testing.T) {
	t.Parallel()
	f := newTerraform(t)
	f.run("apply", "-auto-approve")
	f.settled("after an apply")

	f.run("state", "rm", "vault_mount.apikeys")
	f.run("import", "vault_mount.apikeys", "apikeys")
	f.settled("after an import")

	f.run("apply", "-auto-approve", "-var=ttl=1800")
	if got := fmt.Sprint(f.read("roles/reader")["ttl"]); got != "1800" {
		t.Errorf("after a change ttl is %s", got)
	}

	f.write("rotate-root/box")
	f.settled("after a rotation", "-var=ttl=1800")
	f.run("apply", "-auto-approve", "-var=ttl=1800", "-var=request_timeout=20")
	f.write("check/box") // with the credential of the rotation

	f.mint()
	f.mint()
	f.run("destroy", "-auto-approve")
	if left := f.sandbox.LiveKeys(); len(left) != 0 {
		t.Errorf("destroying left %d keys at the provider", len(left))
	}
}

// TestTerraformDestroysOnceTheProviderIsBack: nothing is lost meanwhile.
func TestTerraformDestroysOnceTheProviderIsBack(t *testing.T) {
	t.Parallel()
	f := newTerraform(t)
	f.run("apply", "-auto-approve", "-target=vault_generic_endpoint.reader")
	f.mint()
	always := 0
	down := sandbox.Fault{Kind: sandbox.Status, Status: 503, Count: &always}
	if err := f.sandbox.AddFault(down); err != nil {
		t.Fatal(err)
	}
	if out, err := f.command("destroy", "-auto-approve"); err == nil {
		t.Errorf("the mount was destroyed while its keys could not be ended:\n%s", out)
	}
	if left := f.sandbox.LiveKeys(); len(left) != 1 {
		t.Errorf("the provider has %d keys, want the one that could not be ended", len(left))
	}
	f.sandbox.ClearFaults()
	vaulttest.Eventually(t, 3*time.Minute, "the mount can be destroyed", func() (bool, string) {
		out, err := f.command("destroy", "-auto-approve")
		return err == nil, lastOf(out, 1000)
	})
	if left := f.sandbox.LiveKeys(); len(left) != 0 {
		t.Errorf("destroying left %d keys at the provider", len(left))
	}
}

// terraform is a copy of the example beside a Vault that knows the plugin.
type terraform struct {
	t       *testing.T
	vault   *vaulttest.Server
	sandbox *sandbox.Server
	program string
	url     string // of the sandbox
	dir     string
	env     []string
}

func newTerraform(t *testing.T) *terraform {
	t.Helper()
	program, err := build.Terraform(t.Context(), os.Stderr)
	needs(t, "Terraform", err)
	provider, err := build.TerraformProvider(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	f := &terraform{
		t: t, program: program, dir: t.TempDir(), sandbox: sandbox.New(sandbox.Options{}),
		vault: vaulttest.Start(t, vaulttest.Options{Bare: true}),
	}
	if err := f.vault.Register(t.Context()); err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(f.sandbox)
	t.Cleanup(web.Close)
	t.Cleanup(f.sandbox.Close)
	f.url = web.URL
	copyFile(t, "../../examples/terraform/main.tf", filepath.Join(f.dir, "main.tf"))
	// The provider is used where it lies, so nothing is to be downloaded.
	settings := filepath.Join(t.TempDir(), "terraform.rc")
	text := fmt.Sprintf("provider_installation {\n  dev_overrides { \"hashicorp/vault\" = %q }\n  direct {}\n}\n", filepath.Dir(provider))
	if err := os.WriteFile(settings, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	f.env = append(daemon.Environ("VAULT_", "TF_"),
		"TF_CLI_CONFIG_FILE="+settings, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1", "HOME="+t.TempDir(),
		"VAULT_ADDR="+f.vault.Addr, "VAULT_TOKEN="+f.vault.RootToken,
		"TF_VAR_base_url="+web.URL, "TF_VAR_admin_key="+f.sandbox.AdminKey())
	return f
}

func (f *terraform) command(command string, args ...string) (string, error) {
	cmd := exec.CommandContext(f.t.Context(), f.program, append([]string{command}, args...)...)
	cmd.Args = append(cmd.Args[:len(cmd.Args):len(cmd.Args)], "-no-color")
	if command == "state" || command == "import" {
		cmd.Args = append([]string{f.program, command}, args...)
	}
	cmd.Dir, cmd.Env = f.dir, f.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (f *terraform) run(command string, args ...string) {
	f.t.Helper()
	if out, err := f.command(command, args...); err != nil {
		f.t.Fatalf("terraform %s %s: %v\n%s", command, strings.Join(args, " "), err, out)
	}
}

// settled plans again, which must come to nothing.
func (f *terraform) settled(when string, args ...string) {
	f.t.Helper()
	if out, err := f.command("plan", append(args, "-detailed-exitcode")...); err != nil {
		f.t.Errorf("%s a plan finds changes: %v\n%s", when, err, out)
	}
}

func (f *terraform) read(path string) map[string]any {
	f.t.Helper()
	answer, err := f.vault.Client.Logical().Read("apikeys/" + path)
	if err != nil {
		f.t.Fatal(err)
	}
	return answer.Data
}

func (f *terraform) write(path string) {
	f.t.Helper()
	f.writeFields(path, nil)
}

func (f *terraform) writeFields(path string, fields map[string]any) {
	f.t.Helper()
	if _, err := f.vault.Client.Logical().Write("apikeys/"+path, fields); err != nil {
		f.t.Fatalf("%s: %v", path, err)
	}
}

func (f *terraform) mint() *api.Secret {
	f.t.Helper()
	key, err := f.vault.Client.Logical().Read("apikeys/creds/reader")
	if err != nil {
		f.t.Fatal(err)
	}
	return key
}
