//go:build !race

package simulation

import (
	"testing"
	"time"
)

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
				life.Events = append(life.Events, Event{N: n, At: time.Duration(20*n) * time.Second, Kind: kind, A: n, B: 1 + n, Yes: kind == "reconcile"})
			}
			outcome := play(t, life)
			for _, v := range outcome.Broken {
				t.Error(v)
			}
			if t.Failed() {
				for _, line := range outcome.History {
					t.Log(line)
				}
			}
		})
	}
}
