//go:build !race

package simulation

import (
	"slices"
	"strings"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/providers"
)

// Each definition of the catalog is one that lives use, or has a reason why not.
func TestEveryDefinitionIsPlayedOrSaysWhyNot(t *testing.T) {
	names := providers.BuiltIn()
	for _, name := range names {
		reason, not := notPlayed[name]
		switch played := slices.Contains(dialectNames(), name); {
		case played && not:
			t.Errorf("%s is played, and notPlayed has it", name)
		case !played && len(reason) < 20:
			t.Errorf("%s is not played: give it a dialect or a lesson, or say in notPlayed what keeps it from that", name)
		}
	}
	for _, name := range slices.Concat(dialectNames(), sortedNames(notPlayed)) {
		if !slices.Contains(names, name) {
			t.Errorf("%s is no definition of the catalog", name)
		}
	}
	if played := len(dialectNames()); played < leastPlayed {
		t.Errorf("%d definitions are played, fewer than the %d that were", played, leastPlayed)
	}
}

// leastPlayed is how many definitions of the catalog are played at least.
const leastPlayed = 80

// What an exchange leaves open is no dialect: a value that stands nowhere is an error.
func TestLessons(t *testing.T) {
	for _, name := range sortedNames(lessons) {
		if _, err := learn(name, lessons[name]); err != nil {
			t.Errorf("%s: %s", name, err)
		}
	}
}

// What an answer tells of a key's end is read: a provider may give another one than it was
// asked for, as the world's does, and no lease is to outlast it.
func TestEndsThatAreToldAreRead(t *testing.T) {
	for _, name := range dialectNames() {
		d, err := providers.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		tells := map[string]bool{}
		for _, r := range dialectOf(name).all() {
			tells[r.what] = tells[r.what] || r.answers("$end") || r.answers("$ttl")
		}
		if read := d.Issue.ActualExpiry; (tells["make"] || tells["fill"]) && read.At == nil && read.In == nil {
			t.Errorf("%s tells the end of a new key, and its definition does not read it", name)
		}
		if tells["extend"] && d.Extend.Grant.At == nil && d.Extend.Grant.In == nil {
			t.Errorf("%s tells the end that a key was moved to, and its definition does not read it", name)
		}
	}
}

// Each definition of the catalog that lives use is played in a life where nothing goes
// wrong, in which all that it can do is done.
func TestCatalogIsPlayed(t *testing.T) {
	for i, name := range dialectNames() {
		if testing.Short() && i%7 > 0 { // make test has all
			continue
		}
		t.Run(name, func(t *testing.T) {
			life := Life{Seed: 1, Traits: Traits{Catalog: name, Second: secondConnection, Pages: 3}.consistent()}
			for n, kind := range []string{
				"mint", "mint", "mint", "mint", "burst", "renew", "static role", "rotate role", "rotate root", "rotate root", "renew", "end lease", "mint", "reconcile", "crash", "mint",
			} {
				if fits := actionOf(kind).fits; fits != nil && !fits(life.Traits) {
					continue
				}
				life.Events = append(life.Events, Event{N: n, At: time.Duration(20*n) * time.Second, Kind: kind, A: n, B: 1 + n, Yes: kind == "reconcile"})
			}
			outcome := play(t, life)
			for _, v := range outcome.Broken {
				t.Error(v)
			}
			// Before that a new key is asked whether it works, where it can be.
			if !slices.ContainsFunc(outcome.History, func(line string) bool { return strings.Contains(line, "the key of a static role was rotated") }) {
				t.Error("no static role has got a key")
			}
			if t.Failed() {
				for _, line := range outcome.History {
					t.Log(line)
				}
			}
		})
	}
}

// Each definition of the catalog that lives use gives keys in a world where nothing goes
// wrong, whatever its provider is like.
func TestCatalogGivesKeys(t *testing.T) {
	likes := map[string]Traits{
		"that ends keys early":    {Shortens: 15 * time.Minute, Clock: -20 * time.Second},
		"that shows keys late":    {ListLag: 40 * time.Second, YoungLag: 25 * time.Second, Pages: 2, Timeout: 31 * time.Second},
		"that is slow":            {Slow: 2 * time.Second, Clock: 20 * time.Second, Pages: 3, Standby: true},
		"that ends keys late":     {DeathLag: 30 * time.Second, Verify: true, ReuseIDs: true},
		"that lies of ended keys": {Lies: liesOnce, NewestFirst: true, Claims: true},
	}
	for i, name := range dialectNames() {
		if testing.Short() && i%7 > 0 { // make test has all
			continue
		}
		for _, like := range sortedNames(likes) {
			t.Run(name+" "+like, func(t *testing.T) {
				traits := likes[like]
				traits.Catalog, traits.Second = name, secondConnection
				for _, v := range play(t, Life{Seed: 1, Traits: traits.consistent()}).Broken {
					t.Error(v)
				}
			})
		}
	}
}
