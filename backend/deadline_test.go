package backend

import (
	"context"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/ledger"
)

// TestRenewalAfterAClockWasAhead: a deadline that was set while the clock was a
// year ahead is no later than a renewal's, whatever it reads.
func TestRenewalAfterAClockWasAhead(t *testing.T) {
	const year = 365 * 24 * time.Hour
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		set, deadline time.Time
		ttl           time.Duration
		want          time.Duration // after now, the mint's own time and the margin left out
	}{
		"a clock that was right":            {now.Add(-time.Minute), now.Add(time.Hour), 2 * time.Hour, 2 * time.Hour},
		"ahead, and a longer lease":         {now.Add(year), now.Add(year + time.Hour), 2 * time.Hour, 2 * time.Hour},
		"ahead, and a shorter lease":        {now.Add(year), now.Add(year + time.Hour), time.Minute, time.Hour},
		"renewed by a clock that was ahead": {now.Add(year), now.Add(year + 5*time.Minute), time.Hour, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			e := &Engine{times: times{clock: newClock(func() time.Time { return now }, func() time.Duration { return 0 })}}
			e.clients.connections.byName = map[string]*boundConnection{}
			r := &ledger.Record{Connection: "gone", IssuedAt: test.set, Deadline: test.deadline}
			e.moveDeadline(context.Background(), &logical.InmemStorage{}, r, test.ttl)
			got := r.Deadline.Sub(now)
			if got < test.want || got > test.want+2*defaultRequestTimeout+deadlineMargin {
				t.Errorf("the deadline is in %s, want %s and a little", got, test.want)
			}
			if set := r.DeadlineSetAt(); set.After(now) {
				t.Errorf("it counts as set at %s", set)
			}
		})
	}
}

// TestRenewalWhileTheClockIsAhead: a shorter renewal, whose write may be carried
// out and answered with an error, leaves the key no less than the lease has.
func TestRenewalWhileTheClockIsAhead(t *testing.T) {
	const year = 365 * 24 * time.Hour
	began := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	now := began
	e := &Engine{times: times{clock: newClock(func() time.Time { return now }, func() time.Duration { return 0 })}}
	e.clients.connections.byName = map[string]*boundConnection{}
	r := &ledger.Record{Connection: "gone", IssuedAt: began, Deadline: began.Add(time.Hour)}
	now = began.Add(year)
	for range 2 { // the second one finds what the first one set
		e.moveDeadline(context.Background(), &logical.InmemStorage{}, r, time.Minute)
		if meant := r.Deadline.Sub(r.DeadlineSetAt()); meant < time.Hour || meant > time.Hour+time.Minute {
			t.Errorf("the key is to live for %s from when that was set, want an hour", meant)
		}
	}
}
