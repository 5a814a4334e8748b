//go:build integration

package acceptance

import (
	"path/filepath"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/vault"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestRollingUpgrade brings another version to three nodes, one after another, with
// a restart of each as a new Vault or a new configuration needs it, has the mount run
// it, and goes back: keys that are held work on and can be ended, whichever node
// leads and whichever version runs.
func TestRollingUpgrade(t *testing.T) {
	t.Parallel()
	u := newRollingUpgrade(t, "v0.1.0")
	first := u.mint()
	fixed := u.read("static-creds/fixed")["api_key"]

	built := filepath.Join(t.TempDir(), "v0.2.0")
	u.build(built, "v0.2.0")
	u.roll(func(node *vault.Node) {
		copyFile(t, built, filepath.Join(node.PluginDirectory(), "v0.2.0"))
	})
	u.runs("v0.1.0") // a folder that holds another version changes nothing
	u.works(first)
	second := u.mint()

	u.register(built, "v0.2.0")
	u.run("v0.2.0")
	u.works(first)
	third := u.mint()
	u.ends(first)
	u.handOver()
	u.runs("v0.2.0")
	u.works(third)
	u.ends(second)

	u.run("v0.1.0")
	u.works(third)
	u.handOver()
	u.runs("v0.1.0")
	fourth := u.mint()
	u.ends(third)
	u.ends(fourth)
	if now := u.read("static-creds/fixed")["api_key"]; now != fixed {
		t.Error("the static role's key was rotated on the way")
	}
	if left := u.sandbox.LiveKeys(); len(left) != 1 {
		t.Errorf("the provider holds %d keys, want the static role's alone", len(left))
	}
}

// newRollingUpgrade is a mount on three nodes, with a folder of plugins each.
func newRollingUpgrade(t *testing.T, version string) *upgrade {
	t.Helper()
	built := filepath.Join(t.TempDir(), version)
	u := &upgrade{t: t}
	u.build(built, version)
	u.vault = vaulttest.StartCluster(t, 3, vaulttest.Options{Bare: true, Apart: true, Plugin: built})
	for _, node := range u.vault.Nodes {
		copyFile(t, built, filepath.Join(node.PluginDirectory(), version))
	}
	u.register(built, version)
	u.mount(version)
	return u
}

// roll does something to each node while it stands still, the active one last.
func (u *upgrade) roll(do func(*vault.Node)) {
	u.t.Helper()
	active := u.vault.Active()
	for _, node := range u.vault.Nodes {
		if node != active {
			u.restart(node, do)
		}
	}
	u.restart(active, do)
}

func (u *upgrade) restart(node *vault.Node, do func(*vault.Node)) {
	u.t.Helper()
	u.must(node.Stop())
	do(node)
	u.vault.Restart(node)
	u.answers()
}

// handOver has another node lead.
func (u *upgrade) handOver() {
	u.t.Helper()
	active := u.vault.Active()
	u.restart(active, func(*vault.Node) {})
	if u.vault.Active() == active {
		u.t.Errorf("%s leads again", active.ID)
	}
}

// answers waits until the mount serves again: a new leader takes a moment.
func (u *upgrade) answers() {
	u.t.Helper()
	vaulttest.Eventually(u.t, soon, "the mount answers", func() (bool, string) {
		info, err := u.vault.Client.Logical().Read("apikeys/info")
		if err != nil || info == nil {
			return false, "no answer"
		}
		return info.Data["passive"] == false, "it is passive"
	})
}
