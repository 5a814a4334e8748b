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

const (
	// mostBefore is how many revocations go before a mint that waits.
	mostBefore = 3
	// learnedFor is how long the gate keeps to a rate that it has learned.
	learnedFor = 10 * time.Minute
	// leastLearned is the lowest rate that it learns where none was set, in requests
	// a second: whoever sent few may have been refused for what others sent.
	leastLearned = 10
	// burst and learnedBurst are which part of a second's worth may pass at once.
	// With the rest of it, what the network delays and delivers together is still
	// within a second's worth.
	burst, learnedBurst = 1. / 2, 1. / 10
)

// gate lets requests through at the provider's rate, revocations first: a
// leaked key must not live on because many new ones are asked for. But who needs a
// key now should not wait until thousands of leases have ended: while revocations
// wait, some requests of what the rate allows are kept for mints, which may have a
// quarter of it.
//
// What the provider refuses as too many is a lesson: the rate falls for a while to
// what has just passed, less a part.
type gate struct {
	mu sync.Mutex
	// set is the rate that the operator or the definition gave; rate.Inf for none.
	set         rate.Limit
	limiter     *rate.Limiter
	closedUntil time.Time
	urgent      []*waiter
	ordinary    []*waiter
	// reserve is how many requests are kept for mints while revocations wait, and
	// share bounds how many of them may go first.
	reserve int
	share   *rate.Limiter
	// before counts the revocations that went before the first ordinary waiter, for
	// rates that are too low to keep anything.
	before int
	// next opens the gate for the first waiter; nil while nobody waits.
	next *time.Timer
	// learned is when the rate was last lowered; zero when it is the one set.
	learned time.Time
	passed  tally
}

// waiter is one request at the gate. verdict receives true when it may pass and
// false when its time will not do.
type waiter struct {
	deadline time.Time // zero when it can wait for ever
	admitted chan bool
}

// newGate builds a gate for so many requests in a second; 0 means any number.
func newGate(perSecond float64) *gate {
	g := &gate{set: rate.Inf, limiter: rate.NewLimiter(rate.Inf, 1), share: rate.NewLimiter(rate.Inf, 1)}
	if perSecond > 0 {
		g.set = rate.Limit(perSecond)
		g.keepTo(time.Now(), g.set, burst)
	}
	return g
}

// keepTo sets the rate, and which part of a second's worth may pass at once. What is
// used up stays so.
func (g *gate) keepTo(now time.Time, limit rate.Limit, burst float64) {
	before := g.limiter
	g.limiter, g.reserve, g.share = rate.NewLimiter(rate.Inf, 1), 0, rate.NewLimiter(rate.Inf, 1)
	if limit == rate.Inf {
		return
	}
	depth := max(1, int(float64(limit)*burst))
	g.limiter = rate.NewLimiter(limit, depth)
	if before.Limit() != rate.Inf {
		g.limiter.ReserveN(now, max(0, depth-int(max(0, before.TokensAt(now)))))
	}
	g.reserve = depth / 4
	g.share = rate.NewLimiter(limit/(mostBefore+1), max(1, g.reserve))
}

