package backend

import (
	"context"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/retry"
	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestCopyMadeWithinMinutes: the snapshot is so young that its last sign of life
// is fresh. What the original mints after it gives the copy away.
func TestCopyMadeWithinMinutes(t *testing.T) {
	for name, test := range map[string]struct {
		restoredAfter time.Duration
		// mints is when the original mints again, from the snapshot on.
		mints []time.Duration
	}{
		"restored at once, and the original mints a minute later":              {0, []time.Duration{time.Minute}},
		"restored at once, and the original mints as it is":                    {0, []time.Duration{5 * time.Second}},
		"restored at once, and the original mints all the time":                {0, every(15*time.Second, 3*time.Minute)},
		"restored in ten seconds, and the original mints before and after":     {10 * time.Second, []time.Duration{5 * time.Second, 40 * time.Second}},
		"restored a minute later, and the original has minted meanwhile":       {time.Minute, []time.Duration{50 * time.Second}},
		"restored a minute later, and the original mints in that very moment":  {time.Minute, []time.Duration{time.Minute}},
		"restored nine minutes later, and the original minted all the time":    {9 * time.Minute, every(time.Minute, 15*time.Minute)},
		"restored nine minutes later, and the original minted once, at once":   {9 * time.Minute, []time.Duration{30 * time.Second}},
		"restored at once, and the original mints when the first lease is due": {0, []time.Duration{testTTL - 3*time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.makeStatic("legacy", time.Hour)
			w.mustMint("app")
			w.run(10*time.Second, 5*time.Second)
			snapshot, leases := w.snapshot(), w.leasesNow()
			var copied *world
			const step = 5 * time.Second
			for passed := time.Duration(0); passed < 2*testTTL; passed += step {
				if passed == test.restoredAfter {
					copied = w.restore(snapshot, leases)
				}
				for _, at := range test.mints {
					if at == passed {
						w.mustMint("app")
					}
				}
				w.advance(step)
				for _, lease := range w.held() {
					if lease.end.Sub(w.time()) < testTTL/2 {
						w.must(w.renew(lease, testTTL))
					}
				}
				w.stir()
				if copied != nil {
					copied.advance(step)
					copied.stir()
					copied.expireLeases()
				}
			}
			w.heldKeysWork()
			w.staticKeysWork()
			if w.process.passive() {
				t.Error("the original is passive")
			}
			told, err := copied.process.Ownership(context.Background(), snapshot)
			if err != nil || !told.Passive || told.Doubt == nil || len(told.Doubt.Evidence) == 0 {
				t.Errorf("the copy tells of itself: %+v, %v; want it passive, with the names of keys for evidence", told, err)
			}
		})
	}
}

// TestRestartedCopyLooksOut: a copy is stopped in good order, and started again,
// before its original has given it away.
func TestRestartedCopyLooksOut(t *testing.T) {
	w := newWorld(t)
	w.mustMint("app")
	w.run(time.Minute, 20*time.Second)
	copied := w.restore(w.snapshot(), w.leasesNow())
	copied.stopAndStart()
	for range 2 * testTTL / time.Minute {
		w.mustMint("app")
		for _, lease := range w.held() {
			w.must(w.renew(lease, testTTL))
		}
		for _, one := range []*world{w, copied} {
			one.advance(time.Minute)
			one.turn()
		}
		copied.expireLeases()
	}
	w.heldKeysWork()
	if !copied.process.passive() {
		t.Error("the copy acts")
	}
}

// TestCopyOfShortLeases: the first look of a copy comes before its original mints
// again, and the leases of the snapshot end half a minute later.
func TestCopyOfShortLeases(t *testing.T) {
	w := newWorld(t)
	w.configure("sandbox", "box", "short", func(_ *Connection, r *Role) { r.TTL = 30 * time.Second })
	for range 3 {
		w.mustMint("short")
	}
	copied := w.restore(w.snapshot(), w.leasesNow())
	for range 60 {
		for _, one := range []*world{w, copied} {
			one.advance(5 * time.Second)
			one.stir()
		}
		for _, lease := range w.held() {
			w.must(w.renew(lease, 30*time.Second))
		}
		w.mustMint("short")
		copied.expireLeases()
	}
	w.heldKeysWork()
	told, err := copied.process.Ownership(context.Background(), copied.storage)
	if err != nil || !told.Passive || told.Doubt == nil || len(told.Doubt.Evidence) == 0 || len(told.Doubt.Evidence) > mostEvidence {
		t.Errorf("the copy tells of itself: %+v, %v", told, err)
	}
}

// every is each multiple up to an end.
func every(d, end time.Duration) []time.Duration {
	var times []time.Duration
	for at := d; at <= end; at += d {
		times = append(times, at)
	}
	return times
}

// stir is a short turn of the clockwork.
func (w *world) stir() {
	ctx := context.Background()
	if w.elapsed()%(30*time.Second) == 0 {
		w.turn()
		return
	}
	w.process.recoverDirty(ctx)
	w.process.startQueue(ctx)
	w.process.startRotations(ctx)
	w.process.waitBackground()
}

// TestFailoverIsNoCopy: whatever a leader had just done when it was killed, its
// successor acts, and ends what is to end soon.
func TestFailoverIsNoCopy(t *testing.T) {
	for name, die := range map[string]func(*world){
		"idle": func(w *world) { w.run(3*time.Minute, time.Minute) },
		"busy": func(w *world) { w.mustMint("app") },
		"in mid-mint, the key is made": func(w *world) {
			w.process.gate.killAfter("POST ")
			if _, err := w.mint("app"); err == nil {
				w.t.Fatal("the process did not die")
			}
		},
		"after a revocation, which the list does not show yet": func(w *world) {
			lease := w.mustMint("app")
			w.addFaults([]sandbox.Fault{{Kind: sandbox.StaleList}})
			w.must(w.revoke(lease))
		},
		"in mid-mint, and the clock is set back by an hour": func(w *world) {
			w.process.gate.killAfter("POST ")
			if _, err := w.mint("app"); err == nil {
				w.t.Fatal("the process did not die")
			}
			w.set(-time.Hour)
		},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			w.run(2*time.Minute, 30*time.Second)
			die(w)
			w.start(fault{})
			for range 3 {
				short := w.mustMint("app")
				w.must(w.revoke(short))
			}
			w.stir()
			if err := w.revoke(lease); err != nil {
				t.Logf("at first: %s", err)
			}
			w.run(3*time.Minute, 10*time.Second)
			if told, err := w.process.Ownership(context.Background(), w.storage); err != nil || told.Passive {
				t.Errorf("the successor is passive: %+v %+v, %v", told, told.Doubt, err)
			}
			for name := range w.alive() {
				if !w.inLedger(name) {
					t.Errorf("%s is alive and nobody's", name)
				}
			}
			if w.holds(lease) && w.revoke(lease) != nil {
				t.Error("a lease of before cannot be revoked")
			}
		}))
	}
}

