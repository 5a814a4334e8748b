package retry

import (
	"math/rand/v2"
	"time"
)

const (
	// First is the pause after the first failure.
	First = 2 * time.Second
	// LongestUnreachable keeps the promise that everything queued is revoked
	// within a minute of an unreachable provider's return.
	LongestUnreachable = 20 * time.Second
	// LongestRefused bounds the pauses of an entry that a reachable provider
	// refuses.
	LongestRefused = 15 * time.Minute
)

// Jitter draws the random part of pauses; nil draws at random.
type Jitter func(what string, attempt int) float64

// Pause is an exponential back-off with half of it random, so that what waits
// does not march in step.
func (j Jitter) Pause(what string, attempt int, longest time.Duration) time.Duration {
	full := min(longest, First<<min(attempt-1, 20))
	return full/2 + time.Duration(j.draw(what, attempt)*float64(full/2))
}

func (j Jitter) draw(what string, attempt int) float64 {
	if j == nil {
		return rand.Float64()
	}
	return j(what, attempt)
}
