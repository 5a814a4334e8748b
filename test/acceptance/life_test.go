package acceptance

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// life is what has to hold of a key at every provider.
var life = map[string]struct {
	role settings
	test func(t *testing.T, u *tenant)
}{
	"is known by its name":                   {test: isKnownByItsName},
	"dies with its lease":                    {role: settings{"ttl": "4s"}, test: diesWithItsLease},
	"lives on with its renewed lease":        {role: settings{"ttl": "10s", "max_ttl": "10m"}, test: livesOnWhenRenewed},
	"dies when revoked":                      {test: diesWhenRevoked},
	"dies when revoked, which is seen":       {role: settings{"verify_revocation": "probe"}, test: isSeenDead},
	"is traced and revoked when it leaks":    {test: isTracedWhenLeaked},
	"is revoked although the server lost it": {test: isRevokedAlthoughLost},
	"is one of many at a time":               {test: isOneOfMany},
}

// testLife runs all of life; newSite makes the site of one test, and says by
// t.Parallel whether it bears others beside it.
func testLife(t *testing.T, m *mount, newSite func(t *testing.T) (name string, s site)) {
	for name, c := range life {
		t.Run("key "+name, func(t *testing.T) {
			tenantName, site := newSite(t)
			role := c.role
			if by := traitsOf(site).seenBy; by != "" && role["verify_revocation"] != nil {
				role = settings{"verify_revocation": by}
			}
			c.test(t, m.tenant(t, tenantName, site, nil, role))
		})
	}
}

// testEach runs what has to hold of one server's keys alone, each test at a site
// of its own and beside the others.
func testEach[S any](t *testing.T, m *mount, newSite func(t *testing.T) S, tests map[string]func(t *testing.T, m *mount, s S)) {
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, m, newSite(t))
		})
	}
}

func isKnownByItsName(t *testing.T, u *tenant) {
	foreign := u.site.create(t, "somebody-elses")
	k := u.mustMint()
	listed := u.site.keys(t)
	if len(listed) != 2 || listed[k.name] == "" {
		t.Fatalf("the server holds %v, want somebody-elses and %s", listed, k.name)
	}
	record := u.ledger()[k.name]
	for field, want := range map[string]any{
		"provider_id":  listed[k.name],
		"role":         u.name,
		"connection":   u.name,
		"display_name": "root",
		"remote_addr":  "127.0.0.1",
	} {
		if field == "provider_id" && traitsOf(u.site).sealed {
			want = nil
		}
		if record[field] != want {
			t.Errorf("the ledger says %s is %v, want %v", field, record[field], want)
		}
	}
	u.mustRevoke(k)
	if left := u.site.keys(t); len(left) != 1 || left["somebody-elses"] != foreign {
		t.Errorf("after the revocation the server holds %v, want somebody-elses alone", left)
	}
	u.site.revoke(t, foreign)
}

func diesWithItsLease(t *testing.T, u *tenant) {
	began := time.Now()
	k := u.mustMint()
	u.dies(k)
	if lived := time.Since(began); lived < k.ttl {
		t.Errorf("it died after %s, before the end of its lease of %s", lived, k.ttl)
	}
	// Nobody asks for anything here: it is all Vault's own doing.
	u.isForgotten(k)
}

func livesOnWhenRenewed(t *testing.T, u *tenant) {
	renewed := u.mustMint()
	deadline := u.ledger()[renewed.name]["deadline"]
	for _, c := range []struct{ increment, want time.Duration }{
		{5 * time.Minute, 5 * time.Minute},
		{time.Hour, 10 * time.Minute}, // all that max_ttl leaves
	} {
		granted, err := u.renew(renewed, c.increment)
		if err != nil {
			t.Fatalf("renewing for %s: %v", c.increment, err)
		}
		if granted > c.want || granted < c.want-30*time.Second {
			t.Errorf("renewing for %s was granted %s, want about %s", c.increment, granted, c.want)
		}
	}
	if now := u.ledger()[renewed.name]["deadline"]; now == deadline {
		t.Errorf("the ledger's deadline stays at %v", deadline)
	}
	u.dies(u.mustMint()) // one that is younger
	if !u.site.alive(t, renewed.token) {
		t.Error("the key of the renewed lease died with its first term")
	}
	u.mustRevoke(renewed)
	u.isDead(renewed)
}

