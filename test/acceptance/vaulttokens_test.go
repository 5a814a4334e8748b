package acceptance

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestVaultTokens has Vault issue its own tokens through the plugin that it
// runs. Its parts do not run beside each other, since vaultTokens.keys must not
// be called while a token is being made.
func TestVaultTokens(t *testing.T) {
	m := newMount(t)
	testLife(t, m, func(t *testing.T) (string, site) {
		tokens := newVaultTokens(t, m)
		return tokens.policy, tokens
	})
	for name, test := range map[string]func(*testing.T, *mount, *vaultTokens){
		"policies":      vaultPoliciesHold,
		"kinds":         vaultKinds,
		"native ttl":    vaultNativeTTL,
		"native max":    vaultNativeMax,
		"lost answer":   vaultLostAnswer,
		"refused mints": vaultRefusedMints,
		"root rotation": vaultRootRotation,
		"static role":   vaultStaticRole,
		"metrics":       vaultMetrics,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, m, newVaultTokens(t, m))
		})
	}
}

// vaultMetrics reads the engine's metrics as Prometheus does.
func vaultMetrics(t *testing.T, m *mount, v *vaultTokens) {
	u := m.tenant(t, v.policy, v, nil, nil)
	u.mustRevoke(u.mustMint())
	scraped, err := m.Client.Logical().ReadRawWithContext(t.Context(), "apikeys/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer scraped.Body.Close()
	text, err := io.ReadAll(scraped.Body)
	if err != nil {
		t.Fatal(err)
	}
	if kind := scraped.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain; version=0.0.4") {
		t.Errorf("the metrics are of type %q", kind)
	}
	for _, line := range []string{
		fmt.Sprintf("apikeys_mints_total{connection=%[1]q,kind=\"leased\",result=\"done\",role=%[1]q} 1\n", u.name),
		fmt.Sprintf("apikeys_revocations_total{connection=%[1]q,kind=\"leased\",result=\"done\",role=%[1]q} 1\n", u.name),
	} {
		if !strings.Contains(string(text), line) {
			t.Errorf("%s is not among the metrics:\n%s", line, text)
		}
	}
}

// vaultPoliciesHold checks that a token can do what its role's policies say, and
// no more.
func vaultPoliciesHold(t *testing.T, m *mount, v *vaultTokens) {
	u := m.tenant(t, v.policy, v, nil, nil)
	k := u.mustMint()
	for path, want := range map[string]int{
		"sys/mounts":              http.StatusOK,
		"auth/token/lookup-self":  http.StatusOK,
		"sys/auth":                http.StatusForbidden,
		"apikeys/creds/" + u.name: http.StatusForbidden,
	} {
		if got := v.as(t, k.token, path); got.status != want {
			t.Errorf("%s was answered %s, want %d", path, got, want)
		}
	}
	u.mustRevoke(k)
	for _, path := range []string{"sys/mounts", "auth/token/lookup-self"} {
		if got := v.as(t, k.token, path); got.status != http.StatusForbidden || !strings.Contains(string(got.body), "invalid token") {
			t.Errorf("after the revocation, %s was answered %s, want 403 invalid token", path, got)
		}
	}
}

