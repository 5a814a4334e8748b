package backend

import "time"

// clock tells the time in a way that a clock which is set, by a person, by the
// network or by a host that was suspended, cannot make the engine end anything
// early or forget it.
//
// Between its start and its end a process goes by the time that has passed, as
// Vault's own leases do: steady is the wall clock's reading at the start plus
// that, and no setting of the wall clock moves it. It decides what is over.
//
// What is stored for later, the end of a key or of a wait, is taken from latest:
// the later one of steady and the wall clock. An end that is too late has a key
// live a little longer after a lease that nobody could end, one that is too early
// would kill a key that is held.
//
// At its next start the engine takes the wall clock at its word again, as Vault
// does; a reading that is far ahead makes the mount passive (ownership.go).
type clock struct {
	wall    func() time.Time
	elapsed func() time.Duration
	// start is the wall clock's reading when elapsed was startedAt.
	start     time.Time
	startedAt time.Duration
}

// newClock starts a clock. The time that has passed does not follow the wall clock.
func newClock(wall func() time.Time, elapsed func() time.Duration) *clock {
	return &clock{wall: wall, elapsed: elapsed, start: wall().Round(0), startedAt: elapsed()}
}

// running is how long the process has run.
func (c *clock) running() time.Duration { return c.elapsed() - c.startedAt }

// steady is the time by which the engine judges what is over.
func (c *clock) steady() time.Time { return c.start.Add(c.running()) }

// moved is by how much the wall clock was set since the start, to either side.
func (c *clock) moved() time.Duration { return c.wall().Sub(c.steady()).Abs() }

// latest is the time from which the engine counts what is to end later, and that
// it tells providers. It may go back by what the wall clock was set ahead.
func (c *clock) latest() time.Time {
	steady, wall := c.steady(), c.wall().Round(0)
	if wall.After(steady) {
		return wall
	}
	return steady
}

// ahead is by how much the wall clock is ahead of steady, in whole seconds; 0 where it is not.
func (c *clock) ahead() time.Duration {
	return max(0, c.wall().Round(0).Sub(c.steady())).Truncate(time.Second)
}

// systemElapsed is the time that has passed by a clock that nobody can set.
func systemElapsed() func() time.Duration {
	began := time.Now()
	return func() time.Duration { return time.Since(began) }
}
