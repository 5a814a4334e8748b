package backend

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// clockDifference bounds how far the sandbox's clock, which is real, runs ahead
// of the engine's.
const clockDifference = time.Minute

// capExpiry has the provider end keys earlier than it is asked to; 0 is never.
func (w *world) capExpiry(life time.Duration) {
	w.t.Helper()
	w.must(w.sandbox.AddFault(sandbox.Fault{Kind: sandbox.CapExpiry, For: sandbox.Duration(life), Count: new(0)}))
}

// about reports whether a time of the sandbox is so long after the engine's now.
func (w *world) about(got time.Time, want time.Duration) bool {
	difference := got.Sub(w.time().Add(want)).Abs()
	return difference < clockDifference
}

// TestLeaseNeverOutlivesItsKey: what the provider grants counts, not what it was
// asked for.
func TestLeaseNeverOutlivesItsKey(t *testing.T) {
	const never, asAsked = 0, -1
	for name, test := range map[string]struct {
		granted time.Duration
		ttl     time.Duration
		warns   bool
	}{
		"as asked":                {granted: asAsked, ttl: testTTL},
		"longer than the lease":   {granted: 2 * time.Hour, ttl: testTTL},
		"shorter than the lease":  {granted: 20 * time.Minute, ttl: 20 * time.Minute, warns: true},
		"no end, whatever it was": {granted: never, ttl: testTTL},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			if test.granted != asAsked {
				w.capExpiry(test.granted)
			}
			response, err := w.process.Mint(context.Background(), w.request(logical.ReadOperation, "creds/app"), "app", Narrowing{})
			w.must(err)
			if ttl := response.Secret.TTL; !w.about(w.time().Add(ttl), test.ttl) || ttl > testTTL {
				t.Errorf("the lease lasts %s, want %s", ttl, test.ttl)
			}
			if warned := strings.Join(response.Warnings, "\n"); test.warns != strings.Contains(warned, "granted the key") {
				t.Errorf("warnings: %q", warned)
			}
			if _, ends := response.Data["expires_at"]; ends != (test.granted != never) {
				t.Errorf("the reader is told the end %v", response.Data["expires_at"])
			}
			lease, err := leaseDataOf(&logical.Request{Secret: response.Secret})
			w.must(err)
			r, err := ledger.Get(context.Background(), w.storage, lease.RecordID)
			w.must(err)
			if !r.Deadline.Equal(w.time().Add(response.Secret.TTL + w.longestMint("box") + deadlineMargin)) {
				t.Errorf("the deadline is %s after the end of the lease", r.Deadline.Sub(w.time().Add(response.Secret.TTL)))
			}
		})
	}
}

// TestSlowMint: a lease begins with the answer, and so does what is counted from
// its beginning.
func TestSlowMint(t *testing.T) {
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	connection := &Connection{}
	const ttl = time.Hour
	for name, test := range map[string]struct {
		ends     time.Duration // the key, after the order; 0 is never
		answered time.Duration
		ttl      time.Duration
		deadline time.Duration // after the order, less the longest mint
	}{
		"at once":                     {answered: 0, ttl: ttl, deadline: ttl + deadlineMargin},
		"after minutes":               {answered: 3 * time.Minute, ttl: ttl, deadline: 3*time.Minute + ttl + deadlineMargin},
		"with an end that suffices":   {answered: time.Minute, ends: 2 * time.Hour, ttl: ttl, deadline: time.Minute + ttl + deadlineMargin},
		"with an end that does not":   {answered: 3 * time.Minute, ends: ttl, ttl: ttl - 3*time.Minute, deadline: ttl + deadlineMargin},
		"by a clock that is set back": {answered: -time.Hour, ttl: ttl, deadline: ttl + deadlineMargin},
	} {
		t.Run(name, func(t *testing.T) {
			o := &mintPlan{
				bound:  &boundConnection{connection: connection, definition: &providers.Definition{}},
				lease:  leaseTimes{ttl: ttl, maxTTL: ttl},
				record: ledger.Record{IssuedAt: began},
			}
			if test.ends > 0 {
				o.record.ExpiresAt = began.Add(test.ends)
			}
			o.setExpiry(providers.ActualExpiry{}, began.Add(test.answered))
			if o.lease.ttl != test.ttl {
				t.Errorf("the lease lasts %s, want %s", o.lease.ttl, test.ttl)
			}
			if got, want := o.record.Deadline.Sub(began), test.deadline+connection.longestMint(); got != want {
				t.Errorf("the deadline is %s after the order, want %s", got, want)
			}
		})
	}
}

// TestStillbornKeyIsNotHandedOut: a key that is dead when it arrives.
func TestStillbornKeyIsNotHandedOut(t *testing.T) {
	w := newWorld(t)
	w.capExpiry(1)
	if _, err := w.mint("app"); err == nil || !strings.Contains(err.Error(), "ends at once") {
		t.Errorf("minting: %v", err)
	}
	if state := w.sandbox.State(); state.Counters.Deleted != state.Counters.Issued {
		t.Errorf("%d keys were made and %d deleted", state.Counters.Issued, state.Counters.Deleted)
	}
	if live, _, err := w.process.books.ledger.LiveKeys(context.Background(), w.storage, "box"); err != nil || live != 0 {
		t.Errorf("the ledger holds %d keys, %v", live, err)
	}
}

// TestRenewalWithinTheKeysLife: the provider may move a key's end less far than
// it is asked to, or not at all.
func TestRenewalWithinTheKeysLife(t *testing.T) {
	w := newWorld(t)
	lease := w.mustMint("app")
	w.capExpiry(90 * time.Minute)
	w.must(w.renew(lease, 3*time.Hour))
	if !w.about(lease.end, 90*time.Minute) {
		t.Errorf("the lease lasts %s, and its key 1h30m", lease.end.Sub(w.time()))
	}
	w.sandbox.ClearFaults()
	w.capExpiry(1)
	before := lease.end
	if err := w.renew(lease, 3*time.Hour); err == nil || !strings.Contains(err.Error(), "read a new one from creds/app") {
		t.Errorf("renewing a key that ends now: %v", err)
	}
	if !lease.end.Equal(before) {
		t.Error("the lease was moved")
	}
}

// TestStaticKeyMustLastUntilItsSuccessor: the provider grants an hour.
func TestStaticKeyMustLastUntilItsSuccessor(t *testing.T) {
	for name, test := range map[string]struct {
		schedule timetable.Schedule
		overlap  time.Duration
		refused  bool
	}{
		"every day":                        {schedule: timetable.Schedule{Period: 24 * time.Hour}, refused: true},
		"often enough":                     {schedule: timetable.Schedule{Period: 10 * time.Minute}, overlap: 30 * time.Minute},
		"often enough but for its overlap": {schedule: timetable.Schedule{Period: 10 * time.Minute}, overlap: time.Hour, refused: true},
		"by hand":                          {},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.capExpiry(time.Hour)
			r := staticRole(test.overlap)
			r.Schedule = test.schedule
			err := w.process.SaveStaticRole(context.Background(), w.storage, "legacy", r)
			var m *usererror.Error
			if test.refused {
				if !errors.As(err, &m) || !strings.Contains(err.Error(), "rotate it more often") {
					t.Errorf("storing the role: %v", err)
				}
				if len(w.alive()) > 0 {
					t.Errorf("alive: %v", w.alive())
				}
				return
			}
			w.must(err)
			if end := w.current("legacy").ExpiresAt; !w.about(end, time.Hour) {
				t.Errorf("the key is said to end after %s, and ends after 1h", end.Sub(w.time()))
			}
		})
	}
}
