package paths_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestRoleLife(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	if got := m.read("roles/ci"); got != nil {
		t.Errorf("a role that does not exist reads as %v", got)
	}
	whole := data{
		"connection": "main", "ttl": "10m", "max_ttl": 3600, "key_name_template": "{{ .RoleName }}",
		"verify_revocation": "probe", "key_cidrs": "10.0.0.0/8,192.168.0.0/16", "bind_to_caller": false,
		"scopes": "read,write", "owner": "team-ci", "narrowable_fields": "scopes",
	}
	m.write("roles/ci", whole)
	want := data{
		"connection": "main", "ttl": 600, "max_ttl": 3600, "key_name_template": "{{ .RoleName }}",
		"verify_revocation": "probe", "key_cidrs": []string{"10.0.0.0/8", "192.168.0.0/16"}, "bind_to_caller": false,
		"scopes": []string{"read", "write"}, "owner": "team-ci", "narrowable_fields": []string{"scopes"},
	}
	wantFields(t, m.read("roles/ci"), want)
	if got := m.list("roles/"); !reflect.DeepEqual(got, []string{"ci"}) {
		t.Errorf("the list is %v", got)
	}

	t.Run("a write keeps what it does not name", func(t *testing.T) {
		m.write("roles/ci", data{"scopes": []string{"read"}})
		changed := maps.Clone(want)
		changed["scopes"] = []string{"read"}
		wantFields(t, m.read("roles/ci"), changed)
	})
	for name, empty := range map[string]any{"null": nil, "an empty string": ""} {
		t.Run(name+" sets back to the default", func(t *testing.T) {
			m.write("roles/ci", whole)
			m.write("roles/ci", data{
				"ttl": empty, "max_ttl": empty, "key_name_template": empty, "verify_revocation": empty,
				"key_cidrs": empty, "bind_to_caller": empty, "scopes": empty, "owner": empty, "narrowable_fields": empty,
			})
			wantFields(t, m.read("roles/ci"), data{
				"connection": "main", "ttl": 0, "max_ttl": 0, "key_name_template": "",
				"verify_revocation": "list", "key_cidrs": []string{}, "bind_to_caller": false, "narrowable_fields": []string{},
			})
		})
	}
	t.Run("delete", func(t *testing.T) {
		m.must(logical.DeleteOperation, "roles/ci", nil)
		if got := m.read("roles/ci"); got != nil {
			t.Errorf("a deleted role reads as %v", got)
		}
	})
}

func TestRoleChangesConnection(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.connect("other")
	m.write("config/router", data{"provider": "openrouter", "management_key": "x", "verify_connection": false})
	m.write("roles/ci", data{"connection": "main", "owner": "team-ci"})

	m.write("roles/ci", data{"connection": "other"})
	if got := m.read("roles/ci"); got["owner"] != "team-ci" {
		t.Errorf("another connection to the same provider lost its fields: %v", got)
	}
	m.write("roles/ci", data{"connection": "router", "limit": 5})
	if got := m.read("roles/ci"); got["owner"] != nil || got["connection"] != "router" {
		t.Errorf("a connection to another provider kept the former one's fields: %v", got)
	}
}

func TestRoleOutlivesItsConnection(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main", "owner": "team-ci"})
	m.must(logical.DeleteOperation, "config/main", nil)

	resp := m.must(logical.ReadOperation, "roles/ci", nil)
	if resp.Data["owner"] != nil || len(resp.Warnings) != 1 {
		t.Errorf("without a definition nobody knows what is secret, but it shows %v, warning %v", resp.Data, resp.Warnings)
	}
	wantContains(t, m.refusal(logical.UpdateOperation, "roles/ci", data{"ttl": "1h"}), `"main"`, "config/main")
	wantContains(t, m.refusal(logical.ReadOperation, "creds/ci", nil), `"main"`, "config/main")
	m.must(logical.DeleteOperation, "roles/ci", nil)
}

func TestRoleThatIsNotAllowedIsWarnedAbout(t *testing.T) {
	m := newMount(t)
	m.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": m.url, "allowed_roles": "web-*"})
	resp := m.write("roles/ci", data{"connection": "main"})
	if resp == nil || len(resp.Warnings) != 1 || !strings.Contains(resp.Warnings[0], "config/main") {
		t.Errorf("got %+v, want a warning about the connection's allowed_roles", resp)
	}
	if resp := m.write("roles/web-1", data{"connection": "main"}); resp != nil {
		t.Errorf("an allowed role is warned about: %v", resp.Warnings)
	}
}

// A proof that cannot be had is refused when it is asked for, not when a key is to
// be proven dead.
func TestProofThatCannotBeHadIsRefused(t *testing.T) {
	m := newMount(t)
	m.write("definitions/blind", data{"definition": `provider "blind" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.admin_key }
  check { get = "/v1/whoami" }
  issue {
    post       = "/v1/keys"
    json       = { name = key.name, expires_at = rfc3339(key.expires_at) }
    id         = body.id
    secret     = { api_key = body.key }
    expires_at = body.expires_at
  }
  revoke {
    delete = "/v1/keys/${key.id}"
    gone   = [404]
  }
  expiry { granularity = "1s" }
}`})
	m.write("config/blind", data{"provider": "blind", "admin_key": adminKey, "base_url": m.url, "allowed_roles": "*"})
	for _, folder := range []string{"roles/", "static-roles/"} {
		wantContains(t, m.refusal(logical.CreateOperation, folder+"ci", data{"connection": "blind", "verify_revocation": "list"}),
			"no probe, list or lookup", "leave verify_revocation out")
		if got := m.list(folder); len(got) != 0 {
			t.Errorf("%s lists %v", folder, got)
		}
		m.write(folder+"ci", data{"connection": "blind"})
	}
}
