package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestCountsAndShows(t *testing.T) {
	tests := map[string]struct {
		events                  []event
		passed, failed, skipped int
		shown, hidden           []string
	}{
		"tests of every outcome": {
			events: []event{
				{Action: "output", Package: "p", Test: "TestGood", Output: "quiet\n"},
				{Action: "pass", Package: "p", Test: "TestGood"},
				{Action: "output", Package: "p", Test: "TestBad", Output: "=== RUN   TestBad\n"},
				{Action: "output", Package: "p", Test: "TestBad", Output: "the reason\n"},
				{Action: "fail", Package: "p", Test: "TestBad"},
				{Action: "output", Package: "p", Test: "TestLater", Output: "why it is skipped\n"},
				{Action: "output", Package: "p", Test: "TestLater", Output: "--- SKIP: TestLater (0.00s)\n"},
				{Action: "skip", Package: "p", Test: "TestLater"},
				{Action: "fail", Package: "p"},
			},
			passed: 1, failed: 1, skipped: 1,
			shown:  []string{"the reason", "FAIL  p\nSKIPPED why it is skipped\n        p TestLater\n"},
			hidden: []string{"quiet", "=== RUN", "--- SKIP"},
		},
		"a package that does not build": {
			events: []event{
				{Action: "build-output", ImportPath: "p", Output: "undefined: x\n"},
				{Action: "build-fail", ImportPath: "p"},
				{Action: "fail", Package: "p"},
			},
			failed: 1,
			shown:  []string{"undefined: x", "FAIL  p"},
		},
		"a process that dies after its tests passed": {
			events: []event{
				{Action: "pass", Package: "p", Test: "TestGood"},
				{Action: "output", Package: "p", Output: "panic in a goroutine\n"},
				{Action: "fail", Package: "p"},
			},
			passed: 1, failed: 1,
			shown: []string{"panic in a goroutine"},
		},
		"a process that dies in a test": {
			events: []event{
				{Action: "output", Package: "p", Test: "TestDoomed", Output: "panic in the test\n"},
				{Action: "output", Package: "q", Test: "TestOther", Output: "of another package\n"},
				{Action: "fail", Package: "p"},
			},
			failed: 1,
			shown:  []string{"panic in the test", "FAIL  p"},
			hidden: []string{"of another package"},
		},
		"a package without tests": {
			events: []event{
				{Action: "output", Package: "p", Output: "? p [no test files]\n"},
				{Action: "skip", Package: "p"},
			},
			hidden: []string{"p"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var events, out bytes.Buffer
			for _, e := range test.events {
				if err := json.NewEncoder(&events).Encode(e); err != nil {
					t.Fatal(err)
				}
			}
			r := newRun(&out, false)
			r.read(&events)
			r.tellSkipped()
			if r.passed != test.passed || r.failed != test.failed || r.skipped != test.skipped {
				t.Errorf("%d passed, %d failed, %d skipped", r.passed, r.failed, r.skipped)
			}
			for _, text := range test.shown {
				if !strings.Contains(out.String(), text) {
					t.Errorf("%q is not shown in:\n%s", text, out.String())
				}
			}
			for _, text := range test.hidden {
				if strings.Contains(out.String(), text) {
					t.Errorf("%q is shown in:\n%s", text, out.String())
				}
			}
		})
	}
}
