package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// siege is a cluster whose active node is killed again and again while callers
// mint, renew and revoke.
type siege struct {
	*engine
	provider *provider
	ttl      time.Duration

	mu     sync.Mutex
	leases []*lease
	kept   []*lease // renewed as long as the siege lasts
	counts counts
}

type counts struct {
	kills, minted, failed, revoked, revokesFailed, renewed int
	twice, twiceRefused                                    int // leases revoked by two calls at once
	orphansAtEnd                                           int
	slowest, settled                                       time.Duration
}

const (
	siegeCallers = 6
	// siegeKept bounds the leases that are renewed, which one caller does.
	siegeKept = 20
	// siegeTimeout is the connections' request_timeout: it bounds how long
	// after a crash a former leader's calls may be in flight.
	siegeTimeout = 5 * time.Second
	// lag is how much later than asked for everything takes effect at the
	// provider, even when who asked is dead: long enough that a kill comes
	// between the call and its answer.
	lag = 200 * time.Millisecond
)

func startSiege(t *testing.T, ttl time.Duration) *siege {
	t.Helper()
	s := &siege{
		engine:   startEngine(t, 3, vaulttest.Options{LogLevel: "debug"}),
		provider: startProvider(t),
		ttl:      ttl,
	}
	connection := fields{"request_timeout": siegeTimeout.String()}
	role := fields{"ttl": ttl.String(), "max_ttl": "1h"}
	s.connect("direct", "sandbox", s.provider, connection, role)
	s.connect("steps", "sandbox-accounts", s.provider, connection, role)
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		s.provider.always(late(method, lag))
	}
	return s
}

// late is a fault under which requests take effect when they are no more waited
// for.
func late(method string, by time.Duration) sandbox.Fault {
	return sandbox.Fault{Kind: sandbox.LateCommit, Delay: sandbox.Duration(by), Match: sandbox.Match{Method: method}}
}

// run kills the active node so many times under load, each time after some more
// mints. The provider is well again afterwards.
func (s *siege) run(kills int) {
	s.t.Helper()
	var work []func(context.Context)
	for i := range siegeCallers {
		role := []string{"direct", "direct", "steps"}[i%3]
		work = append(work, func(ctx context.Context) { s.call(ctx, role) })
	}
	stop := s.start(work...)
	defer s.provider.ClearFaults()
	defer stop()
	for range kills {
		s.awaitMints(1 + rand.IntN(30))
		killed := time.Now()
		node := s.KillActive()
		s.awaitMints(1)
		s.count(func(c *counts) {
			c.kills++
			c.slowest = max(c.slowest, time.Since(killed))
		})
		s.Restart(node)
		s.everyLeaseWorks()
	}
	s.awaitMints(siegeCallers)
}

// start runs work until stop is called, or the test ends.
func (s *siege) start(work ...func(context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(s.t.Context())
	var running sync.WaitGroup
	for _, w := range work {
		running.Go(func() { w(ctx) })
	}
	stop = sync.OnceFunc(func() {
		cancel()
		running.Wait()
	})
	s.t.Cleanup(stop)
	return stop
}

// awaitMints waits until so many keys were handed out that are asked for from
// now on, give or take those that are being answered now.
func (s *siege) awaitMints(more int) {
	s.t.Helper()
	before := s.counted().minted
	vaulttest.Eventually(s.t, time.Minute, fmt.Sprintf("%d more mints", more), func() (bool, string) {
		now := s.counted().minted
		return now >= before+more, fmt.Sprintf("%d", now-before)
	})
}

func (s *siege) count(change func(*counts)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.counts)
}

func (s *siege) counted() counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counts
}

// call mints one key after another, and does with each what callers do.
func (s *siege) call(ctx context.Context, role string) {
	for n := 0; ctx.Err() == nil; n++ {
		l, err := s.mint(ctx, s.provider, role)
		if err != nil {
			s.count(func(c *counts) { c.failed++ })
			rest(ctx)
			continue
		}
		s.receive(l)
		switch n % 4 {
		case 0:
			s.note(s.revoke(ctx, l, true))
		case 1:
			s.revokeTwice(ctx, l)
		case 2:
			s.note(s.revoke(ctx, l, false))
		}
	}
}

// rest keeps a caller from asking a cluster without a leader all the time.
func rest(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(50 * time.Millisecond):
	}
}

func (s *siege) receive(l *lease) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts.minted++
	s.leases = append(s.leases, l)
}

func (s *siege) note(err error) {
	s.count(func(c *counts) {
		if err != nil {
			c.revokesFailed++
		} else {
			c.revoked++
		}
	})
}

// revokeTwice revokes a lease by two calls at once: both have to be told that
// it is done, unless a kill comes between.
func (s *siege) revokeTwice(ctx context.Context, l *lease) {
	second := make(chan error, 1)
	go func() { second <- s.revoke(ctx, l, true) }()
	errs := []error{s.revoke(ctx, l, true), <-second}
	s.note(errs[0])
	s.note(errs[1])
	s.count(func(c *counts) {
		c.twice++
		for _, err := range errs {
			if err != nil && strings.Contains(err.Error(), "revoking the key") {
				c.twiceRefused++
			}
		}
	})
}

// keep renews some leases before they end, as an agent would.
func (s *siege) keep(ctx context.Context) {
	for ctx.Err() == nil {
		for _, l := range s.keepers() {
			if l.remains() > s.ttl/2 {
				continue
			}
			if err := s.renew(ctx, l); err == nil {
				s.count(func(c *counts) { c.renewed++ })
			}
		}
		rest(ctx)
	}
}

