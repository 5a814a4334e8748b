package paths_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

// TestListsArePaged asks every list for parts of it, as clients of OpenBao do.
func TestListsArePaged(t *testing.T) {
	m := newMount(t)
	for i := range 5 {
		name := fmt.Sprintf("c%d", i)
		m.connect(name)
		m.write("roles/"+name, data{"connection": name})
		m.write("static-roles/"+name, data{"connection": name})
		m.write("definitions/"+name, data{"definition": definitionOf(t, name)})
	}
	refuse := sandbox.Fault{Kind: sandbox.Status, Status: http.StatusForbidden, Count: new(int), Match: sandbox.Match{Method: http.MethodDelete}}
	if err := m.sandbox.AddFault(refuse); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if err := m.revoke(m.mint("c0")); err == nil {
			t.Fatal("a revocation that the provider refuses succeeds")
		}
	}
	const firstID, lastID = "00000000000000000000000000000000", "ffffffffffffffffffffffffffffffff"
	lists := map[string]struct{ first, between, last string }{
		"config/":       {"a", "c10", "d"},
		"roles/":        {"a", "c10", "d"},
		"static-roles/": {"a", "c10", "d"},
		"definitions/":  {"a", "c10", "d"},
		"providers/":    {"0", "m", "~"},
		"queue/":        {firstID, strings.Repeat("8", 32), lastID},
		"keys/":         {firstID, strings.Repeat("8", 32), lastID},
	}
	for _, endpoint := range endpoints() {
		_, tested := lists[strings.TrimSuffix(endpoint.Pattern, "?$")]
		if endpoint.Operations[logical.ListOperation] != nil && !tested {
			t.Errorf("nobody asks %s for a part of its list", endpoint.Pattern)
		}
	}
	for path, absent := range lists {
		all := m.list(path)
		if len(all) < 5 || !slices.IsSorted(all) {
			t.Fatalf("%s lists %v, want five or more in order", path, all)
		}
		after := func(name string) []string {
			return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return one <= name })
		}
		for name, c := range map[string]struct {
			ask  data
			want []string
		}{
			"all":                       {data{}, all},
			"a limit of 0":              {data{"limit": 0}, all},
			"a limit beyond the end":    {data{"limit": 1000}, all},
			"exactly as long":           {data{"limit": len(all)}, all},
			"the first page":            {data{"limit": 2}, all[:2]},
			"the next page":             {data{"limit": 2, "after": all[1]}, all[2:4]},
			"after none":                {data{"limit": 2, "after": ""}, all[:2]},
			"the last page":             {data{"limit": 2, "after": all[len(all)-2]}, all[len(all)-1:]},
			"after the last":            {data{"limit": 9, "after": all[len(all)-1]}, nil},
			"before the first, absent":  {data{"after": absent.first}, all},
			"between two, absent":       {data{"after": absent.between}, after(absent.between)},
			"beyond the last, absent":   {data{"after": absent.last}, nil},
			"absent, and a limit":       {data{"after": absent.first, "limit": 3}, all[:3]},
			"texts, as a URL has them":  {data{"limit": "1", "after": all[2]}, all[3:4]},
			"a limit of 0 after a name": {data{"limit": "0", "after": all[2]}, all[3:]},
			"the beginning of a name":   {data{"after": all[2][:1]}, after(all[2][:1])},
			"more than a name":          {data{"after": all[2] + "-"}, all[3:]},
			"what is no name":           {data{"after": "{ä /"}, after("{ä /")},
			"a sign before all names":   {data{"after": "!"}, all},
		} {
			t.Run(path+" "+name, func(t *testing.T) {
				answer := m.must(logical.ListOperation, path, c.ask).Data
				got, _ := answer["keys"].([]string)
				if !slices.Equal(got, c.want) {
					t.Errorf("got %v, want %v", got, c.want)
				}
				if info, shown := answer["key_info"].(data); shown {
					if described := slices.Sorted(maps.Keys(info)); !slices.Equal(described, c.want) {
						t.Errorf("key_info describes %v, want %v", described, c.want)
					}
				}
			})
		}
		var walked []string
		for page := m.must(logical.ListOperation, path, data{"limit": 2}); page.Data["keys"] != nil; {
			walked = append(walked, page.Data["keys"].([]string)...)
			page = m.must(logical.ListOperation, path, data{"limit": 2, "after": walked[len(walked)-1]})
		}
		if !slices.Equal(walked, all) {
			t.Errorf("%s by twos is %v, want %v", path, walked, all)
		}
		wantContains(t, m.refusal(logical.ListOperation, path, data{"limit": -1}), "limit must not be negative")
		wantContains(t, m.refusal(logical.ListOperation, path, data{"limit": "many"}), "limit must be a whole number")
		wantContains(t, m.refusal(logical.ListOperation, path, data{"limits": 1}), `did you mean "limit"?`)
		for _, unknown := range []string{"afterr", "prefix"} {
			wantContains(t, m.refusal(logical.ListOperation, path, data{unknown: "c"}), unknown)
		}
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
	m.write("definitions/own", data{"definition": definitionOf(t, "own") + "\n# the end, with spaces  \n"})
	m.write("ownership", data{"claim_after_crash": true})
	written := []string{"config/main", "config/proxied", "roles/ci", "static-roles/app", "definitions/own", "ownership"}
	for _, endpoint := range endpoints() {
		path, _, _ := strings.Cut(strings.TrimSuffix(endpoint.Pattern, "/?$"), "(")
		shows := endpoint.Operations[logical.ReadOperation] != nil && endpoint.Operations[logical.UpdateOperation] != nil
		tried := slices.ContainsFunc(written, func(one string) bool { return strings.HasPrefix(one, path) })
		if mints := path == "creds/"; shows && !tried && !mints {
			t.Errorf("nobody writes back what %s shows", endpoint.Pattern)
		}
		if isOneText := path == "definitions/"; shows && tried && (endpoint.Operations[logical.PatchOperation] == nil) != isOneText {
			t.Errorf("%s is patched: %t", endpoint.Pattern, isOneText)
		}
	}
	for _, path := range written {
		for _, operation := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
			if endpointAt(t, path).Operations[operation] == nil {
				continue
			}
			t.Run(fmt.Sprintf("%s %s", operation, path), func(t *testing.T) {
				before := m.read(path)
				stored := m.stored()
				m.must(operation, path, before)
				wantFields(t, m.read(path), before)
				for _, prefix := range []string{"config/", "role/", "static-role/", "definition/", "ownership"} {
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
