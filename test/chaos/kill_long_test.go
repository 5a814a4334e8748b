//go:build chaos

package chaos

import (
	"net/http"
	"os"
	"strconv"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestChaosKilledActiveNode kills the active node of a cluster 20 times, or as
// often as CHAOS_KILLS says, under load. Afterwards every lease that a client
// received works or was revoked, and every other key dies: what never came into
// the ledger by reconciling, what Vault has no lease of at its deadline.
func TestChaosKilledActiveNode(t *testing.T) {
	t.Parallel()
	kills := 20
	if text := os.Getenv("CHAOS_KILLS"); text != "" {
		var err error
		if kills, err = strconv.Atoi(text); err != nil {
			t.Fatalf("CHAOS_KILLS is %q; write a number", text)
		}
	}
	s := startSiege(t, time.Minute)
	s.stragglers()
	stopRenewing := s.start(s.keep)
	s.run(kills)
	s.everyLeaseWorks()
	s.awaitNoOrphans(3 * time.Minute)
	// A reconcile ends a recovery once nothing of the former leader can be in
	// flight, and the provider's list cannot lag any more.
	s.awaitRecovered(3 * time.Minute)
	s.everyLeaseWorks()
	stopRenewing()
	s.revokeAll()
	const round = time.Minute // the reaper's, through the ledger
	s.awaitNothingLeft(s.ttl + deadlineMargin + round)
	s.report()
}

// stragglers makes a request for a key take effect now and then when its caller
// has long given up, and a new leader has looked for what the former one left.
func (s *siege) stragglers() {
	s.t.Helper()
	s.provider.ClearFaults()
	var script []sandbox.Fault
	for range 1000 {
		ordinary := late(http.MethodPost, lag)
		ordinary.Count = new(15)
		script = append(script, ordinary, late(http.MethodPost, siegeTimeout+3*time.Second))
	}
	if err := s.provider.AddFault(script...); err != nil {
		s.t.Fatal(err)
	}
	s.provider.always(late(http.MethodPut, lag))
	s.provider.always(late(http.MethodDelete, lag))
}
