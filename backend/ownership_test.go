package backend

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/stored"
)

func TestDoubtOfASignature(t *testing.T) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	signed := func(ago time.Duration, released bool) *signature {
		return &signature{Epoch: "before", makerNote: makerNote{Seen: now.Add(-ago)}, Released: released}
	}
	ahead := func(ago time.Duration) *signature {
		return &signature{Epoch: "before", makerNote: makerNote{Seen: now.Add(time.Hour)}, Signed: now.Add(-ago)}
	}
	earlier := &Doubt{Reason: "as before"}
	tests := []struct {
		name    string
		found   *signature
		atStake bool
		passive bool
	}{
		{"a new mount", nil, false, false},
		{"a mount of a version that did not sign", nil, true, false},
		{"stopped in good order a moment ago", signed(time.Second, true), true, false},
		{"stopped in good order for a weekend", signed(72*time.Hour, true), true, false},
		{"stopped in good order a year ago, or the clock is ahead", signed(365*24*time.Hour, true), true, true},
		{"killed a moment ago", signed(time.Second, false), true, false},
		{"killed when its next sign of life was due", signed(signInterval, false), true, false},
		{"killed as long ago as a failover may take", signed(longestFailover, false), true, false},
		{"no sign of life for longer than that", signed(longestFailover+time.Second, false), true, true},
		{"no sign of life for long, and nothing at stake", signed(24*time.Hour, false), false, false},
		{"signed in the future: the clock was set back", signed(-24*time.Hour, false), true, false},
		{"killed a moment ago, when its clock was ahead for a while", ahead(time.Second), true, false},
		{"no sign of life for long, and its clock was ahead for a while", ahead(longestFailover + time.Second), true, true},
		{"in doubt before, and killed a moment ago", &signature{makerNote: makerNote{Seen: now}, Doubt: earlier}, true, true},
		{"in doubt before, and stopped in good order", &signature{makerNote: makerNote{Seen: now}, Doubt: earlier, Released: true}, true, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			doubt := test.found.doubt(now, test.atStake)
			if (doubt != nil) != test.passive {
				t.Errorf("passive: %v (%+v), want %v", doubt != nil, doubt, test.passive)
			}
			if doubt != nil && doubt.Reason == "" {
				t.Error("the operator is not told why")
			}
		})
	}
}

// TestSettingOfASupersededMount: a process that was the leader before takes the mount
// from nobody by a setting.
func TestSettingOfASupersededMount(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.mustMint("app")
		successor := &signature{Epoch: "another", makerNote: makerNote{Seen: w.process.now()}}
		w.must(stored.Write(t.Context(), w.storage, ownershipPath, successor))
		if err := w.process.SetClaimAfterCrash(t.Context(), w.storage, true); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("it was set with %v", err)
		}
		found, err := stored.Read[signature](t.Context(), w.storage, ownershipPath)
		w.must(err)
		if found.Epoch != "another" || found.ClaimAfterCrash {
			t.Errorf("the storage is signed by %q, with %t", found.Epoch, found.ClaimAfterCrash)
		}
	})(t)
}

// restore is a Vault with the storage of a snapshot and the leases in it, beside
// its living original. Both use the same provider.
func (w *world) restore(snapshot logical.Storage, leases map[string]*heldLease) *world {
	w.t.Helper()
	c := &world{t: w.t, storage: snapshot, sandbox: w.sandbox, network: w.network, front: w.front, logs: &lockedBuffer{}, now: w.time(), leases: leases}
	c.start(fault{})
	w.t.Cleanup(func() { c.process.Cleanup(context.Background()) })
	return c
}

// leasesNow are the leases as a snapshot of Vault has them.
func (w *world) leasesNow() map[string]*heldLease {
	w.mu.Lock()
	defer w.mu.Unlock()
	leases := map[string]*heldLease{}
	for name, lease := range w.leases {
		inSnapshot := *lease
		leases[name] = &inSnapshot
	}
	return leases
}

// liveOn lets time pass for both: holders renew the leases of the original, and
// both Vaults end what is past its end by their own storage.
func liveOn(original, restored *world, d, step time.Duration) {
	for passed := time.Duration(0); passed < d; passed += step {
		for _, w := range []*world{original, restored} {
			w.advance(step)
		}
		for _, lease := range original.held() {
			original.must(original.renew(lease, testTTL))
		}
		restored.expireLeases()
		for _, w := range []*world{original, restored} {
			w.turn()
		}
	}
}

