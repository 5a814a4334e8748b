package backend

import (
	"testing"
	"time"
)

func TestPauses(t *testing.T) {
	drawn := func(part float64) jitter {
		return func(string, int) float64 { return part }
	}
	tests := []struct {
		name        string
		jitter      jitter
		attempt     int
		least, most time.Duration
	}{
		{"the first, at random", nil, 1, firstRetry / 2, firstRetry},
		{"the third, at random", nil, 3, 2 * firstRetry, 4 * firstRetry},
		{"one of very many, at random", nil, 1000, 30 * time.Second, time.Minute},
		{"the least that can be drawn", drawn(0), 2, firstRetry, firstRetry},
		{"the middle", drawn(0.5), 2, firstRetry * 3 / 2, firstRetry * 3 / 2},
		{"the most that can be drawn", drawn(1), 2, 2 * firstRetry, 2 * firstRetry},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			pause := test.jitter.pause("something", test.attempt, time.Minute)
			if pause < test.least || pause > test.most {
				t.Errorf("a pause of %s, want one from %s to %s", pause, test.least, test.most)
			}
		})
	}
}