// awaitTurn returns true when it is the caller's turn. It returns false when ctx ends
// before that, at once where that can be known, and how long it would have taken.
func (g *gate) awaitTurn(ctx context.Context, urgent bool) (time.Duration, bool) {
	if ctx.Err() != nil {
		return 0, false
	}
	w, after, passed := g.lineUp(ctx, urgent)
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

// lineUp passes, refuses, or lines up the caller; only in the last case is there
// a waiter.
func (g *gate) lineUp(ctx context.Context, urgent bool) (*waiter, time.Duration, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if !g.learned.IsZero() && now.Sub(g.learned) > learnedFor {
		g.learned = time.Time{}
		g.keepTo(now, g.set, burst)
	}
	ahead := g.ahead(now, urgent)
	if ahead == 0 && g.until(now, urgent) == 0 {
		g.count(now, urgent)
		return nil, 0, true
	}
	after := g.expected(now, ahead, urgent)
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
func (g *gate) ahead(now time.Time, urgent bool) int {
	switch {
	case urgent:
		return len(g.urgent) + min(len(g.ordinary), len(g.urgent)/mostBefore)
	case len(g.urgent) == 0 || g.mayShare(now, len(g.ordinary)+1):
		return len(g.ordinary)
	}
	return len(g.ordinary) + min(len(g.urgent), mostBefore*(len(g.ordinary)+1))
}

// mayShare reports whether so many mints may go before the revocations that wait.
func (g *gate) mayShare(now time.Time, mints int) bool {
	return g.reserve > 0 && g.share.TokensAt(now) >= float64(mints)
}

// expected is how long a newcomer with so many before it waits.
func (g *gate) expected(now time.Time, ahead int, urgent bool) time.Duration {
	return max(0, g.closedUntil.Sub(now), g.untilTokens(now, ahead+g.needs(urgent)))
}

// needs is how many requests the rate must allow for one to pass.
func (g *gate) needs(urgent bool) int {
	if urgent {
		return 1 + g.reserve
	}
	return 1
}

// until is how long it takes until the next one of its kind may pass.
func (g *gate) until(now time.Time, urgent bool) time.Duration { return g.expected(now, 0, urgent) }

// untilTokens is how long it takes until so many requests are allowed.
func (g *gate) untilTokens(now time.Time, tokens int) time.Duration {
	if g.limiter.Limit() == rate.Inf {
		return 0
	}
	missing := float64(tokens) - g.limiter.TokensAt(now)
	wait := time.Duration(missing / float64(g.limiter.Limit()) * float64(time.Second))
	if wait < time.Microsecond { // fractions do not add up to whole numbers
		return 0
	}
	return wait
}

// count notes that a request passes.
func (g *gate) count(now time.Time, urgent bool) {
	g.limiter.ReserveN(now, 1)
	g.passed.add(now)
	switch {
	case urgent:
		g.before++
	case len(g.urgent) > 0:
		g.before = 0
		g.share.ReserveN(now, 1)
	}
}

// isUrgentNext reports whether it is a revocation's turn, of those who wait.
func (g *gate) isUrgentNext(now time.Time) bool {
	switch {
	case len(g.ordinary) == 0:
		return true
	case len(g.urgent) == 0:
		return false
	}
	if g.reserve > 0 {
		return !g.mayShare(now, 1)
	}
	return g.before < mostBefore
}

// arm has the next turn come when whoever is first may pass.
func (g *gate) arm(now time.Time) {
	if g.next != nil {
		g.next.Stop()
		g.next = nil
	}
	if len(g.urgent)+len(g.ordinary) > 0 {
		g.next = time.AfterFunc(g.until(now, g.isUrgentNext(now)), g.turn)
	}
}

// turn lets those through who may pass.
func (g *gate) turn() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	for len(g.urgent)+len(g.ordinary) > 0 {
		urgent := g.isUrgentNext(now)
		if g.until(now, urgent) > 0 {
			break
		}
		line := &g.ordinary
		if urgent {
			line = &g.urgent
		}
		g.count(now, urgent)
		(*line)[0].admitted <- true
		*line = (*line)[1:]
		if len(g.ordinary) == 0 {
			g.before = 0
		}
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
	g.arm(time.Now())
}

// throttled closes the gate for d, as close does, and lowers the rate: to nine tenths
// of what it was, or to three quarters of what has just passed where there was none.
// The refusals of one moment are one lesson.
func (g *gate) throttled(d time.Duration) {
	g.learn()
	g.close(d)
}

func (g *gate) learn() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if now.Before(g.closedUntil) || !g.learned.IsZero() && now.Sub(g.learned) < time.Second {
		return
	}
	limit := g.limiter.Limit() * 9 / 10
	switch {
	case g.set != rate.Inf:
		limit = max(limit, g.set/2)
	case g.learned.IsZero():
		limit = max(leastLearned, rate.Limit(g.passed.lastSecond(now))*3/4)
	default:
		limit = max(leastLearned, limit)
	}
	g.keepTo(now, limit, learnedBurst)
	g.learned = now
	g.arm(now)
}

// tally counts what passed in the last second, give or take a part of it.
type tally struct {
	since        time.Time
	now, earlier int
}

const tallied = 500 * time.Millisecond

func (t *tally) add(now time.Time) {
	t.roll(now)
	t.now++
}

func (t *tally) roll(now time.Time) {
	switch age := now.Sub(t.since); {
	case age >= 2*tallied:
		t.since, t.now, t.earlier = now, 0, 0
	case age >= tallied:
		t.since, t.now, t.earlier = t.since.Add(tallied), 0, t.now
	}
}

func (t *tally) lastSecond(now time.Time) int {
	t.roll(now)
	return t.now + t.earlier
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
	g.arm(time.Now())
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
