//go:build integration

package acceptance

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/hashicorp/vault/api"
)

// TestIntegrationVaultTokens adds to TestVaultTokens what takes longer. Its parts
// do not run beside each other either.
func TestIntegrationVaultTokens(t *testing.T) {
	t.Parallel()
	m := newMount(t)
	testHundreds(t, m, func(t *testing.T) (string, site) {
		tokens := newVaultTokens(t, m)
		return tokens.policy, tokens
	})
	// A token cannot be looked for, so one that nobody holds ends by itself.
	t.Run("faults", func(t *testing.T) {
		tokens := newVaultTokens(t, m)
		bearsFaults(t, m, tokens.policy, tokens, settings{"ttl": "20s", "max_ttl": "20s"}, slices.Collect(maps.Values(faults))...)
	})
	t.Run("rotation", func(t *testing.T) { vaultRotation(t, m, newVaultTokens(t, m)) })
}

// vaultRotation replaces the connection's token, against a token role.
func vaultRotation(t *testing.T, m *mount, v *vaultTokens) {
	const tokenRole = "issuers"
	_, err := v.Client.Logical().Write("auth/token/roles/"+tokenRole, settings{"allowed_policies": "issuer," + v.policy, "orphan": true})
	if err != nil {
		t.Fatal(err)
	}
	secret, err := v.Client.Auth().Token().CreateWithRole(&api.TokenCreateRequest{Policies: []string{"issuer", v.policy}}, tokenRole)
	if err != nil {
		t.Fatalf("making the connection's token: %v", err)
	}
	first := secret.Auth.ClientToken
	m.keepFromLogs(first)
	u := m.tenant(t, v.policy, v, settings{"token": first}, nil)
	u.rotates(func() bool {
		return v.as(t, first, "auth/token/lookup-self").
			want(t, "the first token", http.StatusOK, http.StatusForbidden).status == http.StatusOK
	})
}
