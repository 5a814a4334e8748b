package marks

import (
	"testing"
	"time"
)

// TestWindows is which times a mark tells of, as the clock goes on and jumps.
func TestWindows(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		mints   []time.Duration // when, from noon
		windows int
		without []time.Duration // times that no window may hold
	}{
		"one":                      {mints: []time.Duration{0}, windows: 1, without: []time.Duration{-2 * time.Second, WindowLength + time.Second}},
		"time goes on":             {mints: []time.Duration{0, WindowLeft, 2 * WindowLeft}, windows: 1, without: []time.Duration{-time.Minute, time.Hour}},
		"a long pause":             {mints: []time.Duration{0, time.Hour}, windows: 2, without: []time.Duration{30 * time.Minute}},
		"set back by a year":       {mints: []time.Duration{0, -8760 * time.Hour}, windows: 2, without: []time.Duration{-time.Hour, -8759 * time.Hour}},
		"ahead for a moment":       {mints: []time.Duration{0, 8760 * time.Hour, time.Minute}, windows: 3, without: []time.Duration{24 * time.Hour}},
		"set back by some seconds": {mints: []time.Duration{0, -30 * time.Second}, windows: 1, without: []time.Duration{-time.Minute}},
	} {
		t.Run(name, func(t *testing.T) {
			var m *Mark
			for _, at := range test.mints {
				now := noon.Add(at)
				mint := Mint{Issued: now, Longest: time.Minute}
				if m == nil || !m.covers(mint, now) {
					m = m.extended(mint, now)
				}
				if !m.covers(mint, now) {
					t.Errorf("the mark does not cover the mint at %s that it was made for: %v", at, m.Windows)
				}
			}
			for _, at := range test.mints {
				if !Windows(m.Windows).Contain(noon.Add(at)) {
					t.Errorf("no window has %s: %v", at, m.Windows)
				}
			}
			for _, at := range test.without {
				if Windows(m.Windows).Contain(noon.Add(at)) {
					t.Errorf("a window has %s, when nothing was made: %v", at, m.Windows)
				}
			}
			if len(m.Windows) != test.windows {
				t.Errorf("%d windows, want %d: %v", len(m.Windows), test.windows, m.Windows)
			}
		})
	}
}

// TestWindowsAreBounded: a clock that jumps without end costs no more than some
// windows, and none of the times is lost.
func TestWindowsAreBounded(t *testing.T) {
	noon := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	var m *Mark
	var times []time.Time
	for n := range 100 {
		at := noon.Add(time.Duration(n*n%37) * 24 * time.Hour)
		m = m.extended(Mint{Issued: at, Longest: time.Minute}, at)
		times = append(times, at)
	}
	if len(m.Windows) > MostWindows {
		t.Errorf("%d windows", len(m.Windows))
	}
	for _, at := range times {
		if !Windows(m.Windows).Contain(at) {
			t.Errorf("no window has %s", at)
		}
	}
}
