package providers

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

const unnamedDefinition = `
provider "acme" {
  base_url = "https://api.acme.example"
  connection "admin_key" {
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.admin_key }
  issue {
    post   = "/keys"
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
  list {
    unnamed = true
    get     = "/keys"
    items   = body.data
    item    = { id = item.id, created_at = item.created_at, last_used_at = item.last_used_at }
  }
}`

// TestKeysWithoutNames: what lists keys without names shows which of those are there whose
// id is known, and finds none by a name.
func TestKeysWithoutNames(t *testing.T) {
	f := newFakeOf(t, func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(object{"data": []object{{"id": "a1", "created_at": "2026-01-01T00:00:00Z"}, {"id": "b2"}}})
	})
	c := f.client(t, unnamedDefinition, nil)
	can := c.def.Capabilities
	if can.Reconcile || can.Lookup || !can.Candidates || !can.LastUsed {
		t.Errorf("the capabilities are %+v", can)
	}
	var ids []string
	for one, err := range c.List(t.Context(), ListingScope{}) {
		if err != nil || one.Handle.Name != "" {
			t.Fatalf("%+v: %v", one, err)
		}
		ids = append(ids, one.Handle.ID)
	}
	if strings.Join(ids, " ") != "a1 b2" {
		t.Errorf("%v are listed", ids)
	}
	for id, want := range map[string]Liveness{"a1": Alive, "c3": Dead} {
		if got, err := c.Confirm(t.Context(), Handle{ID: id, Name: "ours"}, ListingScope{}); err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", id, got, err, want)
		}
	}
	for _, look := range []Look{{Name: "ours"}, {Containing: "ours", All: true}} {
		if found, err := c.Find(t.Context(), ListingScope{}, look); err == nil {
			t.Errorf("%+v is looked for in a list without names: %+v", look, found)
		}
	}
}

func TestUnnamedMistakes(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"a name after all":     {"id = item.id,", "id = item.id, name = item.label,", "leave unnamed out"},
		"no name by oversight": {"    unnamed = true\n", "", "missing item.name"},
		"named, and no name":   {"unnamed = true", "unnamed = false", "only with unnamed = true there is none"},
		"no literal":           {"unnamed = true", "unnamed = connection.admin_key != null", "unnamed"},
		"revoked by the name":  {"/keys/${key.id}", "/keys/${key.name}", "cannot be revoked by key.name"},
		"no id":                {"    id     = body.id\n", "", "missing id"},
		"in a lookup":          {"list {", "lookup {", `no attribute "unnamed" in lookup`},
		"in a rotation": {"  list {", "  rotate {\n    post = \"/me\"\n    connection = { admin_key = body.key }\n    list {\n      unnamed = true\n      get = \"/keys\"\n      items = body.data\n      item = { name = item.name }\n    }\n  }\n  list {",
			"A new admin credential is found by its name"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("acme.hcl", []byte(strings.Replace(unnamedDefinition, test.old, test.new, 1)))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v\nlacks %q", err, test.want)
			}
		})
	}
}

// endsDefinition is unnamedDefinition with keys that are found by their ends.
var endsDefinition = strings.NewReplacer(
	`post   = "/keys"`, `post   = "/keys"
    json   = { expires_at = unique_end(key.expires_at, key.name) }`,
	"  list {", `  lookup {
    get   = "/keys"
    items = [for one in body.data : one if has_unique_end(one.expires_at, key.name)]
    item  = { id = item.id, name = key.name }
  }
  list {`).Replace(unnamedDefinition)

func TestUniqueEndMistakes(t *testing.T) {
	for name, test := range map[string]struct{ old, new, want string }{
		"none":                   {"", "", ""},
		"not given":              {"unique_end(key.expires_at, key.name)", "{ at = key.expires_at, for = key.name }", "issue must send unique_end"},
		"not looked for":         {"has_unique_end(one.expires_at, key.name)", `one.owner == key.name`, "lookup must send key.name"},
		"looked for by a name":   {"get   = \"/keys\"\n    items = [for one in body.data : one if has_unique_end(one.expires_at, key.name)]", "get = \"/keys\"\n    query = { name = key.name }\n    items = body.data", "Nothing finds a key by its end"},
		"with a list of names":   {"    unnamed = true\n", "", "missing item.name"},
		"and keys that have one": {"unnamed = true\n", "unnamed = false\n", "only with unnamed = true"},
		"moved to another end":   {"  revoke {", "  extend {\n    patch = \"/keys/${key.id}\"\n    json = { expires_at = rfc3339(key.expires_at) }\n  }\n  revoke {", "extend must send unique_end"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := Parse("acme.hcl", []byte(strings.Replace(endsDefinition, test.old, test.new, 1)))
			switch {
			case test.want == "":
				if err != nil || !d.Capabilities.Lookup || d.Capabilities.Reconcile {
					t.Errorf("%v", err)
				}
			case err == nil || !strings.Contains(err.Error(), test.want):
				t.Errorf("%v\nlacks %q", err, test.want)
			}
		})
	}
	alone := endsDefinition[:strings.Index(endsDefinition, "  list {")] + "}"
	if _, err := Parse("acme.hcl", []byte(alone)); err == nil || !strings.Contains(err.Error(), "list { unnamed = true") {
		t.Errorf("without a list: %v", err)
	}
}
