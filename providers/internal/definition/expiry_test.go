package definition

import (
	"testing"
	"time"
)

func TestExpiryAt(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 3, 1, 10, 0, 0, 500, time.UTC)
	tests := []struct {
		name   string
		expiry Expiry
		wish   time.Duration // from now
		want   string        // RFC 3339, "" for an error
	}{
		{"any second, rounded up", Expiry{}, time.Hour, "2026-03-01T11:00:01Z"},
		{"minimum", Expiry{Minimum: 2 * time.Hour}, time.Hour, "2026-03-01T12:00:01Z"},
		{"whole days", Expiry{Granularity: day}, time.Hour, "2026-03-02T00:00:00Z"},
		{"just past midnight", Expiry{Granularity: day}, 14*time.Hour + time.Second, "2026-03-03T00:00:00Z"},
		{"whole days from now", Expiry{Granularity: day, FromNow: true}, time.Hour, "2026-03-02T10:00:00Z"},
		{"just past a day from now", Expiry{Granularity: day, FromNow: true}, day, "2026-03-03T10:00:00Z"},
		{"at most so many days from now", Expiry{Granularity: day, FromNow: true, Maximum: 36 * time.Hour}, time.Hour, "2026-03-02T10:00:00Z"},
		{"beyond so many days from now", Expiry{Granularity: day, FromNow: true, Maximum: 36 * time.Hour}, 25 * time.Hour, ""},
		{"a minimum of days from now", Expiry{Granularity: day, FromNow: true, Minimum: 2 * day}, time.Hour, "2026-03-03T10:00:00Z"},
		{"maximum", Expiry{Maximum: 2 * time.Hour}, 2*time.Hour - time.Second, "2026-03-01T12:00:00Z"},
		{"beyond the maximum", Expiry{Maximum: 2 * time.Hour}, 3 * time.Hour, ""},
		{"next allowed", Expiry{Allowed: []time.Duration{time.Hour, day}}, 2 * time.Hour, "2026-03-02T10:00:00Z"},
		{"beyond all allowed", Expiry{Allowed: []time.Duration{time.Hour, day}}, 2 * day, ""},
		{"fixed", Expiry{Fixed: day}, time.Hour, "2026-03-02T10:00:00Z"},
		{"beyond fixed", Expiry{Fixed: day}, 2 * day, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			atLeast := now.Add(test.wish)
			got, err := test.expiry.At(now, atLeast)
			switch {
			case test.want == "" && err == nil:
				t.Fatalf("it ends at %s", got)
			case test.want == "":
				return
			case err != nil:
				t.Fatal(err)
			case got.Format(time.RFC3339Nano) != test.want || got.Before(atLeast):
				t.Fatalf("it ends at %s, not %s", got.Format(time.RFC3339Nano), test.want)
			}
		})
	}
}

// TestLife: a lifetime that the provider offers is asked for whole.
func TestLife(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 3, 1, 10, 0, 0, 500, time.UTC)
	for name, test := range map[string]struct {
		expiry     Expiry
		wish, want time.Duration
	}{
		"one of a set": {Expiry{Allowed: []time.Duration{time.Hour, day}}, 2 * time.Hour, day},
		"the shortest": {Expiry{Allowed: []time.Duration{time.Hour, day}}, time.Minute, time.Hour},
		"fixed":        {Expiry{Fixed: day}, time.Hour, day},
		"days":         {Expiry{Granularity: day, FromNow: true}, 25 * time.Hour, 2 * day},
		"any":          {Expiry{}, time.Hour, time.Hour + time.Second - 500},
	} {
		t.Run(name, func(t *testing.T) {
			end, err := test.expiry.At(now, now.Add(test.wish))
			if err != nil {
				t.Fatal(err)
			}
			if got := test.expiry.Life(now, end); got != test.want {
				t.Errorf("it is to live %s, want %s", got, test.want)
			}
		})
	}
}

// Whatever the moment, the longest lease can be had.
func TestLongestLease(t *testing.T) {
	const day = 24 * time.Hour
	for _, expiry := range []Expiry{
		{Maximum: 2 * time.Hour},
		{Maximum: 30 * day, Granularity: day},
		{Minimum: day, Maximum: 90 * day, Granularity: time.Hour},
		{Allowed: []time.Duration{time.Hour, 7 * day}},
		{Fixed: day},
		{Maximum: 30 * day, Granularity: day, FromNow: true},
		{Maximum: 36 * time.Hour, Granularity: day, FromNow: true},
		{Maximum: day, Granularity: day, FromNow: true},
	} {
		lease := expiry.LongestLease()
		for _, shift := range []time.Duration{0, 1, time.Millisecond, 13*time.Hour + 59*time.Minute, day - 1} {
			now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).Add(shift)
			if end, err := expiry.At(now, now.Add(lease)); err != nil || end.Before(now.Add(lease)) {
				t.Errorf("%+v at %s: %s, %v", expiry, now, end, err)
			}
		}
	}
	if (Expiry{}).LongestLease() != 0 || (Expiry{Minimum: day}).LongestLease() != 0 {
		t.Error("a bound is made up")
	}
}

func TestKeyName(t *testing.T) {
	name, err := newKeyName(0, 0, "")
	if err != nil || !name.Allows('a') || !name.Allows('-') || name.Allows(' ') || name.Allows('é') {
		t.Errorf("the default is wrong: %v", err)
	}
	for _, characters := range []string{"A-Z", "a-z", "z-a", `a-z0-9\`} {
		if _, err := newKeyName(0, 0, characters); err == nil {
			t.Errorf("%q is taken", characters)
		}
	}
}
