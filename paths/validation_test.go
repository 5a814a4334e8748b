package paths_test

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/providers"
)

// What a definition says of fields together holds when roles and connections are
// written, and for what a caller narrows.
func TestValidations(t *testing.T) {
	m := newMount(t)
	sandbox, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	m.write("definitions/sandbox", data{"override": true, "definition": strings.Replace(sandbox.Source(), `auth "bearer"`, `validation {
    condition     = contains(role.scopes, "read")
    error_message = "scopes must hold read"
  }
  validation {
    condition     = connection.admin_key != "guest"
    error_message = "a guest may not make keys"
  }
  auth "bearer"`, 1)})
	wantContains(t, m.refusal(logical.CreateOperation, "config/main", data{"provider": "sandbox", "admin_key": "guest", "base_url": m.url}), "a guest may not make keys")
	m.connect("main")
	wantContains(t, m.refusal(logical.CreateOperation, "roles/ci", data{"connection": "main", "scopes": "write"}), "scopes must hold read")
	wantContains(t, m.refusal(logical.CreateOperation, "static-roles/ci", data{"connection": "main", "scopes": "write", "rotation_period": "24h"}), "scopes must hold read")
	m.write("roles/ci", data{"connection": "main", "scopes": "read,write", "narrowable_fields": "scopes"})
	m.mint("ci")
	wantContains(t, m.refusal(logical.UpdateOperation, "creds/ci", data{"scopes": "write"}), "scopes must hold read")
}