// TestRestoredBesideItsOriginal: a drill, in which a snapshot some minutes old is
// restored beside the original that goes on.
func TestRestoredBesideItsOriginal(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.makeStatic("legacy", time.Hour)
	w.scheduleRoot(24 * time.Hour)
	w.mustMint("app")
	w.run(3*time.Minute, time.Minute)
	snapshot, leases := w.snapshot(), w.leasesNow()
	liveOn(w, w, 15*time.Minute, time.Minute) // the original alone
	w.mustMint("app")
	w.must(w.process.RotateStatic(ctx, w.storage, "legacy"))

	drill := w.restore(snapshot, leases)
	if told, err := drill.process.Ownership(ctx, snapshot); err != nil || !told.Passive || told.Doubt == nil {
		t.Fatalf("the restored mount does not take itself for a copy: %+v, %v", told, err)
	}
	w.mustMint("app")
	liveOn(w, drill, 30*time.Hour, 20*time.Minute)

	w.heldKeysWork()
	w.staticKeysWork()
	w.credentialWorks()
	if told, err := w.process.Ownership(ctx, w.storage); err != nil || told.Passive {
		t.Errorf("the original is passive: %+v, %v", told, err)
	}
	if queued := drill.process.Queue(); len(queued) == 0 {
		t.Error("what Vault asked the copy to revoke is not on its queue")
	}
	drill.refusesWork(t)
}

// refusesWork: an operator who asks a passive mount for what it may not do is
// told what to do first.
func (w *world) refusesWork(t *testing.T) {
	ctx := context.Background()
	var queued string
	for _, entry := range w.process.Queue() {
		queued = entry.ID
	}
	for what, do := range map[string]func() error{
		"rotate-root": func() error { return w.process.RotateRoot(ctx, w.storage, "box") },
		"rotate-role": func() error { return w.process.RotateStatic(ctx, w.storage, "legacy") },
		"the deletion of a static role": func() error {
			return w.process.DeleteStaticRole(ctx, w.storage, "legacy")
		},
		"reconcile with delete": func() error {
			_, err := w.process.Reconcile(ctx, w.storage, "box", ReconcileOptions{Delete: true})
			return err
		},
		"retry": func() error { return w.process.RetryNow(queued) },
	} {
		if err := do(); err == nil || !strings.Contains(err.Error(), "ownership/claim") {
			t.Errorf("%s on a passive mount: %v; want to be told of ownership/claim", what, err)
		}
	}
}

// TestTakenOverFromASnapshot: the original is gone, and the restored mount is to
// carry on.
func TestTakenOverFromASnapshot(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.makeStatic("legacy", time.Hour)
	w.mustMint("app")
	w.run(3*time.Minute, time.Minute)
	snapshot, leases := w.snapshot(), w.leasesNow()
	w.process.gate.kill()
	w.advance(20 * time.Minute)

	w.storage, w.leases = snapshot, leases
	w.start(fault{})
	w.run(2*testTTL, 20*time.Minute)
	w.expireLeases()
	if len(w.alive()) != 2 || len(w.held()) != 1 {
		t.Fatalf("a mount that nobody has claimed ended something: alive %v, %d leases", w.alive(), len(w.held()))
	}
	told, err := w.process.Ownership(ctx, w.storage)
	if err != nil || told.PastDeadline != 1 || told.Queued != 1 {
		t.Errorf("what waits for a claim is told as %+v, %v", told, err)
	}
	w.must(w.process.ClaimOwnership(ctx, w.request(logical.UpdateOperation, "ownership/claim")))
	w.run(time.Minute, 10*time.Second)
	w.expireLeases()
	if len(w.held()) != 0 || len(w.alive()) != 1 {
		t.Errorf("after the claim: %d leases, alive %v; want the static role's key alone", len(w.held()), w.alive())
	}
	before := w.current("legacy").Name
	w.must(w.process.RotateStatic(ctx, w.storage, "legacy"))
	if w.current("legacy").Name == before {
		t.Error("the static role was not rotated after the claim")
	}
	w.start(fault{})
	if w.process.passive() {
		t.Error("a claim does not outlast a restart")
	}
}