// vaultKinds are the ways to make a token.
func vaultKinds(t *testing.T, m *mount, v *vaultTokens) {
	u := m.tenant(t, v.policy, v, nil, nil)
	tokenRole := "made-for-" + v.policy
	_, err := v.Client.Logical().Write("auth/token/roles/"+tokenRole, settings{"allowed_policies": v.policy, "orphan": true, "path_suffix": "suffixed"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		role     settings
		policies []string
		orphan   bool
		path     string
	}{
		"orphan":          {nil, []string{"default", v.policy}, true, "auth/token/create-orphan"},
		"child":           {settings{"orphan": false}, []string{"default", v.policy}, false, "auth/token/create"},
		"without default": {settings{"no_default_policy": true}, []string{v.policy}, true, "auth/token/create-orphan"},
		"of a token role": {settings{"token_role": tokenRole}, []string{"default", v.policy}, true, "auth/token/create/" + tokenRole + "/suffixed"},
		"with metadata":   {settings{"meta": "team=ci"}, []string{"default", v.policy}, true, "auth/token/create-orphan"},
	} {
		t.Run(name, func(t *testing.T) {
			u := u.in(t)
			u.mustWrite("roles/"+u.name, settings{"orphan": nil, "no_default_policy": nil, "token_role": nil, "meta": nil}, c.role)
			k := u.mustMint()
			got := v.token(t, v.keys(t)[k.name])
			if got == nil {
				t.Fatalf("Vault knows no token by the name %s", k.name)
			}
			if !slices.Equal(got.Policies, c.policies) || got.Orphan != c.orphan || got.Path != c.path {
				t.Errorf("Vault made %+v, want policies %v, orphan %t, path %s", got, c.policies, c.orphan, c.path)
			}
			if got.Meta["key_name"] != k.name || (c.role["meta"] != nil) != (got.Meta["team"] == "ci") {
				t.Errorf("its metadata is %v", got.Meta)
			}
			u.mustRevoke(k)
			if u.site.alive(t, k.token) {
				t.Error("the token survives its revocation")
			}
		})
	}
}

// vaultNativeTTL: the token would end by itself shortly after its lease, and a
// renewal of the lease moves that end.
func vaultNativeTTL(t *testing.T, m *mount, v *vaultTokens) {
	u := m.tenant(t, v.policy, v, nil, settings{"ttl": "5m", "max_ttl": "3h"})
	k := u.mustMint()
	endsAfter := func(lease time.Duration) {
		t.Helper()
		ttl := time.Duration(v.token(t, v.keys(t)[k.name]).TTL) * time.Second
		if ttl < lease-soon || ttl > lease+2*time.Minute {
			t.Errorf("the token's own end is in %s, want shortly after the lease's, which is in %s", ttl, lease)
		}
	}
	endsAfter(5 * time.Minute)
	for _, increment := range []time.Duration{time.Hour, 2 * time.Hour} {
		granted, err := u.renew(k, increment)
		if err != nil || granted != increment {
			t.Fatalf("renewing for %s was granted %s: %v", increment, granted, err)
		}
		endsAfter(increment)
	}
}

// vaultNativeMax: where the token itself cannot live longer, neither does the
// lease.
func vaultNativeMax(t *testing.T, m *mount, v *vaultTokens) {
	tokenRole := "short-for-" + v.policy
	_, err := v.Client.Logical().Write("auth/token/roles/"+tokenRole, settings{"allowed_policies": v.policy, "orphan": true, "token_explicit_max_ttl": "10m"})
	if err != nil {
		t.Fatal(err)
	}
	u := m.tenant(t, v.policy, v, nil, settings{"token_role": tokenRole, "ttl": "20m", "max_ttl": "1h"})
	withinTenMinutes := func(what string, lease time.Duration) {
		t.Helper()
		if lease > 10*time.Minute || lease < 10*time.Minute-2*soon {
			t.Errorf("%s the lease lasts %s, and the token ends within 10m", what, lease)
		}
	}
	k := u.mustMint()
	withinTenMinutes("at first", k.ttl)
	granted, err := u.renew(k, 30*time.Minute)
	if err != nil {
		t.Fatalf("renewing: %v", err)
	}
	withinTenMinutes("when renewed", granted)
	if !v.alive(t, k.token) {
		t.Error("the token died of its renewal")
	}
}

// vaultLostAnswer loses the answer to a mint. Vault's tokens cannot be looked
// for by name, so this one stays on the queue until its own end, unless the
// operator does what the queue says.
func vaultLostAnswer(t *testing.T, m *mount, v *vaultTokens) {
	proxy := newLossyProxy(t, v.Addr)
	u := m.tenant(t, v.policy, v, settings{"base_url": proxy.URL}, settings{"ttl": "30s", "max_ttl": "1m"})
	proxy.loseNext(reset)
	if k, err := u.mint(); err == nil {
		t.Fatalf("the caller got a key: %s", k.name)
	}
	if committed := <-proxy.lost; committed != http.StatusOK {
		t.Fatalf("Vault answered %d, so there was no answer worth losing", committed)
	}
	left := v.keys(t)
	if waiting := sortedNames(u.queue()); len(left) != 1 || !slices.Equal(sortedNames(left), waiting) {
		t.Fatalf("Vault holds %v and the queue %v, want the one token in both", left, waiting)
	}
	for name, accessor := range left {
		if ttl := v.token(t, accessor).TTL; ttl > 180 {
			t.Errorf("the token that nobody has lives for another %d s", ttl)
		}
		var entry map[string]any
		eventually(t, "the queue says what to do", func() (bool, any) {
			entry = u.queue()[name]
			says, _ := entry["last_error"].(string)
			return strings.Contains(says, fmt.Sprintf("queue/%s/give-up", entry["id"])), entry
		})
		v.revoke(t, accessor)
		u.mustWrite(fmt.Sprintf("queue/%s/give-up", entry["id"]))
	}
	if waiting := u.queue(); len(waiting) != 0 {
		t.Errorf("after giving up, the queue holds %v", waiting)
	}
}

// vaultRefusedMints are the operator's mistakes that only the server can know.
func vaultRefusedMints(t *testing.T, m *mount, v *vaultTokens) {
	u := m.tenant(t, v.policy, v, nil, nil)
	for name, c := range map[string]struct {
		role settings
		says string
	}{
		"unknown token role":          {settings{"token_role": "no-such-role"}, "no-such-role"},
		"more than the issuer's own":  {settings{"orphan": false, "policies": "reader0"}, "must be subset"},
		"root":                        {settings{"policies": "root"}, "root tokens may not be created"},
		"token role that leads above": {settings{"token_role": ".."}, "role.token_role"},
	} {
		t.Run(name, func(t *testing.T) {
			u := u.in(t)
			u.mustWrite("roles/"+u.name, settings{"orphan": nil, "token_role": nil}, v.role(), c.role)
			u.refusesToMint(c.says)
		})
	}
}
