package acceptance

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/api"

	"vault-plugin-secrets-apikeys/internal/testbed/vaulttest"
)

// issuerPolicy is all that the connection's own token needs, besides the
// policy "default".
const issuerPolicy = `
path "auth/token/create"          { capabilities = ["update"] }
path "auth/token/create/*"        { capabilities = ["update"] }
path "auth/token/create-orphan"   { capabilities = ["update", "sudo"] }
path "auth/token/revoke-accessor" { capabilities = ["update"] }
path "auth/token/renew-accessor"  { capabilities = ["update"] }
`

// tokenPolicy is what the keys may do.
const tokenPolicy = `path "sys/mounts" { capabilities = ["read"] }`

// vaultTokens are the tokens of a Vault that belong to one test: those with its
// policy.
type vaultTokens struct {
	*vaulttest.Server
	policy string
	issuer *api.SecretAuth // the connection's token
}

var vaultPolicies atomic.Int64

func newVaultTokens(t *testing.T, m *mount) *vaultTokens {
	t.Helper()
	v := &vaultTokens{Server: m.Server, policy: fmt.Sprintf("reader%d", vaultPolicies.Add(1))}
	for name, rules := range map[string]string{"issuer": issuerPolicy, v.policy: tokenPolicy} {
		if err := v.Client.Sys().PutPolicy(name, rules); err != nil {
			t.Fatal(err)
		}
	}
	secret, err := v.Client.Auth().Token().CreateOrphan(&api.TokenCreateRequest{Policies: []string{"issuer", v.policy}})
	if err != nil {
		t.Fatalf("making the connection's token: %v", err)
	}
	v.issuer = secret.Auth
	m.keepFromLogs(v.issuer.ClientToken)
	return v
}

func (v *vaultTokens) connection() map[string]any {
	return settings{"provider": "vault", "base_url": v.Addr, "token": v.issuer.ClientToken}
}

func (v *vaultTokens) role() map[string]any { return settings{"policies": []string{v.policy}} }

func (v *vaultTokens) alive(t *testing.T, token string) bool {
	t.Helper()
	return v.as(t, token, "sys/mounts").
		want(t, "what the policy allows", http.StatusOK, http.StatusForbidden).
		status == http.StatusOK
}

// as reads a path with a token.
func (v *vaultTokens) as(t *testing.T, token, path string) answer {
	t.Helper()
	return send(t, http.MethodGet, v.Addr+"/v1/"+path, nil, func(r *http.Request) { r.Header.Set("X-Vault-Token", token) })
}

// keys looks every token of the server up. One that is just being made has no
// lease yet, and Vault revokes such a token when it is asked for: nothing may
// be minted meanwhile.
func (v *vaultTokens) keys(t *testing.T) map[string]string {
	t.Helper()
	all, err := v.Client.Logical().List("auth/token/accessors")
	if err != nil {
		t.Fatalf("listing accessors: %v", err)
	}
	found := map[string]string{}
	accessors, _ := all.Data["keys"].([]any)
	for _, accessor := range accessors {
		token := v.token(t, accessor.(string))
		if token != nil && slices.Contains(token.Policies, v.policy) && !slices.Contains(token.Policies, "issuer") {
			found[token.name()] = token.Accessor
		}
	}
	return found
}

// vaultToken is what Vault says of a token.
type vaultToken struct {
	Accessor    string
	DisplayName string `json:"display_name"`
	Policies    []string
	Orphan      bool
	Path        string
	TTL         int // in seconds
	Meta        map[string]string
}

func (v *vaultToken) name() string { return strings.TrimPrefix(v.DisplayName, "token-") }

// token looks a token up; nil when it is gone.
func (v *vaultTokens) token(t *testing.T, accessor string) *vaultToken {
	t.Helper()
	secret, err := v.Client.Auth().Token().LookupAccessor(accessor)
	if refusal := (*api.ResponseError)(nil); errors.As(err, &refusal) && refusal.StatusCode < 500 {
		return nil
	}
	if err != nil {
		t.Fatalf("looking a token up: %v", err)
	}
	token := new(vaultToken)
	decodeInto(t, secret.Data, token)
	return token
}

func (v *vaultTokens) create(t *testing.T, name string) (id string) {
	t.Helper()
	secret, err := v.Client.Auth().Token().CreateOrphan(&api.TokenCreateRequest{DisplayName: name, Policies: []string{v.policy}})
	if err != nil {
		t.Fatalf("creating a token: %v", err)
	}
	return secret.Auth.Accessor
}

func (v *vaultTokens) revoke(t *testing.T, id string) {
	t.Helper()
	if err := v.Client.Auth().Token().RevokeAccessor(id); err != nil {
		t.Fatalf("revoking a token: %v", err)
	}
}