// TestYieldedMountStaysPassive, through restarts of every kind, until it is
// claimed.
func TestYieldedMountStaysPassive(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	lease := w.mustMint("app")
	w.must(w.process.YieldOwnership(ctx, w.request(logical.UpdateOperation, "ownership/yield")))
	for how, restart := range map[string]func(){"killed": func() { w.start(fault{}) }, "stopped": w.stopAndStart} {
		restart()
		if told, err := w.process.Ownership(ctx, w.storage); err != nil || !told.Passive || !told.Doubt.Yielded {
			t.Errorf("%s and started again: %+v, %v", how, told, err)
		}
	}
	w.advance(time.Minute)
	if err := w.revoke(w.mustMint("app")); err != nil {
		t.Errorf("revoking what a yielded mount has made since: %v", err)
	}
	if err := w.revoke(lease); err == nil || len(w.alive()) != 1 {
		t.Errorf("revoking on a yielded mount: %v, alive: %v", err, w.alive())
	}
	w.must(w.process.ClaimOwnership(ctx, w.request(logical.UpdateOperation, "ownership/claim")))
	w.turn()
	if alive := w.alive(); len(alive) != 0 {
		t.Errorf("after the claim these are alive: %v", alive)
	}
}

// TestCopyOfAPassiveMount: a mount that waits for a claim mints and renews, and a copy of it is
// started beside it, which ends none of that. One that follows in good order does.
func TestCopyOfAPassiveMount(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.must(w.process.YieldOwnership(ctx, w.request(logical.UpdateOperation, "ownership/yield")))
	w.start(fault{})
	w.advance(time.Minute)
	lease := w.mustMint("app")
	copied := w.restore(w.snapshot(), w.leasesNow())
	liveOn(w, copied, 2*testTTL, time.Minute)
	w.heldKeysWork()
	if !copied.process.passive() || !w.process.passive() {
		t.Errorf("the copy is passive: %t, and the original: %t", copied.process.passive(), w.process.passive())
	}
	w.stopAndStart()
	w.must(w.revoke(lease))
	if alive := w.alive(); len(alive) > 0 {
		t.Errorf("alive: %v", alive)
	}
}

// stopAndStart is a restart in good order: a reload, a seal and unseal, an upgrade.
func (w *world) stopAndStart() {
	w.t.Helper()
	w.process.Cleanup(context.Background())
	w.start(fault{})
}

// TestOrdinarySuccessionsAreActive: what happens every day asks for no operator,
// and revokes and rotates as before.
func TestOrdinarySuccessionsAreActive(t *testing.T) {
	for name, succeed := range map[string]func(*world){
		"stopped and started again at once":       func(w *world) { w.stopAndStart() },
		"stopped for a weekend":                   func(w *world) { w.process.Cleanup(context.Background()); w.advance(60 * time.Hour); w.start(fault{}) },
		"killed, and another one at once":         func(w *world) { w.start(fault{}) },
		"killed, and another one in five minutes": func(w *world) { w.process.gate.kill(); w.advance(5 * time.Minute); w.start(fault{}) },
		"killed thrice in a row":                  func(w *world) { w.start(fault{}); w.start(fault{}); w.start(fault{}) },
		"demoted, so that it cannot release":      func(w *world) { w.process.gate.failWrites(); w.process.Cleanup(context.Background()); w.start(fault{}) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.makeStatic("legacy", 0)
			lease := w.mustMint("app")
			w.run(2*time.Hour, time.Minute)
			succeed(w)
			if told, err := w.process.Ownership(context.Background(), w.storage); err != nil || told.Passive {
				t.Fatalf("passive: %+v, %v", told, err)
			}
			w.must(w.revoke(lease))
			w.run(25*time.Hour, time.Hour)
			w.staticKeysWork()
			if alive := w.alive(); len(alive) != 1 {
				t.Errorf("alive: %v, want the static role's key alone", slices.Collect(maps.Keys(alive)))
			}
		})
	}
}

// TestFormerLeaderStepsBack: a process that goes on after another one has taken
// its storage over does no more.
func TestFormerLeaderStepsBack(t *testing.T) {
	w := newWorld(t)
	w.mustMint("app")
	former := w.process
	w.process = nil // it lives on
	w.start(fault{})
	t.Cleanup(func() { former.Cleanup(context.Background()) })
	w.advance(signInterval)
	former.tick(context.Background())
	if !former.passive() {
		t.Error("the former leader acts on")
	}
	former.clean(context.Background())
	w.turn()
	if w.process.passive() {
		t.Error("its successor does not act")
	}
	if stored, err := stored.Read[signature](context.Background(), w.storage, ownershipPath); err != nil || stored.Released || stored.Epoch != w.process.guard.ownership.epoch {
		t.Errorf("the former leader released what is not its any more: %+v, %v", stored, err)
	}
}

