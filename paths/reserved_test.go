package paths

import (
	"maps"
	"slices"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"

	"vault-plugin-secrets-apikeys/backend"
	"vault-plugin-secrets-apikeys/providers"
)

// TestReservedNamesAreThoseOfTheEndpoints: what an endpoint takes or shows beside a
// provider's fields is what no definition may call its own.
func TestReservedNamesAreThoseOfTheEndpoints(t *testing.T) {
	for what, test := range map[string]struct {
		reserved  []string
		endpoints []map[string]*framework.FieldSchema
	}{
		"connection": {backend.ConnectionFields(), []map[string]*framework.FieldSchema{connectionFields()}},
		"role":       {backend.RoleFields(), []map[string]*framework.FieldSchema{roleFields(), staticRoleFields()}},
	} {
		own := map[string]bool{}
		for _, fields := range test.endpoints {
			for name := range fields {
				own[name] = true
			}
		}
		if got, want := slices.Sorted(slices.Values(test.reserved)), slices.Sorted(maps.Keys(own)); !slices.Equal(got, want) {
			t.Errorf("reserved for a %s are\n%v, its endpoints have\n%v", what, got, want)
		}
	}
}

// TestNoBuiltInFieldIsHidden holds the catalog to what an upload is refused for.
func TestNoBuiltInFieldIsHidden(t *testing.T) {
	for _, name := range providers.BuiltIn() {
		definition, err := providers.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, field := range definition.Connection.Names() {
			if slices.Contains(backend.ConnectionFields(), field) {
				t.Errorf("%s: connection field %q is the engine's own", name, field)
			}
		}
		for _, field := range definition.Role.Names() {
			if slices.Contains(backend.RoleFields(), field) {
				t.Errorf("%s: role field %q is the engine's own", name, field)
			}
		}
	}
}
