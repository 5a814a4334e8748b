package backend

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/backend/timetable"
	"vault-plugin-secrets-apikeys/backend/usererror"
)

// TestSlowerScheduleThanKeysLive: a provider that ends keys after an hour, whatever is
// asked, and a role that is rewritten for longer ones. It is refused, and says so.
func TestSlowerScheduleThanKeysLive(t *testing.T) {
	for name, test := range map[string]struct {
		schedule timetable.Schedule
		overlap  time.Duration
		refused  bool
	}{
		"every two hours":          {schedule: timetable.Schedule{Period: 2 * time.Hour}, refused: true},
		"once a year":              {schedule: timetable.Schedule{Cron: "0 3 1 1 *"}, refused: true},
		"with a longer overlap":    {schedule: timetable.Schedule{Period: 10 * time.Minute}, overlap: time.Hour, refused: true},
		"a little slower":          {schedule: timetable.Schedule{Period: 40 * time.Minute}, overlap: 5 * time.Minute},
		"by hand, its end is told": {},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := context.Background()
			w := newWorld(t)
			w.capExpiry(time.Hour)
			r := staticRole(0)
			r.Schedule = timetable.Schedule{Period: 10 * time.Minute}
			w.must(w.process.SaveStaticRole(ctx, w.storage, "legacy", r))
			r.Schedule, r.Overlap = test.schedule, test.overlap
			err := w.process.SaveStaticRole(ctx, w.storage, "legacy", r)
			var m *usererror.Error
			if test.refused != errors.As(err, &m) || test.refused && !strings.Contains(err.Error(), "rotate it at least that often") {
				t.Errorf("writing it is answered %v", err)
			}
			stored, err := w.process.StaticRole(ctx, w.storage, "legacy")
			w.must(err)
			if kept := stored.Schedule.Period == 10*time.Minute && stored.Overlap == 0; kept != test.refused {
				t.Errorf("the role is stored with %+v", stored.Schedule)
			}
		})
	}
}

// TestSlowerScheduleAfterAnother: a provider that gives what is asked is not taken for one
// that gives less, because the key was made for a schedule before the last.
func TestSlowerScheduleAfterAnother(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t)
	r := staticRole(0)
	for _, period := range []time.Duration{10 * time.Minute, 2 * time.Hour, 900 * time.Hour, 3000 * time.Hour} {
		r.Schedule = timetable.Schedule{Period: period}
		if err := w.process.SaveStaticRole(ctx, w.storage, "legacy", r); err != nil {
			t.Errorf("a period of %s: %v", period, err)
		}
	}
}

// TestShorterKeyIsBetterThanNone: a provider comes to end keys sooner than a role would
// have them replaced. The role is never without a key that works.
func TestShorterKeyIsBetterThanNone(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		w.capExpiry(3 * time.Hour)
		r := staticRole(5 * time.Minute)
		r.Schedule = timetable.Schedule{Period: 2 * time.Hour}
		w.must(w.process.SaveStaticRole(ctx, w.storage, "legacy", r))
		w.sandbox.ClearFaults()
		w.capExpiry(time.Hour)
		for passed := time.Duration(0); passed < 8*time.Hour; passed += time.Minute {
			w.pass(time.Minute, time.Minute)
			if current := w.current("legacy"); !w.time().Before(current.ExpiresAt) {
				t.Fatalf("after %s the role's key has been dead for %s", passed, w.time().Sub(current.ExpiresAt))
			}
		}
	})(t)
}

// TestRotationIsTriedAgainBeforeTheKeyEnds: rotations fail for a while, and the pauses
// after that do not outlast the key.
func TestRotationIsTriedAgainBeforeTheKeyEnds(t *testing.T) {
	inBubble(func(t *testing.T) {
		ctx := context.Background()
		w := newWorld(t)
		failing := false
		w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
			if failing && r.Method == http.MethodPost {
				rw.WriteHeader(http.StatusBadRequest)
				return
			}
			pass()
		})
		w.capExpiry(time.Hour)
		r := staticRole(0)
		r.Schedule = timetable.Schedule{Period: 45 * time.Minute}
		w.must(w.process.SaveStaticRole(ctx, w.storage, "legacy", r))
		end := w.current("legacy").ExpiresAt
		failing = true
		w.pass(58*time.Minute, 15*time.Second)
		failing = false
		for w.time().Before(end) {
			w.pass(5*time.Second, 5*time.Second)
		}
		if current := w.current("legacy"); !w.time().Before(current.ExpiresAt) {
			t.Error("the key ended two minutes after the last failure, and was not replaced before")
		}
	})(t)
}

// TestProviderIsOutOfOrderAsAKeyIsReplaced: a provider that ends keys early is out of order
// for a minute, just when a key is to be replaced. The current key works all the same, and
// the one before until its overlap is over.
func TestProviderIsOutOfOrderAsAKeyIsReplaced(t *testing.T) {
	for name, test := range map[string]struct{ life, period, overlap time.Duration }{
		"without an overlap":              {15 * time.Minute, 15*time.Minute + 30*time.Second, 0},
		"with one":                        {15 * time.Minute, 14 * time.Minute, 90 * time.Second},
		"with a period that just suits":   {15 * time.Minute, 13*time.Minute + 25*time.Second, 90 * time.Second},
		"with one that is long":           {15 * time.Minute, 10 * time.Minute, 5*time.Minute + 30*time.Second},
		"at the end of a longer life":     {2 * time.Hour, 2*time.Hour + 30*time.Second, 0},
		"of a longer life and an overlap": {2 * time.Hour, 100 * time.Minute, 20*time.Minute + 30*time.Second},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			w := newWorld(t)
			isWritten, until := false, time.Time{}
			w.behind(func(rw http.ResponseWriter, r *http.Request, pass func()) {
				if isWritten && until.IsZero() && r.Method == http.MethodPost {
					until = w.time().Add(time.Minute)
				}
				if w.time().Before(until) {
					rw.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				pass()
			})
			w.capExpiry(test.life)
			r := staticRole(test.overlap)
			r.Schedule = timetable.Schedule{Period: test.period}
			w.must(w.process.SaveStaticRole(context.Background(), w.storage, "legacy", r))
			isWritten = true
			first := w.current("legacy")
			for w.current("legacy").Name == first.Name {
				w.pass(5*time.Second, 5*time.Second)
				if !w.time().Before(first.ExpiresAt) {
					t.Fatal("the key has ended, and was not replaced before")
				}
			}
			if left := first.ExpiresAt.Sub(w.time()); left < test.overlap {
				t.Errorf("the key works for %s beside its successor, want %s", left, test.overlap)
			}
		}))
	}
}
