package vaulttest_test

import (
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/testbed/vault"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

func TestServerKeepsItsStorage(t *testing.T) {
	server := vaulttest.Start(t, vaulttest.Options{Audit: true})
	if _, err := server.Client.Logical().Write("sys/policies/acl/kept", map[string]any{"policy": `path "x" {}`}); err != nil {
		t.Fatal(err)
	}
	for _, end := range []func(){server.Kill9, server.Stop} {
		end()
		if _, err := server.Client.Sys().Health(); err == nil {
			t.Fatal("Vault answers after its end")
		}
		server.Restart()
		if policy, err := server.Client.Sys().GetPolicy("kept"); err != nil || policy == "" {
			t.Fatalf("the policy is gone after a restart: %q, %v", policy, err)
		}
	}
	if !strings.Contains(server.AuditLog(), "sys/policies/acl/kept") {
		t.Error("the audit log lacks the request that was made")
	}
}

func TestServerRunsThePlugin(t *testing.T) {
	server := vaulttest.Start(t, vaulttest.Options{
		Config:   api.MountConfigInput{MaxLeaseTTL: "2h"},
		Settings: map[string]string{"tick_interval": "1s"},
	})
	mounts, err := server.Client.Sys().ListMounts()
	if err != nil {
		t.Fatal(err)
	}
	mount := mounts["apikeys/"]
	if mount == nil {
		t.Fatalf("the plugin is not mounted; mounts: %v", mounts)
	}
	if mount.Type != vault.PluginName || mount.Config.MaxLeaseTTL != 7200 || mount.Options["tick_interval"] != "1s" {
		t.Errorf("it is mounted otherwise than asked for: %+v", mount)
	}
	if len(plugins(t, server.Cluster)) == 0 {
		t.Error("no plugin process runs")
	}
	server.Kill9()
	if left := plugins(t, server.Cluster); len(left) != 0 {
		t.Errorf("plugin processes outlived their Vault: %v", left)
	}
}

func TestClusterSurvivesTheLossOfItsActiveNode(t *testing.T) {
	cluster := vaulttest.StartCluster(t, 3, vaulttest.Options{})
	first := cluster.KillActive()
	vaulttest.Eventually(t, 30*time.Second, "the client reaches the new active node", func() (bool, string) {
		err := cluster.Client.Sys().PutPolicy("after", `path "x" {}`)
		return err == nil, errorText(err)
	})
	if now := cluster.Active(); now == first {
		t.Fatalf("%s is active and dead", now.ID)
	}
	cluster.Restart(first)
	standby, err := first.Client(cluster.RootToken)
	if err != nil {
		t.Fatal(err)
	}
	vaulttest.Eventually(t, 30*time.Second, "the restarted node answers through the active one", func() (bool, string) {
		policy, err := standby.Sys().GetPolicy("after")
		return err == nil && policy != "", errorText(err)
	})
}

// plugins returns the ids of the plugin processes that this cluster runs.
func plugins(t *testing.T, c *vaulttest.Cluster) []int {
	t.Helper()
	out, err := exec.Command("ps", "-eo", "pid=,args=").Output()
	if errors.Is(err, exec.ErrNotFound) {
		t.Skip("without ps the plugin's processes cannot be seen")
	}
	if err != nil {
		t.Fatal(err)
	}
	var found []int
	for line := range strings.Lines(string(out)) {
		pid, args, _ := strings.Cut(strings.TrimSpace(line), " ")
		if strings.HasPrefix(strings.TrimSpace(args), c.PluginPath()) {
			id, _ := strconv.Atoi(pid)
			found = append(found, id)
		}
	}
	return found
}

func errorText(err error) string {
	if err == nil {
		return "no error"
	}
	return err.Error()
}
