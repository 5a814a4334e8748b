//go:build chaos

package chaos

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestChaosRestoredBesideItsOriginal restores a snapshot that was just taken into
// a second Vault, while the original goes on minting, renewing and rotating. The
// copy's own Vault takes every lease for over, and may end none of their keys.
// Then the original is killed, and the copy claimed: it carries on.
func TestChaosRestoredBesideItsOriginal(t *testing.T) {
	t.Parallel()
	const ttl = 30 * time.Second
	original := startEngine(t, 1, vaulttest.Options{LogLevel: "info"})
	p := startProvider(t)
	original.connect("app", "sandbox", p, fields{"request_timeout": "5s", "allowed_roles": "*"}, fields{"ttl": ttl.String(), "max_ttl": "1h"})
	original.write("static-roles/legacy", fields{"connection": "app", "scopes": "read", "rotation_period": "1m", "overlap": "2m"})
	copied := startEngine(t, 1, vaulttest.Options{LogLevel: "info", Bare: true, Plugin: original.PluginPath()})

	leases := original.mintMany(p, "app", 5)
	snapshot, err := original.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := copied.Restore(t.Context(), snapshot, original.Cluster.Cluster); err != nil {
		t.Fatal(err)
	}
	copied.Client = copied.NewClient(copied.RootToken)

	vaulttest.Eventually(t, 6*time.Minute, "the copy takes itself for one", func() (bool, string) {
		l, err := original.mint(t.Context(), p, "app")
		if err != nil {
			t.Fatalf("minting on the original: %v", err)
		}
		leases = append(leases, l)
		leases = slices.DeleteFunc(leases, func(l *lease) bool {
			return l.remains() < ttl/2 && original.renewedTooLate(t, l)
		})
		for _, l := range leases {
			if l.broken() {
				t.Fatalf("the key %q is dead and its lease on the original is not", l.keyName)
			}
		}
		answer, err := original.read("static-creds/legacy")
		if err != nil || !p.accepts(answer.Data["api_key"].(string)) {
			t.Fatalf("the original's static role has no key that works (%v)", err)
		}
		told, err := copied.read("ownership")
		if err != nil {
			return false, err.Error()
		}
		return told.Data["state"] == "passive", fmt.Sprint(told.Data)
	})
	told, err := copied.read("ownership")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("the copy: %v", told.Data)
	if answer, err := original.read("ownership"); err != nil || answer.Data["state"] != "active" {
		t.Errorf("the original: %v, %v", answer, err)
	}
	if _, err := original.Client.Logical().WriteWithContext(t.Context(), mount+"/check/app", nil); err != nil {
		t.Errorf("the original's admin credential does not work: %v", err)
	}

	original.Nodes[0].Kill()
	before := len(p.undeleted())
	copied.write("ownership/claim", nil)
	vaulttest.Eventually(t, 2*time.Minute, "the copy carries on", func() (bool, string) {
		left := len(p.undeleted())
		return left < before, fmt.Sprintf("%d of %d keys are left", left, before)
	})
	copied.write("rotate-role/legacy", nil)
	if l, err := copied.mint(t.Context(), p, "app"); err != nil || !p.accepts(l.secret) {
		t.Errorf("the copy mints no key that works: %v", err)
	}
}

// renewedTooLate renews a lease. On a busy machine it may have ended before that, and is
// held no longer.
func (e *engine) renewedTooLate(t *testing.T, l *lease) bool {
	t.Helper()
	err := e.renew(t.Context(), l)
	if err != nil && l.remains() > 0 {
		t.Fatalf("renewing on the original: %v", err)
	}
	return err != nil
}
