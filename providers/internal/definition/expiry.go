package definition

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// Expiry is the grid on which the provider's own expiry lies. Zero values mean
// that there is no such bound; the finest step is a second.
type Expiry struct {
	// Minimum and Maximum bound the lifetime of a key.
	Minimum, Maximum time.Duration
	// Granularity is the step, counted from midnight UTC: 24h for whole days.
	Granularity time.Duration
	// FromNow counts the step from the moment of the request instead, for providers
	// that take a lifetime in whole hours or days: KeyRequest.TTL is a multiple of
	// Granularity then.
	FromNow bool
	// Allowed are the only lifetimes the provider offers, shortest first.
	Allowed []time.Duration
	// Fixed is the lifetime that the provider gives every key.
	Fixed time.Duration
}

// At is the earliest end of a key made now that is not before atLeast and that
// the provider can apply. It is an error when every end it offers is too early.
func (x Expiry) At(now, atLeast time.Time) (time.Time, error) {
	end, err := x.earliest(now, atLeast)
	if err != nil {
		return time.Time{}, err
	}
	if end.Before(atLeast) {
		return time.Time{}, fmt.Errorf("the provider ends a key at the latest %s after it is made, which is too soon: ask for a shorter TTL", x.LongestLease())
	}
	return end, nil
}

// Life is the lifetime of a key made now that ends at end, as At chose it. Ends
// are cut to whole seconds; a lifetime that the provider offers is not.
func (x Expiry) Life(now, end time.Time) time.Duration {
	life := end.Sub(now)
	if x.FromNow {
		if whole := wholeSteps(life, x.step()); whole-life < time.Second {
			return whole
		}
	}
	for _, offered := range append([]time.Duration{x.Fixed}, x.Allowed...) {
		if offered >= life && offered-life < time.Second {
			return offered
		}
	}
	return life
}

func (x Expiry) earliest(now, atLeast time.Time) (time.Time, error) {
	switch {
	case x.Fixed > 0:
		return now.Add(x.Fixed).UTC().Truncate(time.Second), nil
	case len(x.Allowed) > 0:
		for _, lifetime := range x.Allowed {
			if end := now.Add(lifetime).UTC().Truncate(time.Second); !end.Before(atLeast) {
				return end, nil
			}
		}
		return time.Time{}, fmt.Errorf("the provider's longest lifetime is %s: ask for a shorter TTL", x.Allowed[len(x.Allowed)-1])
	}
	if x.FromNow {
		return x.earliestFromNow(now, atLeast), nil
	}
	end := atLeast
	if earliest := now.Add(x.Minimum); end.Before(earliest) {
		end = earliest
	}
	end = roundUp(end, x.step())
	if x.Maximum > 0 && end.After(now.Add(x.Maximum)) {
		end = now.Add(x.Maximum).UTC().Truncate(x.step())
	}
	return end, nil
}

// earliestFromNow is the end of the shortest life in whole steps that reaches atLeast,
// or else of the longest that the provider takes.
func (x Expiry) earliestFromNow(now, atLeast time.Time) time.Time {
	life := wholeSteps(atLeast.Sub(now), x.step())
	if now.Add(life).Truncate(time.Second).Before(atLeast) {
		life += x.step() // ends are cut to whole seconds
	}
	life = max(life, wholeSteps(x.Minimum, x.step()))
	if x.Maximum > 0 {
		life = min(life, x.Maximum.Truncate(x.step()))
	}
	return now.Add(life).UTC().Truncate(time.Second)
}

// wholeSteps is the shortest whole number of steps that is not less than d, and at
// least one.
func wholeSteps(d, step time.Duration) time.Duration {
	if whole := d.Truncate(step); whole >= max(d, step) {
		return whole
	}
	return max(d, 0).Truncate(step) + step
}

// LongestLease is the longest time from now that At can always serve; 0 means
// that there is no bound.
func (x Expiry) LongestLease() time.Duration {
	var longest time.Duration
	switch {
	case x.Fixed > 0:
		longest = x.Fixed
	case len(x.Allowed) > 0:
		longest = x.Allowed[len(x.Allowed)-1]
	case x.Maximum > 0 && x.FromNow:
		longest = x.Maximum.Truncate(x.step())
	case x.Maximum > 0:
		return x.Maximum - x.step()
	default:
		return 0
	}
	return longest - time.Second // ends are cut to whole seconds
}

func (x Expiry) step() time.Duration { return max(x.Granularity, time.Second) }

// roundUp is the first multiple of step, counted from midnight UTC, not before t.
func roundUp(t time.Time, step time.Duration) time.Time {
	down := t.UTC().Truncate(step)
	if down.Before(t) {
		return down.Add(step)
	}
	return down
}

// MarshalJSON writes the durations as a definition does, "24h".
func (x Expiry) MarshalJSON() ([]byte, error) {
	text := map[string]any{}
	for name, d := range map[string]time.Duration{
		"minimum": x.Minimum, "maximum": x.Maximum, "granularity": x.Granularity, "fixed": x.Fixed,
	} {
		if d > 0 {
			text[name] = d.String()
		}
	}
	if x.FromNow {
		text["granularity_from"] = "now"
	}
	if len(x.Allowed) > 0 {
		var allowed []string
		for _, d := range x.Allowed {
			allowed = append(allowed, d.String())
		}
		text["allowed"] = allowed
	}
	return json.Marshal(text)
}

// validate says what is wrong with the grid.
func (x Expiry) validate() error {
	switch {
	case x.Fixed > 0 && (len(x.Allowed) > 0 || x.Minimum > 0 || x.Maximum > 0 || x.Granularity > 0):
		return fmt.Errorf("fixed leaves nothing to choose: it must stand alone")
	case len(x.Allowed) > 0 && (x.Minimum > 0 || x.Maximum > 0 || x.Granularity > 0):
		return fmt.Errorf("allowed names every lifetime: minimum, maximum and granularity have no meaning beside it")
	case x.Maximum > 0 && x.Minimum > x.Maximum:
		return fmt.Errorf("minimum must not be more than maximum")
	case x.FromNow && x.Granularity == 0:
		return fmt.Errorf("granularity_from says from where granularity counts: write that too, such as granularity = \"24h\"")
	case x.Maximum > 0 && x.step() >= x.Maximum && !(x.FromNow && x.step() == x.Maximum):
		return fmt.Errorf("maximum must be more than granularity")
	case x.Granularity > 0 && x.Granularity%time.Second != 0:
		return fmt.Errorf("granularity must be whole seconds")
	case slices.ContainsFunc(x.Allowed, func(d time.Duration) bool { return d < time.Minute }):
		return fmt.Errorf("each allowed lifetime must be at least 1m")
	}
	return nil
}
