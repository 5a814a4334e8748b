package auth

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"

	"vault-plugin-secrets-apikeys/providers/internal/expr"
)

// tellingDifference is from where on two clocks differ so much that a provider
// may refuse a credential, or a signature, for it.
const tellingDifference = 10 * time.Second

// dateError is how far a Date header may be from the moment it was written: it
// tells whole seconds, and has been under way for a while.
const dateError = time.Second

// clockAhead is by how much the provider's clock, as its answer's Date shows it,
// is ahead of ours; false where nothing tells.
func clockAhead(h http.Header, now time.Time) (time.Duration, bool) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil || h.Get("Age") != "" { // a cache's answer is of another time
		return 0, false
	}
	return date.Sub(now), true
}

// ClockAhead is by how much the provider's clock, as its answer's Date shows it, is
// ahead of ours at the least; 0 where it is not, or nothing tells.
func ClockAhead(h http.Header, now time.Time) time.Duration {
	ahead, told := clockAhead(h, now)
	if !told || ahead <= dateError {
		return 0
	}
	return ahead + dateError
}

// ClockDifference is a part of a sentence that tells by how much the provider's
// clock, as its answer's Date shows it, differs from ours; "" where it does not.
func ClockDifference(h http.Header, now time.Time) string {
	ahead, told := clockAhead(h, now)
	ahead = ahead.Round(time.Second)
	switch {
	case !told:
		return ""
	case ahead > tellingDifference:
		return fmt.Sprintf(" (the provider's clock is %s ahead of this one)", ahead)
	case ahead < -tellingDifference:
		return fmt.Sprintf(" (the provider's clock is %s behind this one)", -ahead)
	}
	return ""
}

// Clock tells the time that requests are signed with: ours, until a
// provider refused a request that was signed by it and took the same one signed by
// the provider's own. A Date alone changes nothing, since it may be a proxy's. It
// is safe for concurrent use.
type Clock struct {
	// Now is our own time.
	Now   func() time.Time
	ahead atomic.Int64 // in nanoseconds
}

// signedAhead is the key of a context whose requests are signed by another time.
type signedAhead struct{}

func (k *Clock) aheadIn(ctx context.Context) time.Duration {
	if tried, ok := ctx.Value(signedAhead{}).(time.Duration); ok {
		return tried
	}
	return time.Duration(k.ahead.Load())
}

// time is when a request of ctx is signed.
func (k *Clock) time(ctx context.Context) time.Time { return k.Now().Add(k.aheadIn(ctx)) }

// Other is a context under which requests are signed by the provider's time, as
// a refusal's header tells it; false where that is the time they were signed by.
func (k *Clock) Other(ctx context.Context, h http.Header) (context.Context, bool) {
	ahead, told := clockAhead(h, k.Now())
	if ahead += dateError / 2; !told || (ahead-k.aheadIn(ctx)).Abs() <= dateError {
		return ctx, false
	}
	return context.WithValue(ctx, signedAhead{}, ahead), true
}

// Take has all further requests signed as those of ctx were.
func (k *Clock) Take(ctx context.Context) { k.ahead.Store(int64(k.aheadIn(ctx))) }

// Dated reports whether a request's signature tells when it was made.
func (use Block) Dated() bool {
	if use.Kind == "sigv4" {
		return true
	}
	for _, member := range use.Args {
		if use.Kind == "signature" && readsTime(member.Expr) {
			return true
		}
	}
	return false
}

// readsTime reports whether an expression of a recipe mentions request.time, so that what
// it signs depends on the clock.
func readsTime(expression hclsyntax.Expression) bool {
	return expr.ReferencesTo("request", expression)["time"]
}
