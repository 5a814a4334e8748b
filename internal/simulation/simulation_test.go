//go:build !race

package simulation

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// longestLife bounds the real time of one life: one that takes longer hangs, as
// when a lock is held while a provider is asked.
const longestLife = 5 * time.Minute

func TestMain(m *testing.M) {
	// One thread runs a bubble's goroutines in much the same order each time. The
	// race detector has them run in an order of chance, so this is not for it.
	if os.Getenv("BUSY") != "" {
		runtime.GOMAXPROCS(2)
		beBusy()
		return
	}
	runtime.GOMAXPROCS(1)
	os.Exit(m.Run())
}

// number reads a whole number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is %q; write a whole number", name, text)
	}
	return n
}

// play plays a life, and ends the process when it hangs.
func play(t *testing.T, life Life) Outcome {
	watch := time.AfterFunc(longestLife, func() {
		fmt.Fprintf(os.Stderr, "the life of seed %d hangs:\n%s", life.Seed, life.describe())
		debug.SetTraceback("all")
		panic("a life hangs: perhaps a lock is held while something is waited for")
	})
	defer watch.Stop()
	// The collector takes its turns among the life's own goroutines.
	defer runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	return Play(t, life)
}

// breaksAgain answers whether a life breaks an invariant, to shrink another by.
func breaksAgain(t *testing.T, invariant string) func(Life) bool {
	return func(life Life) bool {
		return slices.ContainsFunc(play(t, life).Broken, func(v Violation) bool { return v.Invariant == invariant })
	}
}

// report tells what a broken life comes down to.
func report(t *testing.T, life Life, broken Violation) {
	t.Helper()
	shrunk := Shrink(life, breaksAgain(t, broken.Invariant))
	outcome := play(t, shrunk)
	t.Errorf("%s\n\nThe shortest history that breaks it (make simulate SEED=%d plays the whole one):\n%s\n%s",
		broken, life.Seed, shrunk.describe(), strings.Join(readable(outcome.History), "\n"))
}

// TestLife plays the life of SEED and shows its history, and then the shortest
// one that breaks the same.
func TestLife(t *testing.T) {
	if os.Getenv("SEED") == "" {
		t.Skip("a tool for people: it plays the life of SEED")
	}
	life := Draw(number(t, "SEED", 0))
	outcome := play(t, life)
	t.Logf("%s\n%s", life.describe(), strings.Join(outcome.History, "\n"))
	if len(outcome.Broken) > 0 && os.Getenv("SHRINK") != "no" {
		report(t, life, outcome.Broken[0])
	}
	for _, v := range outcome.Broken {
		t.Error(v)
	}
}

// TestLives plays LIVES lives, from seed FROM on.
func TestLives(t *testing.T) {
	lives, from := number(t, "LIVES", 200), number(t, "FROM", 1)
	if testing.Short() { // make test has all
		lives = min(lives, 12)
	}
	seconds := number(t, "SECONDS", 0)
	if seconds > 0 {
		lives = math.MaxUint64 - from
	}
	began, played := time.Now(), 0
	defer func() { fmt.Printf("%d lives were played, from seed %d on\n", played, from) }()
	for seed := from; seed < from+lives; seed++ {
		if seconds > 0 && time.Since(began) > time.Duration(seconds)*time.Second {
			return
		}
		played++
		life := Draw(seed)
		outcome := play(t, life)
		if len(outcome.Broken) == 0 {
			continue
		}
		if os.Getenv("SHRINK") == "no" {
			t.Errorf("seed %d: %s", seed, outcome.Broken[0])
			if os.Getenv("FIRST") != "" {
				return
			}
			continue
		}
		report(t, life, outcome.Broken[0])
		if t.Failed() {
			return
		}
	}
}