// TestOwnKeysAreNoCopys: whatever the processes of one storage leave at a provider,
// and whatever their clocks said, the next one takes none of it for a stranger's.
func TestOwnKeysAreNoCopys(t *testing.T) {
	const day = 24 * time.Hour
	for name, leave := range map[string]func(*world){
		"a proxy repeated the request": func(w *world) { w.makeTwin(w.mustMint("app")) },
		"a proxy repeated the request, and the key was revoked": func(w *world) {
			lease := w.mustMint("app")
			w.makeTwin(lease)
			w.must(w.revoke(lease))
		},
		"the same, while the clock was a day ahead": func(w *world) {
			w.set(day)
			lease := w.mustMint("app")
			w.makeTwin(lease)
			w.must(w.revoke(lease))
			w.set(-day)
		},
		"the same, while the clock was an hour behind": func(w *world) {
			w.set(-time.Hour)
			lease := w.mustMint("app")
			w.makeTwin(lease)
			w.must(w.revoke(lease))
			w.set(time.Hour)
		},
		"the same, and it was killed with the clock minutes ahead": func(w *world) {
			w.set(5 * time.Minute)
			lease := w.mustMint("app")
			w.makeTwin(lease)
			w.must(w.revoke(lease))
			w.start(fault{})
			w.set(-5 * time.Minute)
		},
	} {
		for how, next := range map[string]func(*world){
			"killed":                func(w *world) { w.start(fault{}) },
			"stopped in good order": func(w *world) { w.stopAndStart() },
			"killed much later":     func(w *world) { w.run(5*time.Minute, 20*time.Second); w.start(fault{}) },
		} {
			t.Run(name+", "+how, inBubble(func(t *testing.T) {
				w := newWorld(t)
				w.mustMint("app")
				w.start(fault{}) // from here on there is a lookout
				w.run(time.Minute, 20*time.Second)
				leave(w)
				for range 3 {
					next(w)
					old := w.mustMint("app")
					next(w)
					w.must(w.eventually(func() error { return w.revoke(old) }))
				}
				w.run(day/24+3*time.Minute, 30*time.Second)
				if told, err := w.process.Ownership(context.Background(), w.storage); err != nil || told.Passive {
					t.Errorf("the original is passive: %+v, %v", told.Doubt, err)
				}
			}))
		}
	}
}

