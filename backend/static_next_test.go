package backend

import (
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/timetable"
)

// TestNextRotationIsWhatIsDone: what readers are told of a static role is when the
// engine comes to replace its key, and not when it comes for something else.
func TestNextRotationIsWhatIsDone(t *testing.T) {
	monday := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	at := func(days, hours int) time.Time {
		return monday.AddDate(0, 0, days).Add(time.Duration(hours) * time.Hour)
	}
	weekly := timetable.Schedule{Cron: "0 3 * * SAT", Window: time.Hour}
	unbound := timetable.Schedule{Cron: "0 3 * * SAT"}
	daily := timetable.Schedule{Period: 24 * time.Hour}
	for name, test := range map[string]struct {
		schedule                    timetable.Schedule
		issued, expires, until, due time.Time
		now, want                   time.Time
	}{
		"by hand":                              {timetable.Schedule{}, at(0, 0), time.Time{}, time.Time{}, time.Time{}, at(0, 5), time.Time{}},
		"a period":                             {daily, at(0, 0), time.Time{}, time.Time{}, at(1, 0), at(0, 5), at(1, 0)},
		"a previous key ends before":           {daily, at(0, 0), time.Time{}, at(0, 6), at(0, 6), at(0, 5), at(1, 0)},
		"a cron schedule that just suits":      {weekly, at(0, 0), at(5, 3).Add(time.Second), time.Time{}, at(5, 3), at(0, 5), at(5, 3)},
		"after a failure":                      {daily, at(0, 0), time.Time{}, time.Time{}, at(1, 2), at(1, 1), at(1, 2)},
		"a role that is being looked at soon":  {daily, at(0, 0), time.Time{}, time.Time{}, at(0, 6), at(0, 5), at(1, 0)},
		"the provider ends the key before":     {daily, at(0, 0), at(0, 20), time.Time{}, at(0, 18), at(0, 5), at(0, 18)},
		"a cron schedule":                      {weekly, at(0, 0), time.Time{}, time.Time{}, at(5, 3), at(0, 5), at(5, 3)},
		"within the window":                    {weekly, at(0, 0), time.Time{}, time.Time{}, at(5, 3), at(5, 3), at(5, 3)},
		"a window that was missed":             {weekly, at(0, 0), time.Time{}, time.Time{}, at(5, 3), at(5, 9), at(12, 3)},
		"after that":                           {weekly, at(0, 0), time.Time{}, time.Time{}, at(12, 3), at(6, 0), at(12, 3)},
		"after that, and a previous key ends":  {weekly, at(0, 0), time.Time{}, at(8, 0), at(8, 0), at(6, 0), at(12, 3)},
		"that end has come":                    {weekly, at(0, 0), time.Time{}, at(8, 0), at(8, 0), at(8, 0), at(12, 3)},
		"a failure within the window":          {weekly, at(0, 0), time.Time{}, time.Time{}, at(5, 5), at(5, 4), at(5, 5)},
		"no window, and late":                  {unbound, at(0, 0), time.Time{}, time.Time{}, at(5, 3), at(6, 0), at(5, 3)},
		"a schedule that was written later":    {unbound, at(-30, 0), time.Time{}, time.Time{}, at(5, 3), at(0, 0), at(5, 3)},
		"late, and the provider ends the key":  {unbound, at(0, 0), at(9, 0), time.Time{}, at(5, 3), at(6, 0), at(5, 3)},
		"an end after which nothing is missed": {daily, at(0, 0), at(9, 0), at(0, 6), at(1, 0), at(0, 7), at(1, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			r := &StaticRole{Schedule: test.schedule}
			keys := &StaticKeys{Current: &StaticKey{IssuedAt: test.issued, ExpiresAt: test.expires}}
			if !test.until.IsZero() {
				keys.Previous = []*StaticKey{{Until: test.until}}
			}
			if got := r.nextRotation(keys, test.due, test.now); !got.Equal(test.want) {
				t.Errorf("it is told that the key is replaced at %s, want %s", got, test.want)
			}
			then := test.due
			if test.now.After(then) {
				then = test.now
			}
			if is, want := r.isDue(keys, test.due, then), !test.want.IsZero() && test.due.Equal(test.want); is != want {
				t.Errorf("coming for what is due at %s, the engine replaces the key: %v, want %v", test.due, is, want)
			}
		})
	}
}

// TestOverlapEndsBeforeTheKey: a key of which the provider ends a little earlier than was
// asked is replaced so early that it works to the end of its overlap.
func TestOverlapEndsBeforeTheKey(t *testing.T) {
	begun := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct{ life, overlap, want time.Duration }{
		"long enough":                    {18 * time.Minute, 90 * time.Second, 14 * time.Minute},
		"hardly long enough":             {16*time.Minute + 40*time.Second, 90 * time.Second, 13*time.Minute + 30*time.Second},
		"short of the overlap's end":     {15*time.Minute - 10*time.Second, 90 * time.Second, 11*time.Minute + 51*time.Second},
		"short, and without an overlap":  {14*time.Minute + 50*time.Second, 0, 13*time.Minute + 21*time.Second},
		"shorter than the schedule":      {10 * time.Minute, 0, 9 * time.Minute},
		"shorter, and with an overlap":   {10 * time.Minute, 2 * time.Minute, 7 * time.Minute},
		"shorter than twice the overlap": {10 * time.Minute, 8 * time.Minute, 5 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			r := &StaticRole{Overlap: test.overlap, Schedule: timetable.Schedule{Period: 14 * time.Minute}}
			at := r.replaceAt(&StaticKey{IssuedAt: begun, ExpiresAt: begun.Add(test.life)}, begun)
			if at.Sub(begun) != test.want {
				t.Errorf("it is replaced after %s, want %s", at.Sub(begun), test.want)
			}
		})
	}
}

// TestOverlapping: of the keys before, readers get those that work, and no other.
func TestOverlapping(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		until, expires time.Time
		want           bool
	}{
		"without an end":                       {now.Add(time.Minute), time.Time{}, true},
		"its overlap is over":                  {now, time.Time{}, false},
		"it ends after its overlap":            {now.Add(time.Minute), now.Add(time.Hour), true},
		"it ends within its overlap":           {now.Add(time.Hour), now.Add(time.Minute), true},
		"it has ended, and overlaps":           {now.Add(time.Hour), now, false},
		"its overlap is over, and it lives on": {now, now.Add(time.Hour), false},
	} {
		keys := &StaticKeys{Previous: []*StaticKey{{Until: test.until, ExpiresAt: test.expires}}}
		if got := len(keys.Overlapping(now)) == 1; got != test.want {
			t.Errorf("%s: it is handed out: %v, want %v", name, got, test.want)
		}
	}
}
