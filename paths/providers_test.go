package paths_test

import (
	"slices"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

func TestProviders(t *testing.T) {
	m := newMount(t)
	names := m.list("providers/")
	if !slices.Equal(names, providers.BuiltIn()) || !slices.Contains(names, "sandbox") {
		t.Fatalf("the list is %v", names)
	}
	info := m.must(logical.ListOperation, "providers/", nil).Data["key_info"].(data)
	for _, name := range names {
		shown := m.read("providers/" + name)
		if shown["name"] != name || shown["title"] == "" || shown["title"] != info[name].(data)["title"] {
			t.Errorf("providers/%s shows the title %v, and the list %v", name, shown["title"], info[name])
		}
		for _, kind := range []string{"connection_fields", "role_fields"} {
			for field, described := range shown[kind].(data) {
				for _, part := range []string{"type", "help"} {
					if text, _ := described.(data)[part].(string); text == "" {
						t.Errorf("providers/%s: %s has no %s", name, field, part)
					}
				}
			}
		}
	}
}

func TestProviderShowsItsDefinition(t *testing.T) {
	m := newMount(t)
	shown := m.read("providers/openrouter")
	key := shown["connection_fields"].(data)["management_key"].(data)
	if key["type"] != "string" || key["required"] != true || key["sensitive"] != true {
		t.Errorf("management_key is shown as %v", key)
	}
	limit := shown["role_fields"].(data)["limit"].(data)
	if limit["type"] != "number" || limit["required"] != false || limit["min"] != asJSON(t, data{"n": 0})["n"] {
		t.Errorf("limit is shown as %v", limit)
	}
	capabilities := shown["capabilities"].(data)
	if capabilities["native_expiry"] != true || capabilities["reconcile"] != true {
		t.Errorf("the capabilities are %v", capabilities)
	}
	wantContains(t, m.refusal(logical.ReadOperation, "providers/openruoter", nil), `"openruoter"`, `"openrouter"`)
}

// Own fields come first, so a definition's field of the same name could never
// be written.
func TestNoProviderFieldHidesBehindAnOwnOne(t *testing.T) {
	own := map[string][]string{"connection": fieldsOf(t, "config/x"), "role": fieldsOf(t, "roles/x")}
	for _, name := range providers.BuiltIn() {
		definition, err := providers.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for kind, fields := range map[string]providers.Fields{"connection": definition.Connection, "role": definition.Role} {
			for _, field := range fields.Names() {
				if slices.Contains(own[kind], field) {
					t.Errorf("%s: its %s field %q has the name of one of the engine's own", name, kind, field)
				}
			}
		}
	}
}
