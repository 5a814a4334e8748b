package expr

import (
	"encoding/json"
	"testing"
	"time"
)

func TestReadTime(t *testing.T) {
	moment := time.Date(2026, 11, 22, 10, 30, 15, 0, time.UTC)
	millis := moment.Add(678 * time.Millisecond)
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for _, test := range []struct {
		told any
		want time.Time
	}{
		{"2026-11-22T10:30:15Z", moment},
		{"2026-11-22t10:30:15z", moment},
		{" 2026-11-22T10:30:15Z\n", moment},
		{"2026-11-22T12:30:15+02:00", moment},
		{"2026-11-22T12:30:15+0200", moment},
		{"2026-11-22T10:30:15", moment},
		{"2026-11-22T10:30:15.678Z", millis},
		{"2026-11-22T10:30:15,678Z", millis},
		{"2026-11-22T10:30:15.678000123Z", millis.Add(123)},
		{"2026-11-22 10:30:15 UTC", moment},                 // Rails
		{"2026-11-22 12:30:15 +0200", moment},               // Ruby
		{"2026-11-22 10:30:15.678 +0000 UTC", millis},       // Go
		{"2026-11-22 10:30:15.678+00", millis},              // PostgreSQL
		{"2026-11-22 12:30:15.678+02", millis},              //
		{"2026-11-22 16:00:15+05:30", moment},               //
		{"2026-11-22 10:30:15", moment},                     // MySQL
		{"2026-11-22T10:30Z", moment.Truncate(time.Minute)}, //
		{"20261122T103015Z", moment},                        // ISO 8601, basic
		{"Sun, 22 Nov 2026 10:30:15 GMT", moment},           // HTTP
		{"Sun, 22 Nov 2026 12:30:15 +0200", moment},         // mail
		{"2026-11-22", time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)},
		{"20261122103015", moment},                                                                  // without anything between
		{"20261122103015Z", moment},                                                                 // LDAP
		{"2026-11-22T10:30:15Z[UTC]", moment},                                                       // Java
		{"2026-11-22T12:30:15+02:00[Europe/Paris]", moment},                                         //
		{"/Date(1795343415000)/", moment},                                                           // .NET
		{"/Date(-62135596800000)/", time.Time{}},                                                    // and its first time,
		{"/Date(253402300799999)/", last.Add(999 * time.Millisecond)},                               // and its last,
		{json.Number("253402300799"), last},                                                         // in seconds,
		{json.Number("253402300799999"), last.Add(999 * time.Millisecond)},                          // and in milliseconds
		{json.Number("253402300800000"), time.Date(1978, 1, 11, 21, 31, 40, 800_000_000, time.UTC)}, // in microseconds
		{json.Number("20261122103015"), moment},
		{json.Number("20261122"), moment.Truncate(24 * time.Hour)},
		{"20261122", moment.Truncate(24 * time.Hour)},
		{json.Number("20261372"), time.Time{}}, // in 1970
		{json.Number("3600"), time.Time{}},     // rather a lifetime
		{"3600", time.Time{}},
		{"1795343415", moment},
		{json.Number("1795343415"), moment},
		{json.Number("1.795343415e9"), moment},
		{json.Number("1795343415.0"), moment},
		{json.Number("1795343415678"), millis},
		{json.Number("1795343415678000"), millis},
		{json.Number("1795343415678000123"), millis.Add(123)},
		{"2026-11-22 10:30:15 CET", time.Time{}}, // which might be any zone
		{"9999-12-31T23:59:59Z", time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)},
		{"0001-01-01T00:00:00Z", time.Time{}},
		{json.Number("0"), time.Time{}},
		{json.Number("-1"), time.Time{}},
		{json.Number("1e300"), time.Time{}},
		{json.Number("1e10000000"), time.Time{}},
		{json.Number("99999999999999999999"), time.Time{}},
		{"soon", time.Time{}},
		{"", time.Time{}},
		{nil, time.Time{}},
		{true, time.Time{}},
		{[]any{"2026-11-22"}, time.Time{}},
	} {
		if got := ReadTime(test.told); !got.Equal(test.want) {
			t.Errorf("%#v is read as %s, want %s", test.told, got, test.want)
		}
	}
}

func TestEndless(t *testing.T) {
	for _, told := range []any{
		nil, "", " ", "never", "Never", "none", "unlimited", "0", "-1", "0.0", false,
		json.Number("0"), json.Number("-1"), json.Number("-62135596800"),
		"0001-01-01T00:00:00Z", "0001-01-01 00:00:00", "1970-01-01T00:00:00Z", "0000-00-00 00:00:00", "/Date(-62135596800000)/",
	} {
		if !IsEndless(told) {
			t.Errorf("%#v counts as an end", told)
		}
	}
	for _, told := range []any{"1", "soon", "2026-11-22", json.Number("1"), json.Number("0.5"), json.Number("253402300799"), "1e300", "NaN", true, []any{}, map[string]any{}} {
		if IsEndless(told) {
			t.Errorf("%#v counts as no end", told)
		}
	}
}

func TestReadSeconds(t *testing.T) {
	for _, test := range []struct {
		told any
		want time.Duration
		ok   bool
	}{
		{json.Number("3600"), time.Hour, true},
		{json.Number("3600.0"), time.Hour, true},
		{json.Number("3.6e3"), time.Hour, true},
		{json.Number("0.5"), 500 * time.Millisecond, true},
		{"3600", time.Hour, true},
		{" 3600 ", time.Hour, true},
		{"3599.5", 3599*time.Second + 500*time.Millisecond, true},
		{"1h", time.Hour, true},
		{"3600s", time.Hour, true},
		{json.Number("9223372036"), LongestGrant, true},
		{json.Number("9223372036854775807"), LongestGrant, true},
		{json.Number("1e300"), LongestGrant, true},
		{json.Number("1e10000000"), LongestGrant, true},
		{json.Number("-1"), 0, false},
		{"NaN", 0, false},
		{"an hour", 0, false},
		{"", 0, false},
		{nil, 0, false},
		{[]any{}, 0, false},
	} {
		if got, ok := ReadSeconds(test.told); got != test.want || ok != test.ok {
			t.Errorf("%#v is read as %s, %v, want %s, %v", test.told, got, ok, test.want, test.ok)
		}
	}
}

func FuzzTimes(f *testing.F) {
	for _, text := range []string{"2026-11-22 10:30:15.678+00", "1795343415", "-1", "never", "1e400", "3600s", "/Date(1)/", "Sun, 22 Nov 2026 10:30:15 GMT"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, told := range []any{text, json.Number(text)} {
			if at := ReadTime(told); !at.IsZero() {
				if at.Year() < 1970 || at.Year() > 9999 {
					t.Errorf("%q is read as the year %d", text, at.Year())
				}
				if again := ReadTime(at.Format(time.RFC3339Nano)); at.Year() > 1970 && !again.Equal(at) {
					t.Errorf("%q is read as %s, and that as %s", text, at, again)
				}
			}
			if life, ok := ReadSeconds(told); life < 0 || life > LongestGrant || !ok && life != 0 {
				t.Errorf("%q is read as %s", text, life)
			}
			IsEndless(told)
		}
	})
}
