package paths_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// What a provider cannot bind a key to is refused when the role is written, or, where
// only the request tells, before the provider is called.
func TestNetworksThatTheProviderCannotBind(t *testing.T) {
	m := newMount(t)
	sandbox, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	m.write("definitions/sandbox", data{"override": true, "definition": strings.Replace(sandbox.Source(),
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
