package providers

import (
	"errors"
	"fmt"
	"time"

	"vault-plugin-secrets-apikeys/providers/internal/definition"
	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// ActualExpiry is the end that a provider gave a key, which need not be the one that
// it was asked for: some cut it, some take no notice. The zero value means that
// the definition does not read it.
type ActualExpiry struct {
	told, endless bool
	at            time.Time
	in            time.Duration // where at is zero
	// ahead is by how much the provider's clock, by which at is told, was ahead of ours.
	ahead time.Duration
}

// End is when the key ends: what the provider told, or else what it was asked
// for. Zero means that it has no end. A lifetime counts from the request, and a time
// comes earlier by as much as the provider's clock is ahead of ours; but by no more
// than half of the life, since what told of the clock may have been a proxy.
func (g ActualExpiry) End(requested, asked time.Time) time.Time {
	switch {
	case !g.told:
		return asked
	case g.endless:
		return time.Time{}
	case !g.at.IsZero():
		return g.at.Add(-max(0, min(g.ahead, g.at.Sub(requested)/2)))
	}
	return requested.Add(g.in)
}

// readActualExpiry computes the end. What the answer does not hold tells nothing; for what
// means that there is no end see IsEndless.
func readActualExpiry(g definition.ActualExpiry, s expr.Scope) (ActualExpiry, error) {
	name, expression := "expires_at", g.At
	if g.In != nil {
		name, expression = "expires_in", g.In
	}
	if expression == nil {
		return ActualExpiry{}, nil
	}
	value, err := s.Reading(expr.AbsentIsUnknown).Evaluate(expression)
	if err != nil {
		return ActualExpiry{}, fmt.Errorf("%s: %w", name, err)
	}
	if !value.IsKnown() {
		return ActualExpiry{}, nil
	}
	told := expr.FromCty(value)
	if expr.IsEndless(told) || g.In == nil && expr.IsBeyondTime(told) {
		return ActualExpiry{told: true, endless: true}, nil
	}
	if g.In == nil {
		at := expr.ReadTime(told)
		if at.IsZero() {
			return ActualExpiry{}, errors.New("expires_at is no time")
		}
		return ActualExpiry{told: true, at: at}, nil
	}
	life, ok := expr.ReadSeconds(told)
	switch {
	case !ok:
		return ActualExpiry{}, errors.New("expires_in is no number of seconds")
	case life >= expr.LongestGrant:
		return ActualExpiry{told: true, endless: true}, nil
	}
	return ActualExpiry{told: true, in: life}, nil
}
