package backend

import (
	"math/rand/v2"
	"time"
)

const (
	firstRetry = 2 * time.Second
	// longestConnectionRetry keeps the promise that everything queued is revoked
	// within a minute of an unreachable provider's return.
	longestConnectionRetry = 20 * time.Second
	// longestEntryRetry bounds the pauses of an entry that a reachable provider
	// refuses.
	longestEntryRetry = 15 * time.Minute
)

// jitter draws the random part of pauses; nil draws at random.
type jitter func(what string, attempt int) float64

// pause is an exponential back-off with half of it random, so that what waits
// does not march in step.
func (j jitter) pause(what string, attempt int, longest time.Duration) time.Duration {
	full := min(longest, firstRetry<<min(attempt-1, 20))
	return full/2 + time.Duration(j.draw(what, attempt)*float64(full/2))
}

func (j jitter) draw(what string, attempt int) float64 {
	if j == nil {
		return rand.Float64()
	}
	return j(what, attempt)
}