// TestCopyIsNoticedByItsMaker: the original's keys are as new to a copy whose
// processes came and went, and whose clock differs.
func TestCopyIsNoticedByItsMaker(t *testing.T) {
	for name, apart := range map[string]time.Duration{
		"clocks that agree": 0, "a copy ahead": 20 * time.Second, "a copy behind": -20 * time.Second,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.mustMint("app")
			w.run(2*time.Minute, 20*time.Second)
			copied := w.restore(w.snapshot(), w.leasesNow())
			copied.set(apart)
			copied.stopAndStart()
			copied.start(fault{})
			for range 4 {
				w.mustMint("app")
				w.run(time.Minute, 20*time.Second)
				copied.run(time.Minute, 20*time.Second)
			}
			copied.expireLeases()
			w.heldKeysWork()
			for _, lease := range copied.leasesNow() {
				if err := copied.revoke(lease); err == nil {
					t.Errorf("the copy ends %s", w.nameOf(lease))
				}
				copied.run(2*time.Minute, 20*time.Second)
			}
			w.heldKeysWork()
			if !copied.process.passive() {
				t.Error("the copy acts")
			}
		})
	}
}

// nameOf is the name of the key that a lease is for.
func (w *world) nameOf(lease *heldLease) string { return w.dataOf(lease).Handle.Name }

// makeTwin makes another key whose name has the fixed part of a lease's.
func (w *world) makeTwin(of *heldLease) { w.makeForeignKey("twin-" + w.nameOf(of)) }

// eventually repeats what a lookout has wait for its second look.
func (w *world) eventually(do func() error) error {
	var err error
	for range 20 {
		if err = do(); err == nil {
			return nil
		}
		w.run(20*time.Second, 10*time.Second)
	}
	return err
}

func (w *world) inLedger(name string) bool {
	for r, err := range ledger.All(context.Background(), w.storage) {
		w.must(err)
		if r.Handle.Name == name {
			return true
		}
	}
	return false
}

func (w *world) holds(lease *heldLease) bool {
	for _, one := range w.held() {
		if one == lease {
			return true
		}
	}
	return false
}

// TestListThatFailsKeepsNothingAlive: a provider that refuses its list after a
// crash lets revocations go on all the same.
func TestListThatFailsKeepsNothingAlive(t *testing.T) {
	w := newWorld(t)
	lease := w.mustMint("app")
	w.run(2*time.Minute, 30*time.Second)
	w.start(fault{})
	w.addFaults([]sandbox.Fault{{Kind: sandbox.Status, Status: 403, Count: new(int), Match: sandbox.Match{Route: "GET /v1/keys"}}})
	if err := w.revoke(lease); err == nil {
		t.Error("a key was revoked without a look at the list")
	}
	w.run(blindBound+retry.LongestRefused, 20*time.Second)
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive: %v", alive)
	}
}
