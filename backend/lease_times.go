package backend

import (
	"fmt"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// expiryMargin is how long after the lease's end the provider's own expiry is
// set, so that the lease, and not a clock's drift, ends the key. What a provider
// grants less than that is its clock and its rounding.
const expiryMargin = time.Minute

// leaseTimes is how long a new lease and its key live.
type leaseTimes struct {
	ttl, maxTTL time.Duration
	// expiresAt is the end to ask of the provider.
	expiresAt time.Time
	warnings  []string
}

// nativeExpiry is the provider-side end, zero where the definition sets none.
func nativeExpiry(definition *providers.Definition, expiresAt time.Time) time.Time {
	if !definition.Capabilities.NativeExpiry {
		return time.Time{}
	}
	return expiresAt
}

// boundsAge is how long the mount's TTLs are believed.
const boundsAge = time.Second

// bounds are the mount's TTLs, which Vault tells when it is asked, and not when an
// operator tunes them. For mints they are believed for a moment: Vault itself caps
// a new lease by what holds then, so a bound that is too long does nothing, and
// under one that is too short the lease ends as it did before the change. For a
// renewal, whose end Vault computes anew from what was asked for, they are not.
type bounds struct{ recent recent[boundedView] }

// boundedView is Vault's view with the TTLs of a moment ago.
type boundedView struct {
	logical.SystemView
	defaultTTL, maxTTL time.Duration
}

// DefaultLeaseTTL implements logical.SystemView.
func (v boundedView) DefaultLeaseTTL() time.Duration { return v.defaultTTL }

// MaxLeaseTTL implements logical.SystemView.
func (v boundedView) MaxLeaseTTL() time.Duration { return v.maxTTL }

// of is Vault's view as of now, or of a moment ago.
func (b *bounds) of(system logical.SystemView, now time.Time) logical.SystemView {
	return b.recent.of(now, boundsAge, func() (boundedView, bool) {
		fresh := boundedView{system, system.DefaultLeaseTTL(), system.MaxLeaseTTL()}
		return fresh, fresh.defaultTTL > 0 && fresh.maxTTL > 0
	})
}

// leaseTimes computes the lease as Vault core will, and within what the provider can
// do: a lease never outlives its key.
func (e *Engine) leaseTimes(role *Role, definition *providers.Definition, narrowing Narrowing, now time.Time) (leaseTimes, error) {
	if role.MaxTTL > 0 && narrowing.TTL > role.MaxTTL {
		return leaseTimes{}, usererror.Errorf("ttl (%s) is above the role's max_ttl (%s); ask for at most that", narrowing.TTL, role.MaxTTL)
	}
	bounds := e.clients.bounds.of(e.System(), e.now())
	maxTTL := bounds.MaxLeaseTTL()
	if role.MaxTTL > 0 {
		maxTTL = min(maxTTL, role.MaxTTL)
	}
	ttl, warnings, err := framework.CalculateTTL(bounds, narrowing.TTL, role.TTL, 0, role.MaxTTL, 0, time.Time{})
	if err != nil {
		return leaseTimes{}, err
	}
	t := leaseTimes{ttl: ttl, maxTTL: maxTTL, warnings: warnings}
	if longest := definition.Expiry.LongestLease(); longest > 0 {
		t.cap(longest, definition.Title)
	}
	atLeast := t.maxTTL
	if definition.Capabilities.Extend {
		atLeast = t.ttl
	}
	t.expiresAt, err = providerEnd(definition, now, atLeast)
	return t, err
}

// capTo keeps the lease within the life that the provider granted its key. A
// renewal may move that on where the provider can.
func (t *leaseTimes) capTo(life time.Duration, definition *providers.Definition) {
	life = life.Truncate(time.Second)
	if t.ttl-life > expiryMargin {
		t.warnings = append(t.warnings, fmt.Sprintf("%s granted the key %s, not the %s of its lease; the lease is capped accordingly", definition.Title, life, t.ttl))
	}
	t.ttl = min(t.ttl, life)
	if !definition.Capabilities.Extend {
		t.maxTTL = min(t.maxTTL, life)
	}
}

func (t *leaseTimes) cap(longest time.Duration, title string) {
	if t.ttl > longest {
		t.warnings = append(t.warnings, fmt.Sprintf("ttl of %s is above %s, the longest that a key lives at %s; it is capped accordingly", t.ttl, longest, title))
		t.ttl = longest
	}
	t.maxTTL = min(t.maxTTL, longest)
}

// providerEnd is the end to ask of the provider for a key that must live for at
// least the given time: a margin later where the provider's maximum has room.
func providerEnd(definition *providers.Definition, now time.Time, atLeast time.Duration) (time.Time, error) {
	end, err := definition.Expiry.At(now, now.Add(atLeast+expiryMargin))
	if err != nil {
		end, err = definition.Expiry.At(now, now.Add(atLeast))
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("choosing the key's expiry: %w", err)
	}
	return end, nil
}
