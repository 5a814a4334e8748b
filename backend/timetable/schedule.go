package timetable

import (
	"errors"
	"strings"
	"time"

	"github.com/robfig/cron/v3"

	"vault-plugin-secrets-apikeys/backend/usererror"
)

const (
	// shortestWindow is the database engine's bound too.
	shortestWindow = time.Hour
	// shortestPeriod keeps a typing error from rotating without pause.
	shortestPeriod = 5 * time.Second
	// LongestPeriod bounds what is computed with: a period, a window, an overlap.
	LongestPeriod = 10 * 365 * 24 * time.Hour
)

// Schedule says when something is rotated: every so often, or at the times of a
// cron expression. The zero Schedule is by hand only.
type Schedule struct {
	// Period is the time from one rotation to the next.
	Period time.Duration `json:"rotation_period,omitempty"`
	// Cron is a five-field cron expression in UTC.
	Cron string `json:"rotation_schedule,omitempty"`
	// Window is how long after its time a scheduled rotation may still start;
	// one that misses it waits for the next time. 0 means any time after.
	Window time.Duration `json:"rotation_window,omitempty"`
}

// Validate names the field that is wrong, and what to write instead.
func (s Schedule) Validate() error {
	switch {
	case s.Period > 0 && s.Cron != "":
		return usererror.Errorf("rotation_period and rotation_schedule exclude each other; write one of them")
	case s.Period < 0 || s.Period > 0 && s.Period < shortestPeriod:
		return usererror.Errorf("rotation_period is %s; write at least %s", s.Period, shortestPeriod)
	case s.Period > LongestPeriod:
		return usererror.Errorf("rotation_period is %s; write at most %s, or leave it out to rotate by hand", s.Period, LongestPeriod)
	case s.Window != 0 && s.Cron == "":
		return usererror.Errorf("rotation_window needs a rotation_schedule; write both or leave it out")
	case s.Window != 0 && s.Window < shortestWindow:
		return usererror.Errorf("rotation_window is %s; write at least %s", s.Window, shortestWindow)
	case s.Window > LongestPeriod:
		return usererror.Errorf("rotation_window is %s; write at most %s, or leave it out", s.Window, LongestPeriod)
	}
	if s.Cron == "" {
		return nil
	}
	times, err := parseCron(s.Cron)
	if err != nil {
		return usererror.Errorf("rotation_schedule %q is no five-field cron expression (%s); write for example \"0 3 * * SAT\"", s.Cron, err)
	}
	if times.Next(time.Now().UTC()).IsZero() {
		return usererror.Errorf("rotation_schedule %q never comes; write for example \"0 3 * * SAT\"", s.Cron)
	}
	return nil
}

// parseCron takes five fields and nothing else that is common in crontabs:
// "@every 1s" would go round shortestPeriod, and a time zone has its own gaps.
func parseCron(text string) (cron.Schedule, error) {
	if strings.ContainsAny(text, "=@") {
		return nil, errors.New("time zones and @-names are not for here, the time is UTC")
	}
	return cron.ParseStandard(text)
}

// Automatic reports whether the schedule ever comes due by itself.
func (s Schedule) Automatic() bool { return s.Period > 0 || s.Cron != "" }

// Next is the first time due after the given one; zero for the zero Schedule.
func (s Schedule) Next(after time.Time) time.Time {
	switch {
	case s.Period > 0:
		return after.Add(min(s.Period, LongestPeriod))
	case s.Cron != "":
		times, err := parseCron(s.Cron)
		if err != nil {
			return time.Time{} // refused when it was written
		}
		return times.Next(after.UTC())
	}
	return time.Time{}
}

// Missed reports whether it is too late for what was due.
func (s Schedule) Missed(due, now time.Time) bool {
	return s.Window > 0 && now.After(due.Add(min(s.Window, LongestPeriod)))
}

// LongestGap is the longest time between two rotations, or up to a day more.
// Frequent times are followed one by one, and a year is looked through day by
// day for long pauses, as that after "every minute of the first of January".
func (s Schedule) LongestGap(from time.Time) time.Duration {
	if s.Period > 0 {
		return min(s.Period, LongestPeriod)
	}
	var longest time.Duration
	at := from
	for range 400 {
		next := s.Next(at)
		longest = max(longest, next.Sub(at))
		at = next
	}
	const day = 24 * time.Hour
	for n := range 366 {
		at := from.Add(time.Duration(n) * day)
		if pause := s.Next(at).Sub(at); pause > max(day, longest) {
			longest = pause + day // it began within the day before
		}
	}
	return longest
}

// ClockSlack is how far ahead a stored time may be before a clock is held to have
// been set back since.
const ClockSlack = time.Second
