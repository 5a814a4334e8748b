//go:build integration

package acceptance

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestIntegrationUnleash is about an Unleash that keeps its tokens as they are:
// a token is its own id, stands in the list and in the address that deletes it,
// and works for up to a minute afterwards.
func TestIntegrationUnleash(t *testing.T) { testUnleash(t, false) }

// TestIntegrationUnleashSecure is about an Unleash that keeps a hash of each
// token.
func TestIntegrationUnleashSecure(t *testing.T) { testUnleash(t, true) }

func testUnleash(t *testing.T, secure bool) {
	t.Parallel()
	server := newUnleashTokens(t, secure)
	m := newMount(t)
	m.keepFromLogs(server.AdminToken)
	m.keepFromLogs(server.Password)

	newTokens := func(t *testing.T) *unleashTokens { return newUnleashTokens(t, secure) }
	newSite := func(t *testing.T) (string, site) {
		tokens := newTokens(t)
		return string(tokens.own), tokens
	}
	t.Run("life", func(t *testing.T) {
		testTogether(t, m, newSite)
		testEach(t, m, newTokens, map[string]func(*testing.T, *mount, *unleashTokens){
			"scopes":              unleashScopes,
			"refused mints":       unleashRefusedMints,
			"native expiry":       unleashNativeExpiry,
			"rotation":            unleashRotation,
			"an admin token":      unleashAdminToken,
			"a wrong admin token": unleashWrongToken,
		})
	})
	testRecoveryOf(t, "reconcile", m, newSite) // alone: it sees all tokens of the server
	testHundreds(t, m, newSite)
}

// unleashScopes checks that a token can do what its role's type says, and no
// more.
func unleashScopes(t *testing.T, m *mount, tokens *unleashTokens) {
	u := m.tenant(t, string(tokens.own), tokens, nil, nil)
	for kind, want := range map[string]map[string]int{
		"backend": {
			"/api/client/features":    http.StatusOK,
			"/api/frontend":           http.StatusForbidden,
			"/api/admin/projects":     http.StatusForbidden,
			"/api/admin/api-tokens":   http.StatusForbidden,
			"/api/admin/api-tokens/-": http.StatusForbidden,
		},
		"frontend": {
			"/api/client/features":  http.StatusForbidden,
			"/api/frontend":         http.StatusOK,
			"/api/admin/projects":   http.StatusForbidden,
			"/api/admin/api-tokens": http.StatusForbidden,
		},
	} {
		u.mustWrite("roles/"+u.name, settings{"type": kind})
		k, err := u.mint()
		if err != nil {
			t.Fatalf("minting a %s token: %v", kind, err)
		}
		for path, status := range want {
			if got := tokens.as(t, k.token, http.MethodGet, path, nil); got.status != status {
				t.Errorf("with a %s token, %s was answered %s, want %d", kind, path, got, status)
			}
		}
		u.mustRevoke(k)
	}
}

// unleashRefusedMints are the operator's mistakes that only Unleash can know.
func unleashRefusedMints(t *testing.T, m *mount, tokens *unleashTokens) {
	u := m.tenant(t, string(tokens.own), tokens, nil, nil)
	project := "Project=no-such-project does not exist"
	if tokens.secure {
		project = "foreign key constraint" // by 500
	}
	for name, c := range map[string]struct {
		role settings
		says string
	}{
		"unknown environment": {settings{"environment": "no-such-environment"}, "Environment=no-such-environment does not exist"},
		"unknown project":     {settings{"projects": "no-such-project"}, project},
		"all environments":    {settings{"environment": "*"}, "cannot be scoped to all environments"},
	} {
		t.Run(name, func(t *testing.T) {
			u := u.in(t)
			u.mustWrite("roles/"+u.name, tokens.role(), c.role)
			u.refusesToMint(c.says)
		})
	}
}

// unleashNativeExpiry: the token would end by itself shortly after its lease,
// and a renewal of the lease moves that end.
func unleashNativeExpiry(t *testing.T, m *mount, tokens *unleashTokens) {
	u := m.tenant(t, string(tokens.own), tokens, nil, settings{"ttl": "10m", "max_ttl": "3h"})
	k := u.mustMint()
	endsAfter := func(lease time.Duration) {
		t.Helper()
		left := time.Until(tokens.list(t)[k.name].ExpiresAt)
		if left < lease-soon || left > lease+2*time.Minute {
			t.Errorf("the token's own end is in %s, want shortly after the lease's, which is in %s", left, lease)
		}
	}
	endsAfter(10 * time.Minute)
	if granted, err := u.renew(k, 2*time.Hour); err != nil || granted != 2*time.Hour {
		t.Fatalf("renewing for 2h was granted %s: %v", granted, err)
	}
	endsAfter(2 * time.Hour)
}

// unleashRotation replaces a personal access token, which is not shown again.
func unleashRotation(t *testing.T, m *mount, tokens *unleashTokens) {
	const byHand = "by hand"
	id, first := tokens.accessToken(t, byHand)
	m.keepFromLogs(first)
	u := m.tenant(t, string(tokens.own), tokens, settings{"token": first, "token_id": id}, nil)
	before := u.mustMint()
	u.mustWrite("rotate-root/" + u.name)
	if got := tokens.as(t, first, http.MethodGet, "/api/admin/api-tokens/-", nil); got.status != http.StatusUnauthorized {
		t.Errorf("the old access token is answered %s", got)
	}
	u.mustRevoke(before)
	u.mustMint()
	u.mustWrite("rotate-root/" + u.name) // whose predecessor no person has made
	u.mustMint()

	const own = "to look"
	_, look := tokens.accessToken(t, own)
	m.keepFromLogs(look)
	left := slices.DeleteFunc(tokens.accessTokens(t, look), func(one string) bool { return one == own })
	if len(left) != 1 || left[0] == byHand {
		t.Errorf("Unleash holds the access tokens %q, want the last one alone", left)
	}
}

// unleashAdminToken cannot be replaced: no API makes another.
func unleashAdminToken(t *testing.T, m *mount, tokens *unleashTokens) {
	u := m.tenant(t, string(tokens.own), tokens, nil, nil)
	err := u.write("rotate-root/" + u.name)
	if err == nil || !strings.Contains(err.Error(), "PATs require an authenticated user") {
		t.Errorf("rotating an admin token: %v", err)
	}
	u.mustMint()
}

func unleashWrongToken(t *testing.T, m *mount, tokens *unleashTokens) {
	u := m.tenant(t, string(tokens.own), tokens, nil, nil)
	k := u.mustMint()
	for what, wrong := range map[string]string{"no token at all": "*:*.not-a-token-of-this-server", "a key": k.token} {
		m.keepFromLogs(wrong)
		u.refusesToStore(what, settings{"token": wrong}, wrong)
	}
	u.mustMint()
}
