package paths_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

// TestListsArePaged asks every list for a part of it, as clients of OpenBao do.
func TestListsArePaged(t *testing.T) {
	m := newMount(t)
	for i := range 5 {
		name := fmt.Sprintf("c%d", i)
		m.connect(name)
		m.write("roles/"+name, data{"connection": name})
		m.write("static-roles/"+name, data{"connection": name})
	}
	for _, path := range []string{"config/", "roles/", "static-roles/"} {
		for name, c := range map[string]struct {
			ask  data
			want []string
		}{
			"all":                  {data{}, []string{"c0", "c1", "c2", "c3", "c4"}},
			"a limit of 0":         {data{"limit": 0}, []string{"c0", "c1", "c2", "c3", "c4"}},
			"the first page":       {data{"limit": 2}, []string{"c0", "c1"}},
			"the next page":        {data{"limit": 2, "after": "c1"}, []string{"c2", "c3"}},
			"after none there is":  {data{"after": "c10"}, []string{"c2", "c3", "c4"}},
			"after the last":       {data{"after": "c4", "limit": 9}, nil},
			"strings, as in a URL": {data{"limit": "1", "after": "c2"}, []string{"c3"}},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				got, _ := m.must(logical.ListOperation, path, c.ask).Data["keys"].([]string)
				if !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
			})
		}
		wantContains(t, m.refusal(logical.ListOperation, path, data{"limit": -1}), "limit must not be negative")
	}
	for _, path := range []string{"providers/", "queue/", "keys/"} {
		m.must(logical.ListOperation, path, data{"limit": 1, "after": ""})
	}
}

// TestWhatIsReadCanBeWrittenBack pipes reads into writes, as operators do.
func TestWhatIsReadCanBeWrittenBack(t *testing.T) {
	m := newMount(t)
	m.write("config/main", data{
		"provider": "sandbox", "admin_key": adminKey, "base_url": m.url, "allowed_roles": "*",
		"rotation_period": "24h", "request_timeout": "20s",
	})
	m.write("config/proxied", data{
		"provider": "sandbox", "admin_key": adminKey, "base_url": m.url, "verify_connection": false,
		"proxy_url": "http://user:password@127.0.0.1:1", "allowed_roles": "*",
	})
	m.write("roles/ci", data{"connection": "main", "ttl": "10m", "scopes": "read", "key_cidrs": "10.0.0.0/8"})
	m.write("static-roles/app", data{"connection": "main", "rotation_schedule": "0 3 * * SAT", "rotation_window": "2h", "scopes": "read"})
	m.write("rotate-role/app", nil)
	for _, path := range []string{"config/main", "config/proxied", "roles/ci", "static-roles/app"} {
		for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
			t.Run(fmt.Sprintf("%s %s", operation, path), func(t *testing.T) {
				before := m.read(path)
				stored := m.stored()
				m.must(operation, path, before)
				wantFields(t, m.read(path), before)
				for _, prefix := range []string{"config/", "role/", "static-role/"} {
					for entry, text := range m.stored() {
						if len(entry) > len(prefix) && entry[:len(prefix)] == prefix && stored[entry] != text {
							t.Errorf("%s is stored as\n%s, and was\n%s", entry, text, stored[entry])
						}
					}
				}
			})
		}
	}
}

func TestPatchChangesWhatItNames(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main", "ttl": "10m", "owner": "team-ci"})
	m.must(logical.PatchOperation, "roles/ci", data{"ttl": "20m", "owner": nil})
	if got := m.read("roles/ci"); fmt.Sprint(got["ttl"]) != "1200" || got["owner"] != nil || got["connection"] != "main" {
		t.Errorf("patched to %v", got)
	}
	for _, path := range []string{"roles/none", "static-roles/none", "config/none"} {
		wantContains(t, m.refusal(logical.PatchOperation, path, data{}), `"none" to patch`)
	}
	wantContains(t, m.refusal(logical.PatchOperation, "roles/ci", data{"tll": "1h"}), `did you mean "ttl"?`)
}

// TestStaticCredsSayHowOftenTheyChange holds an answer against what Vault Agent,
// consul-template and the Secrets Operator look for to know a rotated secret.
func TestStaticCredsSayHowOftenTheyChange(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	for name, c := range map[string]struct {
		schedule data
		shown    []string
		hidden   []string
	}{
		"period":   {data{"rotation_period": "1h"}, []string{"rotation_period", "ttl", "last_vault_rotation", "next_rotation"}, []string{"rotation_schedule", "rotation_window"}},
		"schedule": {data{"rotation_schedule": "0 3 * * SAT", "rotation_window": "2h"}, []string{"rotation_schedule", "rotation_window", "ttl", "last_vault_rotation"}, []string{"rotation_period"}},
		"by hand":  {data{}, []string{"last_vault_rotation"}, []string{"rotation_period", "rotation_schedule", "rotation_window", "ttl"}},
	} {
		t.Run(name, func(t *testing.T) {
			role := data{"connection": "main"}
			for field, value := range c.schedule {
				role[field] = value
			}
			m.write("static-roles/app", role)
			defer m.must(logical.DeleteOperation, "static-roles/app", nil)
			got := m.read("static-creds/app")
			for _, field := range c.shown {
				if got[field] == nil {
					t.Errorf("%s is not shown: %v", field, got)
				}
			}
			for _, field := range c.hidden {
				if got[field] != nil {
					t.Errorf("%s is shown: %v", field, got[field])
				}
			}
		})
	}
}
