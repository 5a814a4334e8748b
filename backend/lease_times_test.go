package backend

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/backend/usererror"
	"vault-plugin-secrets-apikeys/providers"
)

// TestTerm is the lease arithmetic: Vault core's, within the provider's bounds.
func TestTerm(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const system, hour, day = 768 * time.Hour, time.Hour, 24 * time.Hour
	for name, test := range map[string]struct {
		role      Role
		expiry    providers.Expiry
		extend    bool
		narrow    time.Duration
		ttl, max  time.Duration
		expires   time.Duration // after now
		mistaken  bool
		warnsWith string
	}{
		"mount's defaults":          {ttl: testTTL, max: system, expires: system + expiryMargin},
		"role's":                    {role: Role{TTL: 2 * hour, MaxTTL: 3 * hour}, ttl: 2 * hour, max: 3 * hour, expires: 3*hour + expiryMargin},
		"max below the default":     {role: Role{MaxTTL: time.Minute}, ttl: time.Minute, max: time.Minute, expires: 2 * time.Minute, warnsWith: "capped"},
		"narrowed":                  {role: Role{TTL: 2 * hour, MaxTTL: 3 * hour}, narrow: hour, ttl: hour, max: 3 * hour, expires: 3*hour + expiryMargin},
		"asked above the maximum":   {role: Role{MaxTTL: hour}, narrow: 2 * hour, mistaken: true},
		"above the system's":        {role: Role{TTL: 1000 * hour}, ttl: system, max: system, expires: system + expiryMargin, warnsWith: "capped"},
		"extendable":                {role: Role{TTL: hour, MaxTTL: day}, extend: true, ttl: hour, max: day, expires: hour + expiryMargin},
		"provider's maximum":        {role: Role{TTL: 2 * day, MaxTTL: 9 * day}, expiry: providers.Expiry{Maximum: day}, ttl: day - time.Second, max: day, expires: -1, warnsWith: "longest that a key lives"},
		"fixed life":                {role: Role{TTL: 2 * hour}, expiry: providers.Expiry{Fixed: hour}, ttl: hour - time.Second, max: hour, expires: -1, warnsWith: "longest that a key lives"},
		"provider's minimum":        {role: Role{TTL: hour, MaxTTL: hour}, expiry: providers.Expiry{Minimum: day}, ttl: hour, max: hour, expires: day},
		"one of a set":              {role: Role{TTL: hour, MaxTTL: 40 * day}, expiry: providers.Expiry{Allowed: []time.Duration{30 * day, 90 * day}}, ttl: hour, max: system, expires: 90 * day},
		"granularity of whole days": {role: Role{TTL: hour, MaxTTL: 2 * hour}, expiry: providers.Expiry{Granularity: day}, ttl: hour, max: 2 * hour, expires: -1},
	} {
		t.Run(name, func(t *testing.T) {
			config := logical.TestBackendConfig()
			config.System = &logical.StaticSystemView{DefaultLeaseTTLVal: testTTL, MaxLeaseTTLVal: system}
			e, err := newEngine(config, func(*Engine) []*framework.Path { return nil }, Options{})
			if err != nil {
				t.Fatal(err)
			}
			if err := e.Setup(context.Background(), config); err != nil {
				t.Fatal(err)
			}
			definition := &providers.Definition{Title: "P", Expiry: test.expiry}
			definition.Capabilities.Extend = test.extend
			got, err := e.leaseTimes(&test.role, definition, Narrowing{TTL: test.narrow}, now)
			var m *usererror.Error
			if errors.As(err, &m) != test.mistaken || (err != nil && !test.mistaken) {
				t.Fatalf("error: %v", err)
			}
			if test.mistaken {
				return
			}
			if got.ttl != test.ttl || got.maxTTL != min(test.max, longestOr(definition, test.max)) {
				t.Errorf("ttl %s of at most %s, want %s of %s", got.ttl, got.maxTTL, test.ttl, test.max)
			}
			if test.expires >= 0 && got.expiresAt.Sub(now) != test.expires {
				t.Errorf("the key expires after %s, want %s", got.expiresAt.Sub(now), test.expires)
			}
			if got.expiresAt.Before(now.Add(got.ttl)) {
				t.Errorf("the lease (%s) outlives its key (%s)", got.ttl, got.expiresAt.Sub(now))
			}
			if warned := strings.Join(got.warnings, "\n"); (warned != "") != (test.warnsWith != "") || !strings.Contains(warned, test.warnsWith) {
				t.Errorf("warnings %q, want %q", warned, test.warnsWith)
			}
		})
	}
}

func longestOr(definition *providers.Definition, otherwise time.Duration) time.Duration {
	if longest := definition.Expiry.LongestLease(); longest > 0 {
		return longest
	}
	return otherwise
}

func TestLongestLeaseOfGrantedKey(t *testing.T) {
	for name, test := range map[string]struct {
		extend bool
		life   time.Duration
		want   leaseTimes
		warns  bool
	}{
		"shorter than the lease":             {life: time.Minute, want: leaseTimes{ttl: time.Minute, maxTTL: time.Minute}, warns: true},
		"shorter by what a clock drifts":     {life: time.Hour - 2*time.Second, want: leaseTimes{ttl: time.Hour - 2*time.Second, maxTTL: time.Hour - 2*time.Second}},
		"shorter than the longest lease":     {life: 90 * time.Minute, want: leaseTimes{ttl: time.Hour, maxTTL: 90 * time.Minute}},
		"longer":                             {life: 3 * time.Hour, want: leaseTimes{ttl: time.Hour, maxTTL: 2 * time.Hour}},
		"shorter, and moved on with renewal": {extend: true, life: time.Minute, want: leaseTimes{ttl: time.Minute, maxTTL: 2 * time.Hour}, warns: true},
	} {
		t.Run(name, func(t *testing.T) {
			definition := &providers.Definition{Title: "P"}
			definition.Capabilities.Extend = test.extend
			got := leaseTimes{ttl: time.Hour, maxTTL: 2 * time.Hour}
			got.capTo(test.life, definition)
			if got.ttl != test.want.ttl || got.maxTTL != test.want.maxTTL {
				t.Errorf("a lease of %s, at most %s, want %s, at most %s", got.ttl, got.maxTTL, test.want.ttl, test.want.maxTTL)
			}
			if test.warns != (len(got.warnings) > 0) {
				t.Errorf("warnings: %q", got.warnings)
			}
		})
	}
}
