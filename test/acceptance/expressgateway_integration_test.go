//go:build integration

package acceptance

import (
	"net/http"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/internal/testbed/expressgateway"
)

// TestIntegrationExpressGateway is about a server whose keys have two parts, are
// deactivated and never deleted, and that answers 500 to a caller's mistake.
func TestIntegrationExpressGateway(t *testing.T) {
	t.Parallel()
	server := newGatewayConsumer(t)
	m := newMount(t)
	_, secret, _ := strings.Cut(server.AdminKey, ":")
	m.keepFromLogs(secret)
	newSite := func(t *testing.T) (string, site) {
		consumer := newGatewayConsumer(t)
		return consumer.name, consumer
	}
	testHundreds(t, m, newSite) // alone: it leaves the others no time
	newParallelSite := func(t *testing.T) (string, site) {
		t.Parallel()
		return newSite(t)
	}
	testLife(t, m, newParallelSite)
	testRecovery(t, m, newParallelSite)
	testFaults(t, m, newParallelSite)
	testEach(t, m, newGatewayConsumer, map[string]func(*testing.T, *mount, *gatewayConsumer){
		"scopes":              gatewayScopes,
		"refused mints":       gatewayRefusedMints,
		"deleted consumer":    gatewayDeletedConsumer,
		"rotation":            gatewayRotation,
		"a wrong admin key":   gatewayWrongKey,
		"unguarded admin API": gatewayUnguarded,
	})
}

// gatewayScopes checks that a key can do what its role's scopes say, and no
// more.
func gatewayScopes(t *testing.T, m *mount, g *gatewayConsumer) {
	u := m.tenant(t, g.name, g, nil, nil)
	paths := []string{"/v1/models", "/v1/batches", "/scopes"}
	for scopes, want := range map[string][]int{
		"":                        {http.StatusForbidden, http.StatusForbidden, http.StatusForbidden},
		expressgateway.ReadScope:  {http.StatusOK, http.StatusForbidden, http.StatusForbidden},
		expressgateway.WriteScope: {http.StatusForbidden, http.StatusOK, http.StatusForbidden},
		expressgateway.ReadScope + "," + expressgateway.WriteScope: {http.StatusOK, http.StatusOK, http.StatusForbidden},
	} {
		u.mustWrite("roles/"+u.name, settings{"scopes": scopes})
		k, err := u.mint()
		if err != nil {
			t.Fatalf("minting with %q: %v", scopes, err)
		}
		for i, path := range paths {
			if got := g.as(t, k.token, path); got.status != want[i] {
				t.Errorf("with %q, %s was answered %s, want %d", scopes, path, got, want[i])
			}
		}
		u.mustRevoke(k)
		for _, path := range paths {
			if got := g.as(t, k.token, path); got.status != http.StatusUnauthorized {
				t.Errorf("after the revocation, %s was answered %s, want 401", path, got)
			}
		}
	}
}

// gatewayRefusedMints are the operator's mistakes that only the gateway can know.
func gatewayRefusedMints(t *testing.T, m *mount, g *gatewayConsumer) {
	u := m.tenant(t, g.name, g, nil, nil)
	for name, c := range map[string]struct {
		role settings
		says string
	}{
		"unknown scope":    {settings{"scopes": "no-such-scope"}, "One or more scopes don't exist"}, // by 500
		"unknown consumer": {settings{"consumer": "nobody-here"}, "No consumer found with id: nobody-here"},
	} {
		t.Run(name, func(t *testing.T) {
			u := u.in(t)
			u.mustWrite("roles/"+u.name, g.role(), c.role)
			u.refusesToMint(c.says)
		})
	}
}

// gatewayDeletedConsumer: the keys of a consumer that is deleted die at once, and
// their leases can be revoked.
func gatewayDeletedConsumer(t *testing.T, m *mount, g *gatewayConsumer) {
	doomed := newGatewayConsumer(t)
	u := m.tenant(t, g.name, g, nil, settings{"consumer": doomed.name})
	k := u.mustMint()
	g.asAdmin(t, http.MethodDelete, "/users/"+doomed.name, nil).want(t, "deleting a user", http.StatusNoContent)
	u.isDead(k)
	u.mustRevoke(k)
	u.isForgotten(k)
}

// gatewayRotation replaces the key that the admin API is guarded by.
func gatewayRotation(t *testing.T, m *mount, g *gatewayConsumer) {
	var made struct{ KeyID, KeySecret string }
	g.asAdmin(t, http.MethodPost, "/credentials", settings{
		"consumerId": g.AdminBot, "type": "key-auth", "credential": settings{"scopes": []string{expressgateway.AdminScope}},
	}).want(t, "creating an admin key", http.StatusOK).decode(t, &made)
	first := made.KeyID + ":" + made.KeySecret
	m.keepFromLogs(made.KeySecret)
	u := m.tenant(t, g.name, g, settings{"admin_key": first}, nil)
	u.rotates(func() bool {
		return g.as(t, first, "/scopes").
			want(t, "the first admin key", http.StatusOK, http.StatusUnauthorized).status == http.StatusOK
	})
}

func gatewayWrongKey(t *testing.T, m *mount, g *gatewayConsumer) {
	u := m.tenant(t, g.name, g, nil, nil)
	k := u.mustMint()
	for what, wrong := range map[string]string{"a key of nobody": "nobody:nothing-at-all", "a key without the scope": k.token, "half a key": "half-a-key"} {
		u.refusesToStore(what, settings{"admin_key": wrong}, wrong)
	}
	u.mustMint()
}

// gatewayUnguarded uses the admin API as it comes, without a login.
func gatewayUnguarded(t *testing.T, m *mount, g *gatewayConsumer) {
	u := m.tenant(t, g.name, g, settings{"base_url": g.Admin, "admin_key": nil}, nil)
	k := u.mustMint()
	u.mustRevoke(k)
	u.isDead(k)
	if err := u.write("rotate-root/" + u.name); err == nil {
		t.Error("a connection without an admin key is said to have a new one")
	}
}
