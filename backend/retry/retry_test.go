package retry

import (
	"testing"
	"time"
)

func TestPauses(t *testing.T) {
	drawn := func(part float64) Jitter {
		return func(string, int) float64 { return part }
	}
	tests := []struct {
		name        string
		jitter      Jitter
		attempt     int
		least, most time.Duration
	}{
		{"the first, at random", nil, 1, First / 2, First},
		{"the third, at random", nil, 3, 2 * First, 4 * First},
		{"one of very many, at random", nil, 1000, 30 * time.Second, time.Minute},
		{"the least that can be drawn", drawn(0), 2, First, First},
		{"the middle", drawn(0.5), 2, First * 3 / 2, First * 3 / 2},
		{"the most that can be drawn", drawn(1), 2, 2 * First, 2 * First},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pause := test.jitter.Pause("something", test.attempt, time.Minute)
			if pause < test.least || pause > test.most {
				t.Errorf("a pause of %s, want one from %s to %s", pause, test.least, test.most)
			}
		})
	}
}
