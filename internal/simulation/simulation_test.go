//go:build !race

package simulation

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
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

// firstLives are those that make test plays.
const firstLives = 200

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
	keepLife(t, shrunk)
	t.Errorf("%s\n\nThe shortest history that breaks it (make simulate SEED=%d plays the whole one):\n%s\n%s",
		broken, life.Seed, shrunk.describe(), strings.Join(readable(outcome.History), "\n"))
}

// foundFolder has the lives that found something, as they were shrunk.
const foundFolder = "testdata/lives"

// keepLife writes a life to the folder of those that are played from then on, by the name
// KEEP, where that is set.
func keepLife(t *testing.T, life Life) {
	t.Helper()
	name := os.Getenv("KEEP")
	if name == "" {
		return
	}
	text, err := json.MarshalIndent(map[string]any{"Seed": life.Seed, "Traits": notZero(life.Traits), "Events": eachNotZero(life.Events)}, "", "  ")
	if err == nil {
		err = os.WriteFile(filepath.Join(foundFolder, name+".json"), append(text, '\n'), 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// notZero are the fields of a struct that are not zero.
func notZero(of any) map[string]any {
	fields, value := map[string]any{}, reflect.ValueOf(of)
	for i := range value.NumField() {
		if !value.Field(i).IsZero() {
			fields[value.Type().Field(i).Name] = value.Field(i).Interface()
		}
	}
	return fields
}

func eachNotZero(events []Event) (all []map[string]any) {
	for _, e := range events {
		all = append(all, notZero(e))
	}
	return all
}

// TestFoundLives plays again each life that found something once, as it was then: what
// seeds draw changes with the world.
func TestFoundLives(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(foundFolder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there are %d lives in %s: %v", len(files), foundFolder, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var life Life
			decoder := json.NewDecoder(bytes.NewReader(text))
			decoder.DisallowUnknownFields()
			if err := decoder.Decode(&life); err != nil {
				t.Fatalf("%s: %v; a trait or an attribute of events has another name now", file, err)
			}
			outcome := play(t, life)
			for _, v := range outcome.Broken {
				t.Errorf("%s\n%s", v, strings.Join(readable(outcome.History), "\n"))
			}
		})
	}
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
	lives, from := number(t, "LIVES", firstLives), number(t, "FROM", 1)
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

// Each trait, and each of its values, is that of some life among the first ones, which
// make test plays.
func TestEveryTraitIsPlayed(t *testing.T) {
	seen := map[string]bool{}
	for seed := uint64(1); seed <= firstLives; seed++ {
		traits := reflect.ValueOf(Draw(seed).Traits)
		for i := range traits.NumField() {
			seen[fmt.Sprintf("%s=%v", traits.Type().Field(i).Name, traits.Field(i))] = true
		}
	}
	all := reflect.TypeFor[Traits]()
	for i := range all.NumField() {
		name, values := all.Field(i).Name, 0
		for value := range seen {
			if strings.HasPrefix(value, name+"=") {
				values++
			}
		}
		if values < 2 {
			t.Errorf("%s is the same in each of the first %d lives", name, firstLives)
		}
	}
	for _, value := range []string{
		"EndsKeys=all", "EndsKeys=beta", "Second=another mount", "Second=another mount of the same Vault", "Lag=5s", "Lag=10m",
		"PageKind=page", "PageKind=offset", "PageKind=cursor", "PageKind=link", "PageKind=url", "Rounds=24h0m0s", "Fixed=50m0s",
		"Past=1m0s", "Past=1h5m0s", "Rotation=new", "Rotation=candidate", "Rotation=in place",
	} {
		if !seen[value] {
			t.Errorf("no life has %s", value)
		}
	}
}
