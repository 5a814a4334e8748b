package providers

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func narrowedFields(t testing.TB) Fields {
	t.Helper()
	return mustParse(t, `provider "example" {
  title    = "Example"
  docs     = "https://example.com"
  base_url = "https://example.com"
  connection "token" {
    type      = string
    required  = true
    sensitive = true
  }
  role "scopes" {
    type = list(string)
    enum = ["read", "write", "admin"]
  }
  role "permissions" {
    type = map(list(string))
  }
  role "access" {
    type = map(string)
  }
  role "limit" {
    type = number
  }
  role "team" {
    type = string
  }
  auth "bearer" {
    token = connection.token
  }
  issue {
    post   = "/keys"
    json   = { name = key.name, what = [role.scopes, role.permissions, role.access, role.limit, role.team] }
    id     = body.id
    secret = { key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
  }
}`).Role
}

func TestNarrow(t *testing.T) {
	fields := narrowedFields(t)
	role := Values{
		"scopes":      []any{"read", "write"},
		"permissions": map[string]any{"Spot": []any{"Trade", "Read"}, "Wallet": []any{"Read"}},
		"access":      map[string]any{"contents": "write"},
		"limit":       json.Number("50"),
		"team":        "a",
	}
	allowed := []string{"scopes", "permissions", "access", "limit", "team"}
	for name, test := range map[string]struct {
		raw  map[string]any
		want any // of the one field; a string is the error
	}{
		"fewer elements":      {map[string]any{"scopes": []any{"read"}}, []any{"read"}},
		"from a command line": {map[string]any{"scopes": "write"}, []any{"write"}},
		"the same":            {map[string]any{"scopes": "write,read"}, []any{"write", "read"}},
		"another element":     {map[string]any{"scopes": "read,admin"}, `"scopes" must hold nothing but what the role has`},
		"no such element":     {map[string]any{"scopes": "hush-hush"}, `"scopes" must be one of`},
		"no element":          {map[string]any{"scopes": []any{}}, `"scopes" must not be empty`},
		"null":                {map[string]any{"scopes": nil}, `"scopes" must not be empty`},
		"fewer entries":       {map[string]any{"permissions": map[string]any{"Spot": []any{"Read"}}}, map[string]any{"Spot": []any{"Read"}}},
		"another entry":       {map[string]any{"permissions": map[string]any{"Options": []any{"Read"}}}, `"permissions" at "Options" must hold nothing but`},
		"an entry emptied":    {map[string]any{"permissions": map[string]any{"Spot": []any{}}}, `"permissions" at "Spot" must not be empty`},
		"no entry":            {map[string]any{"permissions": map[string]any{}}, `"permissions" must not be empty`},
		"the same text":       {map[string]any{"access": "contents=write"}, map[string]any{"contents": "write"}},
		"another text":        {map[string]any{"access": "contents=admin"}, `"access" at "contents" must be what the role has`},
		"a smaller number":    {map[string]any{"limit": "5.5"}, json.Number("5.5")},
		"the same number":     {map[string]any{"limit": 50}, json.Number("50")},
		"a larger number":     {map[string]any{"limit": 51}, `"limit" must be at most what the role has`},
		"none, or all":        {map[string]any{"limit": 0}, `"limit" must be more than 0`},
		"a string":            {map[string]any{"team": "a"}, `"team" is for the role to say`},
		"a typing error":      {map[string]any{"scoops": "read"}, `unknown field "scoops": did you mean "scopes"?`},
	} {
		t.Run(name, func(t *testing.T) {
			narrowed, err := fields.Narrow(role, test.raw, allowed, []string{"ttl"})
			if says, ok := test.want.(string); ok {
				if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hush") {
					t.Errorf("the error is %v, want %q", err, says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for field, value := range role {
				if _, named := test.raw[field]; named {
					value = test.want
				}
				if !reflect.DeepEqual(narrowed[field], value) {
					t.Errorf("%s is %v, want %v", field, narrowed[field], value)
				}
			}
		})
	}
	if _, err := fields.Narrow(role, map[string]any{"limit": 5}, []string{"scopes"}, nil); err == nil {
		t.Error("a field that the role keeps to itself was narrowed")
	}
	if _, err := fields.Narrow(Values{}, map[string]any{"limit": 5}, allowed, nil); err == nil {
		t.Error("a limit was put where the role has none: whether that is narrower nobody knows")
	}
}