func diesWhenRevoked(t *testing.T, u *tenant) {
	k, other := u.mustMint(), u.mustMint()
	for range 2 {
		u.mustRevoke(k)
		u.isDead(k)
	}
	u.isForgotten(k)
	if _, err := u.renew(k, time.Hour); err == nil {
		t.Error("the lease of a dead key was renewed")
	}
	if !u.site.alive(t, other.token) {
		t.Error("another key died with it")
	}
}

// isTracedWhenLeaked finds out who holds a key of which only the value is known,
// and ends it without its lease.
func isTracedWhenLeaked(t *testing.T, u *tenant) {
	other, k := u.mustMint(), u.mustMint()
	found, err := u.Client.Logical().WriteWithContext(t.Context(), "apikeys/lookup-key", settings{"value": k.value})
	if err != nil {
		t.Fatalf("looking the key up: %v", err)
	}
	if found.Data["key_name"] != k.name || found.Data["role"] != u.name || found.Data["display_name"] != "root" {
		t.Errorf("%s is said to be %v", k.name, found.Data)
	}
	if _, err := u.Client.Logical().WriteWithContext(t.Context(), "apikeys/revoke-key", settings{"value": k.value}); err != nil {
		t.Fatalf("revoking by value: %v", err)
	}
	u.isDead(k)
	if !u.site.alive(t, other.token) {
		t.Error("another key died with it")
	}
	u.mustRevoke(k) // its lease
}

func isRevokedAlthoughLost(t *testing.T, u *tenant) {
	k := u.mustMint()
	u.site.revoke(t, u.site.keys(t)[k.name])
	u.isDead(k)
	u.mustRevoke(k)
	u.isForgotten(k)
}

// isSeenDead: as long as the key works, its record stays, and the revocation is
// not said to be done.
func isSeenDead(t *testing.T, u *tenant) {
	k := u.mustMint()
	lag := traitsOf(u.site).lag
	err := u.revoke(k)
	if lag == 0 && err != nil {
		t.Fatalf("revoking: %v", err)
	}
	if err == nil && u.site.alive(t, k.token) {
		t.Error("the revocation is said to be done, and the key works")
	}
	within(t, soon+2*lag, "the ledger forgets the key", func() (bool, any) {
		record := u.ledger()[k.name]
		return record == nil, record
	})
	if u.site.alive(t, k.token) {
		t.Error("the ledger has forgotten a key that works")
	}
	u.mustRevoke(k)
}

// isForgotten waits until the ledger holds the key no more.
func (u *tenant) isForgotten(k *key) {
	u.t.Helper()
	eventually(u.t, "the ledger forgets "+k.name, func() (bool, any) {
		record := u.ledger()[k.name]
		return record == nil, record
	})
}

const (
	many   = 60 // more than a page of any list here
	atOnce = 12
)

func isOneOfMany(t *testing.T, u *tenant) {
	foreign := u.site.create(t, "somebody-elses")
	minted := inParallel(t, make([]*key, many), func(*key) (*key, error) { return u.mint() })
	if held := u.site.keys(t); len(held) != many+1 {
		t.Errorf("the server holds %d keys, want %d and somebody else's", len(held), many)
	}
	if known := u.ledger(); len(known) != many {
		t.Errorf("the ledger holds %d keys, want %d", len(known), many)
	}
	if names := distinct(minted); names != many {
		t.Errorf("%d keys have %d names", many, names)
	}
	inParallel(t, minted, func(k *key) (*key, error) { return k, u.revokeUntilDone(k) })
	if left := u.site.keys(t); len(left) != 1 || left["somebody-elses"] != foreign {
		t.Errorf("the server still holds %v, want somebody-elses alone", sortedNames(left))
	}
	for _, k := range minted {
		u.isDead(k)
	}
	u.site.revoke(t, foreign)
}

func distinct(keys []*key) int {
	names := map[string]bool{}
	for _, k := range keys {
		names[k.name] = true
	}
	return len(names)
}

// inParallel does the work on all keys, some at once, and returns what came of
// each. It ends the test when any of it fails.
func inParallel(t *testing.T, keys []*key, work func(*key) (*key, error)) []*key {
	t.Helper()
	done := slices.Clone(keys)
	failed := make([]error, len(keys))
	next := make(chan int)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for i := range next {
				done[i], failed[i] = work(keys[i])
			}
		})
	}
	for i := range keys {
		next <- i
	}
	close(next)
	workers.Wait()
	for i, err := range failed {
		if err != nil {
			t.Errorf("number %d: %v", i, err)
		}
	}
	if t.Failed() {
		t.FailNow()
	}
	return done
}
