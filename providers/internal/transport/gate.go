package transport

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// maxPause bounds how long an answer may keep everybody waiting.
const maxPause = 60 * time.Second

// mostBefore is how many revocations go before a mint that waits.
const mostBefore = 3

// gate lets requests through at the provider's rate, revocations first: a
// leaked key must not live on because many new ones are asked for. But when
// thousands of leases end at once, every fourth turn is a mint's: who needs a key
// now would else wait until all of them are gone.
type gate struct {
	mu          sync.Mutex
	limiter     *rate.Limiter
	closedUntil time.Time
	urgent      []*waiter
	ordinary    []*waiter
	// before counts the revocations that went before the first ordinary waiter.
	before int
	// next opens the gate for the first waiter; nil while nobody waits.
	// booked is the limiter's slot that it is going to use.
	next   *time.Timer
	booked *rate.Reservation
}

// waiter is one request at the gate. admitted receives true when it may pass and
// false when its time will not do.
type waiter struct {
	deadline time.Time // zero when it can wait for ever
	admitted chan bool
}

// newGate builds a gate for so many requests in a second; 0 means any number.
// A second's worth may pass in a burst.
func newGate(perSecond float64) *gate {
	if perSecond <= 0 {
		return &gate{limiter: rate.NewLimiter(rate.Inf, 1)}
	}
	return &gate{limiter: rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond)))}
}

// wait returns true when it is the caller's turn. It returns false when ctx ends
// before that, at once where that can be known, and how long it would have taken.
func (g *gate) wait(ctx context.Context, urgent bool) (time.Duration, bool) {
	if ctx.Err() != nil {
		return 0, false
	}
	w, after, passed := g.enter(ctx, urgent)
	if w == nil {
		return after, passed
	}
	select {
	case ok := <-w.admitted:
		return g.remaining(), ok
	case <-ctx.Done():
		g.leave(w)
		return after, false
	}
}

// enter passes, refuses, or lines up the caller; only in the last case is there
// a waiter.
func (g *gate) enter(ctx context.Context, urgent bool) (*waiter, time.Duration, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	ahead := g.ahead(urgent)
	if ahead == 0 && !now.Before(g.closedUntil) && g.limiter.AllowN(now, 1) {
		return nil, 0, true
	}
	after := g.expected(now, ahead)
	deadline, _ := ctx.Deadline()
	if !deadline.IsZero() && now.Add(after).After(deadline) {
		return nil, after, false
	}
	w := &waiter{deadline: deadline, admitted: make(chan bool, 1)}
	if urgent {
		g.urgent = append(g.urgent, w)
	} else {
		g.ordinary = append(g.ordinary, w)
	}
	g.arm(now)
	return w, after, false
}

// ahead is how many go before a newcomer.
func (g *gate) ahead(urgent bool) int {
	if urgent {
		return len(g.urgent) + min(len(g.ordinary), len(g.urgent)/mostBefore)
	}
	return len(g.ordinary) + min(len(g.urgent), mostBefore*(len(g.ordinary)+1))
}

// expected is how long a newcomer with so many before it waits.
func (g *gate) expected(now time.Time, ahead int) time.Duration {
	pause := max(0, g.closedUntil.Sub(now))
	if g.limiter.Limit() == rate.Inf {
		return pause
	}
	slots := float64(ahead + 1)
	if g.next != nil {
		slots-- // one is booked, so the limiter has counted it
	}
	missing := slots - g.limiter.TokensAt(now)
	return max(pause, time.Duration(missing/float64(g.limiter.Limit())*float64(time.Second)))
}

// arm books the next slot for whoever is first when it comes.
func (g *gate) arm(now time.Time) {
	if g.next != nil || len(g.urgent)+len(g.ordinary) == 0 {
		return
	}
	g.booked = g.limiter.ReserveN(now, 1)
	g.next = time.AfterFunc(max(g.booked.DelayFrom(now), g.closedUntil.Sub(now)), g.turn)
}

// turn lets the first waiter through.
func (g *gate) turn() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.Before(g.closedUntil) { // closed since the slot was booked
		g.next = time.AfterFunc(g.closedUntil.Sub(now), g.turn)
		return
	}
	g.next = nil
	switch {
	case len(g.urgent) > 0 && (len(g.ordinary) == 0 || g.before < mostBefore):
		g.urgent[0].admitted <- true
		g.urgent = g.urgent[1:]
		g.before++
	case len(g.ordinary) > 0:
		g.ordinary[0].admitted <- true
		g.ordinary = g.ordinary[1:]
		g.before = 0
	}
	if len(g.ordinary) == 0 {
		g.before = 0
	}
	g.arm(now)
}

// leave takes a waiter out of the line.
func (g *gate) leave(w *waiter) {
	g.mu.Lock()
	defer g.mu.Unlock()
	same := func(other *waiter) bool { return other == w }
	g.urgent = slices.DeleteFunc(g.urgent, same)
	g.ordinary = slices.DeleteFunc(g.ordinary, same)
	g.disarm()
}

// disarm gives the booked slot back when nobody is left to use it.
func (g *gate) disarm() {
	if g.next != nil && len(g.urgent)+len(g.ordinary) == 0 && g.next.Stop() {
		g.booked.Cancel()
		g.next = nil
	}
}

// close shuts the gate to everybody for d, at most maxPause, and sends away
// those whose time ends before it opens.
func (g *gate) close(d time.Duration) {
	if d <= 0 {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	until := time.Now().Add(min(d, maxPause))
	if !until.After(g.closedUntil) {
		return
	}
	g.closedUntil = until
	hopeless := func(w *waiter) bool {
		if w.deadline.IsZero() || !w.deadline.Before(until) {
			return false
		}
		w.admitted <- false
		return true
	}
	g.urgent = slices.DeleteFunc(g.urgent, hopeless)
	g.ordinary = slices.DeleteFunc(g.ordinary, hopeless)
	g.disarm()
}

// remaining is how long the gate stays closed.
func (g *gate) remaining() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return max(0, time.Until(g.closedUntil))
}

// noRoom is the error of a request that the gate did not let through in time.
func noRoom(ctx context.Context, op string, after time.Duration) *Failure {
	refused := &Failure{Op: op, Kind: Unreachable, RetryAfter: after}
	switch {
	case ctx.Err() != nil:
		refused.Err = context.Cause(ctx)
		refused.Message = "the caller's time ended before the request could be sent"
	default:
		refused.Message = fmt.Sprintf("the rate limit has no room for another %s, longer than the caller can wait", round(after))
	}
	return refused
}
