package paths_test

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestCreds(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main", "ttl": "10m", "max_ttl": "1h", "scopes": "read", "owner": "team-ci"})

	cases := map[string]struct {
		operation logical.Operation
		input     data
		ttl       time.Duration
	}{
		"a read":                     {logical.ReadOperation, nil, 10 * time.Minute},
		"a write":                    {logical.UpdateOperation, nil, 10 * time.Minute},
		"a write with a ttl":         {logical.UpdateOperation, data{"ttl": "5m"}, 5 * time.Minute},
		"a read with a ttl":          {logical.ReadOperation, data{"ttl": "5m"}, 5 * time.Minute},
		"a longer ttl below the max": {logical.UpdateOperation, data{"ttl": 3600}, time.Hour},
		"an empty ttl":               {logical.UpdateOperation, data{"ttl": ""}, 10 * time.Minute},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			resp := m.must(c.operation, "creds/ci", c.input)
			if resp.Secret == nil || resp.Secret.TTL != c.ttl || resp.Secret.MaxTTL != time.Hour {
				t.Fatalf("the lease is %+v, want ttl %s", resp.Secret, c.ttl)
			}
			live := m.sandbox.LiveKeys()
			if len(live) != 1 || live[0].Owner != "team-ci" || !reflect.DeepEqual(live[0].Scopes, []string{"read"}) {
				t.Fatalf("the provider has the keys %+v", live)
			}
			if resp.Data["key_name"] != live[0].Name || resp.Data["api_key"] == "" {
				t.Errorf("the answer is about another key: %v", resp.Data["key_name"])
			}
			if err := m.revoke(resp); err != nil {
				t.Fatal(err)
			}
			if live := m.sandbox.LiveKeys(); len(live) != 0 {
				t.Errorf("after its revocation the key is alive: %+v", live)
			}
		})
	}
}

func TestCredsNarrowed(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/ci", data{"connection": "main", "ttl": "10m", "scopes": "read,write", "owner": "team-ci", "narrowable_fields": "scopes"})
	for _, c := range []struct {
		input data
		want  []string
	}{
		{data{"scopes": "read", "ttl": "5m"}, []string{"read"}},
		{data{"scopes": []string{"write"}}, []string{"write"}},
		{nil, []string{"read", "write"}},
	} {
		lease := m.must(logical.UpdateOperation, "creds/ci", c.input)
		live := m.sandbox.LiveKeys()
		if len(live) != 1 || live[0].Owner != "team-ci" || !reflect.DeepEqual(live[0].Scopes, c.want) {
			t.Errorf("after %v the provider has %+v, want one key for %v", c.input, live, c.want)
		}
		if err := m.revoke(lease); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNarrowableFieldsRefused(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	for names, want := range map[string]string{
		"scoops": `did you mean "scopes"?`,
		"owner":  `"owner", which cannot be narrowed; only lists, maps and numbers can`,
		"scopes": `"scopes", which the role does not set`,
	} {
		wantContains(t, m.refusal(logical.UpdateOperation, "roles/ci", data{"connection": "main", "owner": "a", "narrowable_fields": names}), "narrowable_fields", want)
	}
	m.write("roles/ci", data{"connection": "main", "scopes": "read", "narrowable_fields": "scopes"})
	wantContains(t, m.refusal(logical.UpdateOperation, "roles/ci", data{"scopes": ""}), `"scopes", which the role does not set`)
}

func TestCredsRefused(t *testing.T) {
	m := newMount(t)
	m.write("config/main", data{"provider": "sandbox", "admin_key": adminKey, "base_url": m.url, "allowed_roles": "ci"})
	m.write("roles/ci", data{"connection": "main", "max_ttl": "1h", "scopes": "read,write", "narrowable_fields": "scopes"})
	m.write("roles/other", data{"connection": "main"})

	cases := map[string]struct {
		path  string
		input data
		want  []string
	}{
		"unknown role":        {"creds/cii", nil, []string{`no role "cii"`, "check the name"}},
		"role not allowed":    {"creds/other", nil, []string{`role "other"`, "allowed_roles", "config/main"}},
		"ttl above max_ttl":   {"creds/ci", data{"ttl": "2h"}, []string{"ttl", "max_ttl", "1h"}},
		"ttl negative":        {"creds/ci", data{"ttl": "-5m"}, []string{"ttl must not be negative"}},
		"ttl of wrong type":   {"creds/ci", data{"ttl": []string{"a"}}, []string{"ttl must be a duration"}},
		"unknown field":       {"creds/ci", data{"tttl": "5m"}, []string{`unknown field "tttl"`, `did you mean "ttl"?`}},
		"a field of the role": {"creds/ci", data{"owner": "me"}, []string{`"owner" is for the role to say`, "narrowable_fields"}},
		"more than it has":    {"creds/ci", data{"scopes": "admin"}, []string{`"scopes" must hold nothing but what the role has`}},
		"less than anything":  {"creds/ci", data{"scopes": ""}, []string{`"scopes" must not be empty`}},
		"a field misspelt":    {"creds/ci", data{"scoops": "read"}, []string{`unknown field "scoops"`, `did you mean "scopes"?`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			wantContains(t, m.refusal(logical.UpdateOperation, c.path, c.input), c.want...)
		})
	}
	if counters := m.sandbox.State().Counters; counters.Issued != 0 || counters.Requests["POST /v1/keys"] != 0 {
		t.Errorf("refused requests reached the provider: %+v", counters)
	}
}

// Who reads keys learns nothing of roles that its policy does not show.
func TestNoOtherRoleIsNamed(t *testing.T) {
	m := newMount(t)
	m.connect("main")
	m.write("roles/payroll", data{"connection": "main"})
	m.write("static-roles/payroll", data{"connection": "main"})
	for _, c := range []struct {
		operation logical.Operation
		path      string
	}{
		{logical.ReadOperation, "creds/payrol"},
		{logical.UpdateOperation, "creds/payrol"},
		{logical.ReadOperation, "static-creds/payrol"},
		{logical.UpdateOperation, "rotate-role/payrol"},
	} {
		if text := m.refusal(c.operation, c.path, nil); strings.Contains(text, "payroll") {
			t.Errorf("%s %s: %s", c.operation, c.path, text)
		} else {
			wantContains(t, text, `"payrol"`, "check the name")
		}
	}
	// Who writes a role may well be told of connections: they are its to choose.
	wantContains(t, m.refusal(logical.UpdateOperation, "roles/ci", data{"connection": "mian"}), `did you mean "main"?`)
}
