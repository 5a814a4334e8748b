//go:build chaos

package chaos

import (
	"fmt"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// TestChaosProviderDown: leases end while the provider is down, and Vault
// itself is killed meanwhile. Within a minute of the provider's return all keys
// are dead by the queue's work, and nothing needs force.
//
// Vault's own six tries, whose pauses cannot be shortened in a server, take ten
// minutes. An outage longer than that is up to the queue alone, whose clock
// package backend's tests drive through days.
func TestChaosProviderDown(t *testing.T) {
	t.Parallel()
	const (
		count  = 100
		outage = time.Minute // the queue's pauses have reached their longest by then
	)
	e := startEngine(t, 1, vaulttest.Options{LogLevel: "info"})
	p := startProvider(t)
	e.connect("app", "sandbox", p, nil, fields{"ttl": "1h"})
	leases := e.mintMany(p, "app", count)

	p.goDown()
	went := time.Now()
	if _, err := e.Client.Logical().WriteWithContext(t.Context(), "sys/leases/revoke-prefix/"+mount+"/creds/app", fields{"sync": false}); err != nil {
		t.Fatalf("asking for the revocation of all leases: %v", err)
	}
	e.awaitQueued(count)
	e.Nodes[0].Kill()
	e.Restart(e.Nodes[0])
	e.Active()
	e.awaitQueued(count)
	vaulttest.Eventually(t, 2*outage, "the outage is over", func() (bool, string) {
		queued, _, err := e.state()
		if err != nil || queued != count {
			t.Fatalf("%d of %d revocations are queued during the outage (%v)", queued, count, err)
		}
		return time.Since(went) >= outage, time.Since(went).String()
	})
	if alive := len(p.undeleted()); alive != count {
		t.Fatalf("%d of %d keys are alive at the provider, which is down", alive, count)
	}

	p.comeBack()
	returned := time.Now()
	vaulttest.Eventually(t, time.Minute, "every key is revoked", func() (bool, string) {
		left := len(p.undeleted())
		return left == 0, fmt.Sprintf("%d of %d are left", left, count)
	})
	t.Logf("the provider was down for %s; all %d keys were revoked %s after its return",
		returned.Sub(went).Round(time.Second), count, time.Since(returned).Round(time.Millisecond))
	for _, l := range leases {
		if p.accepts(l.secret) {
			t.Errorf("the key %q works", l.keyName)
		}
	}
	vaulttest.Eventually(t, time.Minute, "the queue is empty", func() (bool, string) {
		queued, _, err := e.state()
		return err == nil && queued == 0, fmt.Sprintf("%d queued (%v)", queued, err)
	})
	e.endsInOrder("app")
}

func (e *engine) awaitQueued(count int) {
	e.t.Helper()
	vaulttest.Eventually(e.t, time.Minute, fmt.Sprintf("%d revocations are queued", count), func() (bool, string) {
		queued, _, err := e.state()
		return err == nil && queued == count, fmt.Sprintf("%d are (%v)", queued, err)
	})
}