// keepers are the leases to renew: those kept so far that still run, and others
// in the place of those that a failover let end.
func (s *siege) keepers() []*lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = slices.DeleteFunc(s.kept, func(l *lease) bool { return !l.holds() })
	for i := len(s.leases) - 1; i >= 0 && len(s.kept) < siegeKept; i-- {
		if l := s.leases[i]; l.holds() && !slices.Contains(s.kept, l) && l.remains() < s.ttl*3/4 {
			s.kept = append(s.kept, l)
		}
	}
	return slices.Clone(s.kept)
}

func (s *siege) received() []*lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.leases)
}

// everyLeaseWorks checks the keys of all leases that surely run.
func (s *siege) everyLeaseWorks() {
	s.t.Helper()
	var broken []string
	for _, l := range s.received() {
		if l.broken() {
			broken = append(broken, l.keyName)
		}
	}
	if len(broken) > 0 {
		s.t.Errorf("%d leases run and their keys do not work: %s", len(broken), some(broken))
	}
}

// awaitNoOrphans waits until recovery is over and every key at the provider is
// in the ledger.
func (s *siege) awaitNoOrphans(within time.Duration) {
	s.t.Helper()
	ended := time.Now()
	first := true
	vaulttest.Eventually(s.t, within, "every key at the provider is in the ledger", func() (bool, string) {
		orphans, err := s.orphans()
		if err != nil {
			return false, err.Error()
		}
		if first {
			s.count(func(c *counts) { c.orphansAtEnd = len(orphans) })
			first = false
		}
		return len(orphans) == 0, fmt.Sprintf("%d are not: %s", len(orphans), some(orphans))
	})
	s.count(func(c *counts) { c.settled = time.Since(ended) })
}

// revokeAll ends every lease, without force.
func (s *siege) revokeAll() {
	s.t.Helper()
	for _, l := range s.received() {
		l.mu.Lock()
		l.revoking = true
		l.mu.Unlock()
	}
	s.engine.revokeAll()
}

// orphans are the keys at the provider that the ledger does not know. The
// provider is asked first: what it has made, and was handed out, the ledger
// must know by then.
func (s *siege) orphans() ([]string, error) {
	alive := s.provider.undeleted()
	known, err := s.ledger()
	if err != nil {
		return nil, err
	}
	still := s.provider.undeleted()
	var found []string
	for name := range alive {
		if _, ok := known[name]; !ok && still[name] {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return found, nil
}

// awaitRecovered waits until nothing waits to be revoked or reconciled.
func (s *siege) awaitRecovered(within time.Duration) {
	s.t.Helper()
	vaulttest.Eventually(s.t, within, "the queue is empty and every connection reconciled", func() (bool, string) {
		queued, recovering, err := s.state()
		if err != nil {
			return false, err.Error()
		}
		return queued == 0 && len(recovering) == 0, fmt.Sprintf("%d queued, recovering: %v", queued, recovering)
	})
}

// onlyTheLedgerIsLeft checks that what lives after all leases were revoked are
// keys whose lease Vault never stored, and that the engine is about to revoke
// them.
func (s *siege) onlyTheLedgerIsLeft() {
	s.t.Helper()
	alive := s.provider.undeleted()
	deadlines, err := s.ledger()
	if err != nil {
		s.t.Fatal(err)
	}
	latest := time.Now().Add(s.ttl + deadlineMargin)
	for name := range alive {
		if deadline, ok := deadlines[name]; !ok || deadline.After(latest) {
			s.t.Errorf("key %q has no lease, and the engine revokes it at %v, want before %v", name, deadline, latest)
		}
	}
	s.everyReceivedKeyIsDead()
}

// deadlineMargin is how long after its lease's end the engine itself revokes a
// key.
const deadlineMargin = time.Minute

// awaitNothingLeft waits until no key is left at the provider: also those died
// at their deadline whose lease Vault never stored.
func (s *siege) awaitNothingLeft(within time.Duration) {
	s.t.Helper()
	vaulttest.Eventually(s.t, within, "every key is deleted at the provider", func() (bool, string) {
		var names []string
		for name := range s.provider.undeleted() {
			names = append(names, name)
		}
		return len(names) == 0, fmt.Sprintf("%d are not: %s", len(names), some(names))
	})
	s.everyReceivedKeyIsDead()
}

func (s *siege) everyReceivedKeyIsDead() {
	s.t.Helper()
	for _, l := range s.received() {
		if s.provider.accepts(l.secret) {
			s.t.Errorf("the key %q works although its lease is revoked", l.keyName)
		}
	}
}

// report prints what the siege came to.
func (s *siege) report() {
	s.t.Helper()
	c, made := s.counted(), s.provider.State().Counters
	s.t.Logf("kills %d, slowest failover %s (from the kill to the next key handed out)", c.kills, c.slowest.Round(time.Millisecond))
	s.t.Logf("mints: %d handed out, %d failed; keys made at the provider: %d, of which nobody received: %d",
		c.minted, c.failed, made.Issued, made.Issued-c.minted)
	s.t.Logf("not in the ledger when the load ended: %d, gone after %s; revoked by reconciling after a crash: %d",
		c.orphansAtEnd, c.settled.Round(time.Millisecond), strings.Count(s.Log(), "removed what nobody holds"))
	s.t.Logf("revocations: %d done, %d failed (a node was killed); %d leases revoked by two calls at once, refused among those: %d; deleted again at the provider: %d; renewals: %d",
		c.revoked, c.revokesFailed, c.twice, c.twiceRefused, made.DeleteAgain, c.renewed)
	if c.twiceRefused > 0 {
		s.t.Errorf("%d second revocations of a lease were refused", c.twiceRefused)
	}
	if made.Issued == c.minted {
		s.t.Log("no kill hit a mint between the provider's answer and the caller: the siege proves little")
	}
}
