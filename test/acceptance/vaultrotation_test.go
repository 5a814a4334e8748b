package acceptance

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// vaultRootRotation has the engine replace its own token at the Vault that it
// runs in: the old one dies, keys that it made live on and can be revoked.
func vaultRootRotation(t *testing.T, m *mount, v *vaultTokens) {
	u := m.tenant(t, v.policy, v, nil, nil)
	kept := u.mustMint()
	for range 3 {
		u.mustWrite("rotate-root/" + u.name)
		u.mustRevoke(u.mustMint())
	}
	if got := v.as(t, v.issuer.ClientToken, "auth/token/lookup-self"); got.status != http.StatusForbidden {
		t.Errorf("the first token was answered %s after its rotation, want 403", got)
	}
	if issuers := v.issuers(t); len(issuers) != 1 || !strings.HasPrefix(issuers[0].name(), "vault-root-") || !issuers[0].Orphan {
		t.Errorf("Vault holds the issuing tokens %+v, want the newest alone, an orphan", issuers)
	}
	u.showsNoToken("config/" + u.name)
	if !v.alive(t, kept.token) {
		t.Error("a key that the first token made ended with it")
	}
	u.mustRevoke(kept)
	u.dies(kept)
}

// vaultStaticRole keeps one token for everybody, and replaces it.
func vaultStaticRole(t *testing.T, m *mount, v *vaultTokens) {
	u := m.tenant(t, v.policy, v, settings{"allowed_roles": "*"}, nil)
	path := "static-roles/" + u.name
	u.mustWrite(path, v.role(), settings{"connection": u.name, "rotation_period": "24h", "overlap": "1h"})
	first := u.staticKey()
	u.mustWrite("rotate-role/" + u.name)
	second := u.staticKey()
	if first == second {
		t.Error("the rotation left the token as it was")
	}
	for _, token := range []string{first, second} {
		if !v.alive(t, token) {
			t.Error("a token does not work within the overlap")
		}
	}
	u.mustWrite(path, settings{"overlap": 0})
	u.mustWrite("rotate-role/" + u.name)
	third := u.staticKey()
	if v.alive(t, second) || !v.alive(t, third) {
		t.Error("without overlap the old token has to be dead and the new one alive")
	}
	u.showsNoToken(path)
	if _, err := u.Client.Logical().DeleteWithContext(t.Context(), "apikeys/"+path); err != nil {
		t.Fatalf("deleting the static role: %v", err)
	}
	for n, token := range []string{first, second, third} {
		if v.alive(t, token) {
			t.Errorf("token %d lives on after its role", n+1)
		}
	}
}

// staticKey reads the test's static role.
func (u *tenant) staticKey() string {
	u.t.Helper()
	secret, err := u.Client.Logical().ReadWithContext(u.t.Context(), "apikeys/static-creds/"+u.name)
	if err != nil {
		u.t.Fatalf("reading the static key: %v", err)
	}
	token, _ := secret.Data["token"].(string)
	if token == "" || secret.LeaseID != "" {
		u.t.Fatalf("the answer has the fields %v, lease %q; want a token without a lease", sortedNames(secret.Data), secret.LeaseID)
	}
	u.keepFromLogs(token)
	return token
}

// showsNoToken checks that a read holds no value of a token.
func (u *tenant) showsNoToken(path string) {
	u.t.Helper()
	secret, err := u.Client.Logical().ReadWithContext(u.t.Context(), "apikeys/"+path)
	if err != nil {
		u.t.Fatalf("reading %s: %v", path, err)
	}
	if _, shown := secret.Data["token"]; shown || strings.Contains(fmt.Sprint(secret.Data), "hvs.") {
		u.t.Errorf("%s shows a token", path)
	}
	if secret.Data["last_vault_rotation"] == nil || secret.Data["last_error"] != nil {
		u.t.Errorf("%s says last_vault_rotation %v, last_error %v", path, secret.Data["last_vault_rotation"], secret.Data["last_error"])
	}
}

// issuers are the tokens that may issue the test's keys.
func (v *vaultTokens) issuers(t *testing.T) []*vaultToken {
	t.Helper()
	all, err := v.Client.Logical().List("auth/token/accessors")
	if err != nil {
		t.Fatalf("listing accessors: %v", err)
	}
	var found []*vaultToken
	accessors, _ := all.Data["keys"].([]any)
	for _, accessor := range accessors {
		token := v.token(t, accessor.(string))
		if token != nil && slices.Contains(token.Policies, v.policy) && slices.Contains(token.Policies, "issuer") {
			found = append(found, token)
		}
	}
	return found
}
