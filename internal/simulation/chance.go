package simulation

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"time"
)

// dice is the stream of one actor's step: equal words give equal draws.
func dice(seed uint64, words ...any) *rand.Rand {
	hash := fnv.New64a()
	fmt.Fprint(hash, seed)
	for _, word := range words {
		fmt.Fprint(hash, "\x00", word)
	}
	// The hash is scrambled once more: words that differ in their last letter
	// alone would begin alike.
	mixed := hash.Sum64()
	mixed ^= mixed >> 31
	mixed *= 0x9e3779b97f4a7c15
	mixed ^= mixed >> 29
	return rand.New(rand.NewPCG(mixed, seed))
}

// oneIn is true once in n times.
func oneIn(d *rand.Rand, n int) bool { return d.IntN(n) == 0 }

func pick[T any](d *rand.Rand, from ...T) T { return from[d.IntN(len(from))] }

// between draws a time, by the nanosecond: what happens at different moments
// happens in the same order each time.
func between(d *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(d.Int64N(int64(most-least)+1))
}

// chanceStream is what dice gives.
type chanceStream = *rand.Rand
