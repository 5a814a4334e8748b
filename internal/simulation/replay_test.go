//go:build !race

package simulation

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// turnsAreFixed reports whether this was built with the runtime of package replay.
// Otherwise each map is gone through in an order of chance.
func turnsAreFixed(t *testing.T) bool {
	fixed := true
	synctest.Test(t, func(*testing.T) {
		one := map[int]bool{1: true, 2: true, 3: true, 4: true, 5: true, 6: true, 7: true, 8: true}
		first := 0
		for range 100 {
			for n := range one {
				if first == 0 {
					first = n
				}
				fixed = fixed && n == first
				break
			}
		}
	})
	return fixed
}

// A life is played again by its seed to the letter: the same things happen at the
// same moments, and come to the same end; in this process and in others, on one
// processor and on two, alone and beside processes that keep the machine busy.
func TestReplay(t *testing.T) {
	if !turnsAreFixed(t) {
		t.Skip("a runtime that takes its turns by chance plays no life to the letter; make test and make simulate build one that does not")
	}
	seeds := uint64(12)
	if testing.Short() {
		seeds = 3
	}
	for range runtime.NumCPU() {
		keepBusy(t)
	}
	for seed := range seeds {
		first := play(t, Draw(seed)).History
		if len(first) == 0 {
			t.Errorf("seed %d: nothing happened", seed)
		}
		for how, again := range map[string][]string{
			"again":                      play(t, Draw(seed)).History,
			"elsewhere on one processor": playElsewhere(t, seed, "GOMAXPROCS=1"),
			"elsewhere on two":           playElsewhere(t, seed, "GOMAXPROCS=2", "GOGC=10"),
		} {
			if !slices.Equal(first, again) {
				t.Errorf("seed %d, %s: %s", seed, how, firstDifference(first, again))
			}
		}
	}
}

// historyMark begins each line of a history that another process prints.
const historyMark = "history: "

// playElsewhere plays a seed's life in a process of its own.
func playElsewhere(t *testing.T, seed uint64, settings ...string) []string {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run", "^TestHistory$", "-test.v")
	child.Env = append(os.Environ(), append(settings, fmt.Sprintf("HISTORY=%d", seed))...)
	out, err := child.CombinedOutput()
	if err != nil {
		t.Fatalf("seed %d in a process of its own: %s\n%s", seed, err, out)
	}
	var history []string
	for line := range strings.Lines(string(out)) {
		if text, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), historyMark); ok {
			history = append(history, text)
		}
	}
	return history
}

// TestHistory prints the history of the life of HISTORY, for TestReplay.
func TestHistory(t *testing.T) {
	if os.Getenv("HISTORY") == "" {
		t.Skip("a part of TestReplay, in a process of its own")
	}
	for _, line := range play(t, Draw(number(t, "HISTORY", 0))).History {
		fmt.Println(historyMark + line)
	}
}

// keepBusy has a process beside this one use the machine until the test ends, or this
// process does.
func keepBusy(t *testing.T) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run", "^$")
	child.Env = append(os.Environ(), "BUSY=yes")
	stdin, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stdin.Close()
		_ = child.Wait()
	})
}

// beBusy computes until standard input ends.
func beBusy() {
	done := make(chan struct{})
	go func() {
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		close(done)
	}()
	for n := 0; ; n++ {
		if n%1_000_000 == 0 {
			select {
			case <-done:
				return
			default:
			}
		}
	}
}

// firstDifference tells where two histories part.
func firstDifference(a, b []string) string {
	at := 0
	for at < min(len(a), len(b)) && a[at] == b[at] {
		at++
	}
	return "\n" + strings.Join(a[at:min(at+5, len(a))], "\n") + "\nand then\n" + strings.Join(b[at:min(at+5, len(b))], "\n")
}
