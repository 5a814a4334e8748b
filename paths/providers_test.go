package paths_test

import (
	"slices"
	"strings"
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
		if category := info[name].(data)["category"]; category == "" || category != shown["category"] {
			t.Errorf("providers/%s shows the category %v, and the list %v", name, shown["category"], category)
		}
		if verified := info[name].(data)["verified"]; verified == "" || verified != shown["verified"] {
			t.Errorf("providers/%s is verified by %v, and the list says %v", name, shown["verified"], verified)
		}
		can := shown["capabilities"].(data)
		can["found"] = can["reconcile"] == true || can["lookup"] == true || can["known_id"] == true
		for _, ability := range []string{"native_expiry", "extend", "found", "ip_binding", "in_place", "rotate_root", "rotate_in_place"} {
			if listed := info[name].(data)[ability]; listed == nil || listed != can[ability] {
				t.Errorf("providers/%s shows %s as %v, and the list as %v", name, ability, can[ability], listed)
			}
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

func TestUpload(t *testing.T) {
	m := newMount(t)
	builtIn, err := providers.Load("sandbox")
	if err != nil {
		t.Fatal(err)
	}
	mine := strings.Replace(builtIn.Source(), `provider "sandbox"`, `provider "mine"`, 1)
	for name, test := range map[string]struct {
		input data
		want  []string
	}{
		"nothing":       {data{}, []string{"definition is missing", "@mine.hcl"}},
		"typing error":  {data{"definition": strings.Replace(mine, "= connection.admin_key }", "= connection.admin_kye }", 1)}, []string{"mine.hcl line ", "^^^", `did you mean "admin_key"?`}},
		"hidden field":  {data{"definition": strings.ReplaceAll(strings.Replace(mine, "owner  = {", "ttl = {", 1), "role.owner", "role.ttl")}, []string{`role field "ttl"`, "the engine's own"}},
		"unknown field": {data{"defintion": mine}, []string{`"defintion"`, `"definition"`}},
	} {
		t.Run(name, func(t *testing.T) {
			wantContains(t, m.refusal(logical.CreateOperation, "definitions/mine", test.input), test.want...)
			if slices.Contains(m.list("providers/"), "mine") {
				t.Error("it was stored")
			}
		})
	}
	m.write("definitions/mine", data{"definition": mine})
	shown := m.read("providers/mine")
	if shown["built_in"] != false || shown["definition"] != mine {
		t.Errorf("the upload is shown as built_in=%v", shown["built_in"])
	}
	m.must(logical.DeleteOperation, "definitions/mine", nil)
	if slices.Contains(m.list("providers/"), "mine") {
		t.Error("the deleted definition is listed")
	}
}
