package paths_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
	"vault-plugin-secrets-apikeys/providers"
)

// What a provider cannot bind a key to is refused when the role is written, or, where
// only the request tells, before the provider is called.
func TestNetworksThatTheProviderCannotBind(t *testing.T) {
	m := newMount(t)
	definition, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	m.write("definitions/sandbox", data{"override": true, "definition": strings.Replace(definition.Source(),
		`auth "bearer"`, "cidrs {\n    max_items = 2\n    single    = true\n    ipv6      = false\n  }\n  auth \"bearer\"", 1)})
	m.connect("main")
	shown := m.read("providers/sandbox")["cidrs"].(map[string]any)
	if shown["single"] != true || shown["ipv4_only"] != true {
		t.Errorf("it is shown as %v", shown)
	}
	for _, kind := range []string{"roles/ci", "static-roles/ci"} {
		input := data{"connection": "main", "scopes": "read", "key_cidrs": "10.0.0.0/8"}
		if kind != "roles/ci" {
			input["rotation_period"] = "24h"
		}
		wantContains(t, m.refusal(logical.CreateOperation, kind, input), "10.0.0.0/8 is a network", "10.0.0.0/32")
	}
	m.write("roles/ci", data{"connection": "main", "scopes": "read", "key_cidrs": "10.1.2.3/32"})
	m.mint("ci")
	m.write("roles/caller", data{"connection": "main", "scopes": "read", "bind_to_caller": true})
	m.mint("caller")
	before := len(m.sandbox.LiveKeys())
	m.remote = "2001:db8::1"
	wantContains(t, m.refusal(logical.ReadOperation, "creds/caller", nil), "2001:db8::1/128 is IPv6", "key_cidrs")
	if len(m.sandbox.LiveKeys()) != before {
		t.Error("a key was made all the same")
	}
}

// A key that is bound to addresses is refused to Vault itself, as a dead one is. That is
// no reason to give a static role no key, nor does it prove that one is dead which the
// provider would not revoke.
func TestBoundKeyIsNotTriedFromElsewhere(t *testing.T) {
	definition, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	own := strings.NewReplacer(
		"dead    = [401]", "dead    = [401, 403]",
		"    owner  = {", "    ips = { type = list(string), default = [], binds_addresses = true }\n    owner = {",
		"allowed_cidrs = key.cidrs", "allowed_cidrs = concat(role.ips, key.cidrs)",
	).Replace(definition.Source())
	for name, field := range map[string]string{"by key_cidrs": "key_cidrs", "by a field of the role": "ips"} {
		t.Run(name, func(t *testing.T) {
			m := newMount(t)
			m.write("definitions/sandbox", data{"override": true, "definition": own})
			m.connect("main")
			m.write("static-roles/ci", data{"connection": "main", "scopes": "read", field: "10.0.0.0/8", "rotation_period": "24h"})
			if m.read("static-creds/ci")["api_key"] == "" {
				t.Error("the static role has no key")
			}
			m.write("roles/ci", data{"connection": "main", "scopes": "read", field: "10.0.0.0/8", "verify_revocation": "probe"})
			lease := m.mint("ci")
			m.sabotage(sandbox.Fault{Kind: sandbox.Status, Status: 403, Count: new(int), Match: sandbox.Match{Method: "DELETE"}})
			_ = m.revoke(lease)
			if living := len(m.sandbox.LiveKeys()); living != 2 || len(m.list("keys")) != 2 {
				t.Errorf("%d keys live at the provider, and the ledger has %v", living, m.list("keys"))
			}
		})
	}
}
