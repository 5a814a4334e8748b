//go:build !chaos

package chaos

import (
	"testing"
	"time"
)

// TestKilledActiveNode is TestChaosKilledActiveNode in short: what waits for
// the end of a lease is left out.
func TestKilledActiveNode(t *testing.T) {
	s := startSiege(t, 30*time.Second)
	stopRenewing := s.start(s.keep)
	s.run(2)
	s.awaitNoOrphans(2 * time.Minute)
	s.everyLeaseWorks()
	stopRenewing()
	s.revokeAll()
	s.onlyTheLedgerIsLeft()
	s.report()
}
