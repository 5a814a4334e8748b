//go:build chaos

package chaos

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestChaosHangingProvider: Vault's revocation workers are shared by all leases
// of a mount, and a provider that takes connections and never answers must not
// occupy them. The leases of another connection are revoked on time meanwhile,
// and its own when it returns.
func TestChaosHangingProvider(t *testing.T) {
	t.Parallel()
	const (
		count = 300
		ttl   = 60 * time.Second
		bound = 30 * time.Second
	)
	e := startEngine(t, 1, vaulttest.Options{LogLevel: "info"})
	healthy, hanging := startProvider(t), startProvider(t)
	role := fields{"ttl": ttl.String()}
	e.connect("healthy", "sandbox", healthy, nil, role)
	e.connect("hanging", "sandbox", hanging, nil, role)

	// Those of the provider that will hang come first, so that they are first
	// in every line.
	e.mintMany(hanging, "hanging", count)
	leases := e.mintMany(healthy, "healthy", count)
	hanging.always(sandbox.Fault{Kind: sandbox.Hang})
	if alive := len(hanging.undeleted()); alive != count {
		t.Fatalf("%d of %d keys are alive at the provider that is going to hang", alive, count)
	}

	vaulttest.Eventually(t, ttl+bound, "the healthy provider's keys are revoked", func() (bool, string) {
		left := len(healthy.undeleted())
		return left == 0, fmt.Sprintf("%d are left, %d requests hang", left, hanging.State().Waiting)
	})
	late := lateness(t, healthy, leases)
	t.Logf("%d keys were revoked while another connection's provider hung, after their leases' end: p50 %s, p99 %s, max %s",
		count, late[count/2], late[count*99/100], late[count-1])
	if worst := late[count-1]; worst > bound {
		t.Errorf("a key lived on for %s", worst)
	}
	if alive := len(hanging.undeleted()); alive != count {
		t.Errorf("%d of %d keys are alive at the provider that hangs", alive, count)
	}
	if _, err := e.mint(t.Context(), healthy, "healthy"); err != nil {
		t.Errorf("minting at the healthy provider: %v", err)
	}

	hanging.ClearFaults()
	returned := time.Now()
	vaulttest.Eventually(t, time.Minute, "the keys of the provider that hung are revoked", func() (bool, string) {
		left := len(hanging.undeleted())
		return left == 0, fmt.Sprintf("%d of %d are left", left, count)
	})
	t.Logf("all %d keys of the provider that hung were revoked %s after its return", count, time.Since(returned).Round(time.Millisecond))
	e.endsInOrder("healthy", "hanging")
}

// lateness is how long after their leases' end the keys were deleted, sorted.
func lateness(t *testing.T, p *provider, leases []*lease) []time.Duration {
	t.Helper()
	deleted := map[string]time.Time{}
	for _, key := range p.FullState().Keys {
		if key.DeletedAt != nil {
			deleted[key.Name] = *key.DeletedAt
		}
	}
	var late []time.Duration
	for _, l := range leases {
		at, ok := deleted[l.keyName]
		if !ok {
			t.Fatalf("the key %q is not deleted", l.keyName)
		}
		late = append(late, at.Sub(l.end).Round(time.Millisecond))
	}
	slices.Sort(late)
	return late
}

// endsInOrder revokes what leases Vault still has and disables the mount, as an
// operator would, without force.
func (e *engine) endsInOrder(roles ...string) {
	e.t.Helper()
	e.revokeAll()
	for _, role := range roles {
		if left, err := e.leaseIDs(role); err != nil || len(left) > 0 {
			e.t.Errorf("Vault holds %d leases of role %q (%v)", len(left), role, err)
		}
	}
	if left, err := e.ledger(); err != nil || len(left) > 0 {
		e.t.Errorf("%d keys are in the ledger (%v)", len(left), err)
	}
	if queued, _, err := e.state(); err != nil || queued > 0 {
		e.t.Errorf("%d revocations are queued (%v)", queued, err)
	}
	e.unmount()
}
