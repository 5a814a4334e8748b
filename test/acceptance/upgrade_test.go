package acceptance

import (
	"fmt"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/vault"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestUpgradeUnderLiveLeases moves a mount from one build to another and back, as
// docs/install.md says, while keys are held: none is lost, and each can be renewed
// and ended by whichever build runs.
func TestUpgradeUnderLiveLeases(t *testing.T) {
	t.Parallel()
	u := newUpgrade(t, "v0.1.0", "v0.2.0")
	before := u.mint()
	fixed := u.read("static-creds/fixed")["api_key"]

	u.run("v0.2.0")
	u.works(before)
	if now := u.read("static-creds/fixed")["api_key"]; now != fixed {
		t.Error("the upgrade rotated the static role's key")
	}
	between := u.mint()
	u.ends(before)

	u.run("v0.1.0")
	u.works(between)
	after := u.mint()
	u.ends(between)
	u.ends(after)
	if left := u.sandbox.LiveKeys(); len(left) != 1 {
		t.Errorf("the provider holds %d keys, want the static role's alone", len(left))
	}
}

// upgrade is a mount of which several builds are at hand.
type upgrade struct {
	t       *testing.T
	vault   *vaulttest.Cluster
	sandbox *sandbox.Server
}

func newUpgrade(t *testing.T, versions ...string) *upgrade {
	t.Helper()
	plugins := t.TempDir()
	u := &upgrade{t: t}
	u.vault = vaulttest.StartCluster(t, 1, vaulttest.Options{Bare: true, Plugin: filepath.Join(plugins, versions[0])})
	for _, version := range versions {
		built := filepath.Join(plugins, version)
		u.build(built, version)
		u.register(built, version)
	}
	u.mount(versions[0])
	return u
}

// mount mounts that version, with a role and a static role at a provider.
func (u *upgrade) mount(version string) {
	u.t.Helper()
	u.sandbox = sandbox.New(sandbox.Options{})
	web := httptest.NewServer(u.sandbox)
	u.t.Cleanup(web.Close)
	u.t.Cleanup(u.sandbox.Close)
	u.must(u.vault.Client.Sys().Mount("apikeys", &api.MountInput{
		Type: vault.PluginName, Config: api.MountConfigInput{PluginVersion: version},
	}))
	u.write("config/box", map[string]any{
		"provider": "sandbox", "base_url": web.URL, "admin_key": u.sandbox.AdminKey(), "allowed_roles": "*",
	})
	u.write("roles/reader", map[string]any{"connection": "box", "scopes": "read", "ttl": "10m", "max_ttl": "1h"})
	u.write("static-roles/fixed", map[string]any{"connection": "box", "scopes": "read"})
	u.runs(version)
}

// build builds the plugin as that version.
func (u *upgrade) build(path, version string) {
	u.t.Helper()
	build := exec.Command("go", "build", "-ldflags", "-X "+vault.PluginName+"/backend.Version="+version, "-o", path, "../../cmd/"+vault.PluginName)
	build.Env = append(build.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		u.t.Fatalf("%v\n%s", err, out)
	}
}

// register tells Vault of a version that was built.
func (u *upgrade) register(path, version string) {
	u.t.Helper()
	sum, err := vault.Checksum(path)
	u.must(err)
	u.must(u.vault.Client.Sys().RegisterPlugin(&api.RegisterPluginInput{
		Name: vault.PluginName, Type: api.PluginTypeSecrets, Command: version, SHA256: sum, Version: version,
	}))
}

// run has the mount run that version from now on.
func (u *upgrade) run(version string) {
	u.t.Helper()
	u.must(u.vault.Client.Sys().TuneMountAllowNil("apikeys", api.TuneMountConfigInput{PluginVersion: &version}))
	_, err := u.vault.Client.Sys().ReloadPlugin(&api.ReloadPluginInput{Plugin: vault.PluginName, Scope: "global"})
	u.must(err)
	u.runs(version)
}

func (u *upgrade) runs(version string) {
	u.t.Helper()
	info := u.read("info")
	if info["version"] != version || info["passive"] != false {
		u.t.Fatalf("it runs %v, passive %v; want %s, acting", info["version"], info["passive"], version)
	}
}

func (u *upgrade) mint() *api.Secret {
	u.t.Helper()
	key, err := u.vault.Client.Logical().Read("apikeys/creds/reader")
	u.must(err)
	u.works(key)
	return key
}

// works renews the key's lease and looks for it where it is held.
func (u *upgrade) works(key *api.Secret) {
	u.t.Helper()
	if _, err := u.vault.Client.Sys().Renew(key.LeaseID, 600); err != nil {
		u.t.Errorf("renewing a key of another build: %v", err)
	}
	if !u.alive(key) {
		u.t.Error("the provider refuses a key that is held")
	}
	holder, err := u.vault.Client.Logical().Write("apikeys/lookup-key", map[string]any{"value": key.Data["api_key"]})
	u.must(err)
	if holder.Data["key_name"] != key.Data["key_name"] {
		u.t.Errorf("the key %v is known as %v", key.Data["key_name"], holder.Data["key_name"])
	}
}

func (u *upgrade) ends(key *api.Secret) {
	u.t.Helper()
	u.must(u.vault.Client.Sys().Revoke(key.LeaseID))
	vaulttest.Eventually(u.t, soon, "the key is dead", func() (bool, string) { return !u.alive(key), "it works" })
}

func (u *upgrade) alive(key *api.Secret) bool {
	for _, live := range u.sandbox.LiveKeys() {
		if live.Name == key.Data["key_name"] {
			return true
		}
	}
	return false
}

func (u *upgrade) read(path string) map[string]any {
	u.t.Helper()
	answer, err := u.vault.Client.Logical().Read("apikeys/" + path)
	u.must(err)
	return answer.Data
}

func (u *upgrade) write(path string, fields map[string]any) {
	u.t.Helper()
	if _, err := u.vault.Client.Logical().Write("apikeys/"+path, fields); err != nil {
		u.t.Fatal(fmt.Errorf("writing %s: %w", path, err))
	}
}

func (u *upgrade) must(err error) {
	u.t.Helper()
	if err != nil {
		u.t.Fatal(err)
	}
}
