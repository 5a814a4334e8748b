package timetable_test

import (
	"errors"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/timetable"
)

// TestPausesGrow: a job that fails is tried again at growing pauses, also where it notes a
// time of its own on the way; once it has succeeded they begin anew.
func TestPausesGrow(t *testing.T) {
	ctx, s := t.Context(), &logical.InmemStorage{}
	now := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	jobs := timetable.New(func() time.Time { return now })
	jobs.Jitter = func(string, int) float64 { return 1 }
	set := func(due time.Time) {
		t.Helper()
		if err := jobs.Set(ctx, s, "job", due); err != nil {
			t.Error(err)
		}
	}
	outcome := errors.New("it fails")
	run := func(string, time.Time) error {
		if outcome == nil {
			set(now.Add(time.Hour))
		} else {
			set(now.Add(-time.Second))
		}
		return outcome
	}
	pause := func() time.Duration {
		now = jobs.DueAt("job")
		jobs.Start(run)
		jobs.Wait()
		return jobs.DueAt("job").Sub(now)
	}
	set(now)
	for _, want := range []time.Duration{2 * time.Second, 4 * time.Second, 8 * time.Second} {
		if got := pause(); got != want {
			t.Errorf("the pause is %s, and not %s", got, want)
		}
	}
	outcome = nil
	if got := pause(); got != time.Hour || len(jobs.Failing()) > 0 {
		t.Errorf("after a success it comes in %s; failing are %v", got, jobs.Failing())
	}
	outcome = errors.New("it fails again")
	if got := pause(); got != 2*time.Second {
		t.Errorf("the pause after a success is %s", got)
	}
}
