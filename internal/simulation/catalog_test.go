//go:build !race

package simulation

import (
	"testing"
	"time"
)

// Each definition of the catalog that lives use is played in a life where nothing goes
// wrong, in which all that it can do is done.
func TestCatalogIsPlayed(t *testing.T) {
	for _, name := range dialectNames() {
		t.Run(name, func(t *testing.T) {
			life := Life{Seed: 1, Traits: Traits{Catalog: name, Second: secondConnection, Pages: 3}.consistent()}
			for i, kind := range []string{
				"mint", "mint", "mint", "mint", "burst", "renew", "static role", "rotate role", "rotate root", "rotate root", "renew", "end lease", "mint", "reconcile", "crash", "mint",
			} {
				life.Events = append(life.Events, Event{N: i, At: time.Duration(20*i) * time.Second, Kind: kind, A: i, B: 1 + i, Yes: kind == "reconcile"})
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
