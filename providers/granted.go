package providers

import (
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Granted is the end that a provider gave a key, which need not be the one that
// it was asked for: some cut it, some take no notice. The zero value means that
// the definition does not read it.
type Granted struct {
	told, endless bool
	at            time.Time
	in            time.Duration // where at is zero
}

// End is when the key ends: what the provider told, or else what it was asked
// for. Zero means that it has no end. A lifetime counts from the request.
func (g Granted) End(requested, asked time.Time) time.Time {
	switch {
	case !g.told:
		return asked
	case g.endless || !g.at.IsZero():
		return g.at
	}
	return requested.Add(g.in)
}

// grant says where an answer tells the end of a key: as a time (expires_at), or
// as a number of seconds (expires_in).
type grant struct{ at, in hclsyntax.Expression }

// grantAttributes are the names of both, which exclude each other.
var grantAttributes = []string{"expires_at", "expires_in"}

func (r *blockReader) grant() grant {
	r.oneOf(grantAttributes)
	return grant{at: r.expression("expires_at"), in: r.expression("expires_in")}
}

func (g grant) expressions() []hclsyntax.Expression {
	return present([]hclsyntax.Expression{g.at, g.in})
}

func (p *parser) checkGrant(at place, g grant) {
	p.checkAll(at, wantText, g.at)
	p.checkAll(at, wantText, g.in)
}

// read computes the end. What the answer does not hold tells nothing; for what
// means that there is no end see isEndless.
func (g grant) read(s scope) (Granted, error) {
	name, expr := "expires_at", g.at
	if g.in != nil {
		name, expr = "expires_in", g.in
	}
	if expr == nil {
		return Granted{}, nil
	}
	value, err := s.reading(absentIsUnknown).evaluate(expr)
	if err != nil {
		return Granted{}, fmt.Errorf("%s: %w", name, err)
	}
	if !value.IsKnown() {
		return Granted{}, nil
	}
	told := fromCty(value)
	if isEndless(told) {
		return Granted{told: true, endless: true}, nil
	}
	if g.in == nil {
		at := readTime(told)
		if at.IsZero() {
			return Granted{}, errors.New("expires_at is no time")
		}
		return Granted{told: true, at: at}, nil
	}
	life, ok := readSeconds(told)
	switch {
	case !ok:
		return Granted{}, errors.New("expires_in is no number of seconds")
	case life >= longestGrant:
		return Granted{told: true, endless: true}, nil
	}
	return Granted{told: true, in: life}, nil
}
