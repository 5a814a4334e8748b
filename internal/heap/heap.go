// Package heap has a process with a small heap collect its garbage less often. Go
// collects as soon as a heap has doubled, which for a plugin's ten megabytes is some
// twenty times a second under load, and a fifth of the CPU for a key.
package heap

import (
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// leastGarbage may lie about before it is collected, in bytes, however little lives.
	leastGarbage = 32 << 20
	// mostPercent and leastPercent bound the garbage in percent of what lives: the first
	// for heaps that are nearly empty, the second, which is half of Go's own, for large
	// ones, so that a ledger of a million keys takes no more than before.
	mostPercent  = 400
	leastPercent = 50
)

// Pace sets after each collection how much garbage the next one waits for, from now on
// until the process ends. It changes nothing where the environment has GOGC, which says
// the same by hand. It returns at once, and does no harm when it is called again.
func Pace() {
	if _, byHand := os.LookupEnv("GOGC"); byHand {
		return
	}
	pace()
	afterCollection(pace)
}

// pace lets as much garbage lie about as suits what lived at the last collection.
func pace() { debug.SetGCPercent(percentFor(live())) }

// live is how many bytes the last collection left; 0 before the first.
func live() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func percentFor(live uint64) int {
	if live == 0 {
		return mostPercent
	}
	return int(min(max(leastGarbage*100/live, leastPercent), mostPercent))
}

// afterCollection has act called after each collection: what nothing refers to is
// collected by the next one, which calls for it and leaves another in its place.
func afterCollection(act func()) {
	runtime.AddCleanup(new([64]byte), func(act func()) {
		act()
		afterCollection(act)
	}, act)
}