// TestCopyOfAnOriginalThatOnlyRenews: a snapshot is started beside its original a moment
// after it was taken, and the original makes no key by which its copy could tell. It renews
// leases, which moves the provider's own end of their keys.
func TestCopyOfAnOriginalThatOnlyRenews(t *testing.T) {
	inBubble(func(t *testing.T) {
		w := newWorld(t)
		w.mustMint("app")
		w.mustMint("app")
		w.run(3*time.Minute, time.Minute)
		drill := w.restore(w.snapshot(), w.leasesNow())
		if told, err := drill.process.Ownership(t.Context(), drill.storage); err != nil || told.Passive {
			t.Fatalf("the copy has not noticed anything, and is passive: %+v, %v", told, err)
		}
		liveOn(w, drill, 3*time.Hour, 10*time.Minute)
		w.heldKeysWork()
		if told, err := drill.process.Ownership(t.Context(), drill.storage); err != nil || !told.Passive || !strings.Contains(told.Doubt.Reason, "ends later than anybody here has asked for") {
			t.Errorf("the copy: %+v, %v", told, err)
		}
		if w.process.passive() {
			t.Error("the original is passive")
		}
	})(t)
}

// TestRenewalsOfAFormerProcess: what a process before this one has asked for is no proof of a
// copy, be its answer lost.
func TestRenewalsOfAFormerProcess(t *testing.T) {
	for name, renew := range map[string]func(w *world, lease *heldLease) error{
		"answered": func(w *world, lease *heldLease) error { return w.renew(lease, 2*testTTL) },
		"not answered": func(w *world, lease *heldLease) error {
			w.process.gate.killAfter("PATCH ")
			if w.renew(lease, 2*testTTL) == nil {
				return errors.New("it was answered")
			}
			return nil
		},
		"never": func(*world, *heldLease) error { return nil },
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			lease := w.mustMint("app")
			w.run(3*time.Minute, time.Minute)
			w.must(renew(w, lease))
			w.start(fault{})
			w.run(10*time.Minute, time.Minute)
			if err := w.eventually(func() error { return w.revoke(lease) }); err != nil || len(w.alive()) > 0 {
				t.Errorf("it is revoked with %v; alive: %v", err, w.alive())
			}
			if w.process.passive() {
				t.Error("the mount is passive")
			}
		}))
	}
}

// TestCopyStartedAtOnce: a snapshot is started beside its original a moment after it
// was taken, which looks like a failover. Where operators want to be asked then, it is
// passive, as a successor is after a crash, and one after a stop in good order is not.
func TestCopyStartedAtOnce(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.must(w.process.SetClaimAfterCrash(ctx, w.storage, true))
	w.makeStatic("legacy", time.Hour)
	w.mustMint("app")
	w.run(3*time.Minute, time.Minute)
	drill := w.restore(w.snapshot(), w.leasesNow())
	if told, err := drill.process.Ownership(ctx, drill.storage); err != nil || !told.Passive || !strings.Contains(told.Doubt.Reason, "claim_after_crash") {
		t.Fatalf("the copy: %+v, %v", told, err)
	}
	liveOn(w, drill, 30*time.Hour, 20*time.Minute)
	w.heldKeysWork()
	w.staticKeysWork()

	w.stopAndStart()
	if w.process.passive() {
		t.Error("a process that follows one which stopped in good order is passive")
	}
	w.start(fault{})
	if !w.process.passive() {
		t.Error("a process that follows a crash is not passive")
	}
	w.must(w.process.ClaimOwnership(ctx, w.request(logical.UpdateOperation, "ownership/claim")))
	w.must(w.process.SetClaimAfterCrash(ctx, w.storage, false))
	w.start(fault{})
	if w.process.passive() {
		t.Error("the mount waits for a claim that nobody wants any more")
	}
}

// TestCopyRotatesAfterItsOriginal: a rotation is due on both, and the copy is the first
// whose clockwork comes to it. The original's credential works on.
func TestCopyRotatesAfterItsOriginal(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	w.scheduleRoot(time.Hour)
	w.must(w.process.RotateRoot(ctx, w.storage, "box"))
	w.run(3*time.Minute, time.Minute)
	drill := w.restore(w.snapshot(), w.leasesNow())
	for range 3 * 180 {
		for _, one := range []*world{drill, w} {
			one.advance(20 * time.Second)
			one.turn()
		}
	}
	w.credentialWorks()
	if state, err := w.process.rootState(ctx, w.storage, "box"); err != nil || w.time().Sub(state.LastRotated) > time.Hour+time.Minute {
		t.Errorf("the original has rotated at %v, %v", state.LastRotated, err)
	}
}
