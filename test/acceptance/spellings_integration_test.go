//go:build integration

package acceptance

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"vault-plugin-secrets-apikeys/providers"
)

// spelling is a way to write a field in Terraform.
type spelling struct{ kind, field, written string }

// Fields of each kind of value, by the endpoint that has them.
var (
	durationFields = []spelling{{kind: "roles", field: "ttl"}, {kind: "roles", field: "max_ttl"}, {kind: "static-roles", field: "overlap"}, {kind: "static-roles", field: "rotation_period"}, {kind: "config", field: "request_timeout"}, {kind: "config", field: "rotation_period"}}
	listFields     = []spelling{{kind: "roles", field: "scopes"}, {kind: "static-roles", field: "scopes"}, {kind: "roles", field: "key_cidrs"}, {kind: "config", field: "allowed_roles"}}
	boolFields     = []spelling{{kind: "roles", field: "bind_to_caller"}, {kind: "static-roles", field: "keep_on_delete"}, {kind: "config", field: "allow_http"}, {kind: "config", field: "verify_connection"}}
	numberFields   = []spelling{{kind: "config", field: "requests_per_second"}}
	textFields     = []spelling{{kind: "roles", field: "owner"}, {kind: "static-roles", field: "key_name_template"}}
	proxyFields    = []spelling{{kind: "config", field: "proxy_url"}, {kind: "config", field: "tls_server_name"}}
	choiceFields   = []spelling{{kind: "roles", field: "verify_revocation"}, {kind: "static-roles", field: "verify_revocation"}}
	scheduleFields = []spelling{{kind: "static-roles", field: "rotation_schedule"}, {kind: "config", field: "rotation_schedule"}}
)

// TestTerraformSpellings applies a field in every spelling, and plans again: what
// examples/terraform/README.md says to write settles, and nothing else does
// without being in its table.
func TestTerraformSpellings(t *testing.T) {
	t.Parallel()
	f := newTerraform(t)
	f.run("apply", "-auto-approve", "-target=vault_mount.apikeys")
	settles, drifts := spellings()
	all := slices.Concat(settles, drifts)
	f.dir = t.TempDir()
	var config strings.Builder
	for i, s := range all {
		name := fmt.Sprintf("s%d", i)
		f.prepare(s.kind, name)
		fmt.Fprintf(&config, `
resource "vault_generic_endpoint" %q {
  path                 = "apikeys/%s/%s"
  ignore_absent_fields = true
  disable_delete       = true
  data_json            = jsonencode({ %s = %s })
}
`, name, s.kind, name, s.field, strings.NewReplacer("URL", f.url, "NAME", name).Replace(s.written))
	}
	config.WriteString("terraform {\n  required_providers {\n    vault = { source = \"hashicorp/vault\" }\n  }\n}\n")
	if err := os.WriteFile(filepath.Join(f.dir, "main.tf"), []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	f.run("apply", "-auto-approve")
	changed := f.planned()
	for i, s := range all {
		want := i >= len(settles)
		if changed[fmt.Sprintf("s%d", i)] != want {
			t.Errorf("%s/NAME: %s = %s: a second plan changes it: %t", s.kind, s.field, s.written, !want)
		}
	}
	t.Logf("%d spellings settle, and %d do not", len(settles), len(drifts))
}

// spellings are those that settle, and those that never do, since an answer has one
// form.
func spellings() (settles, drifts []spelling) {
	each := func(fields []spelling, right, other []string) {
		for _, field := range fields {
			for _, written := range right {
				settles = append(settles, spelling{field.kind, field.field, written})
			}
			for _, written := range other {
				drifts = append(drifts, spelling{field.kind, field.field, written})
			}
		}
	}
	each(durationFields, []string{"3600", "3600.0", "60 * 60"}, []string{`"3600"`, `"1h"`, `"60m"`, `"3600s"`})
	each(listFields[:2], []string{`["read", "write"]`, `["write", "read"]`, `["read"]`}, []string{`"read,write"`, `"read"`, `"read, write"`})
	each(listFields[2:3], []string{`["10.0.0.0/8"]`, `["10.0.0.0/8", "192.168.0.0/16"]`}, []string{`"10.0.0.0/8"`})
	each(listFields[3:], []string{`["*"]`, `["a", "b-*"]`, `[]`}, []string{`"*"`, `"a,b"`})
	each(boolFields, []string{"true", "false"}, []string{`"true"`, "1", `"false"`})
	each(numberFields, []string{"5", "0.5", "5.0"}, []string{`"5"`})
	each(textFields, []string{`"some-text"`, `upper("a")`}, nil)
	// What stands for nothing, and for a default, in the form of its kind.
	each(durationFields, []string{"0"}, []string{"null"})
	each(durationFields[:2], nil, []string{"90.5"})
	each(numberFields, []string{"0"}, []string{"null"})
	each(slices.Concat(scheduleFields, textFields[1:], proxyFields), []string{`""`}, []string{"null"})
	each(listFields[2:], []string{"[]"}, []string{"null"})
	each(boolFields, []string{"1 == 1"}, []string{"null"})
	// The provider's own fields forget a null.
	each([]spelling{{kind: "roles", field: "owner"}}, []string{`""`, "null"}, nil)
	each(listFields[:2], []string{"[]", "null", `toset(["write", "read"])`, `["read", "read"]`}, nil)
	each(choiceFields, []string{`"list"`, `"off"`, `"probe"`}, []string{`""`})
	each(listFields[2:3], []string{`["10.1.2.3/32"]`, `["::1/128"]`, `["2001:DB8::/32"]`}, nil)
	each([]spelling{{kind: "config", field: "base_url"}}, []string{`"URL"`, `"URL/"`}, nil)
	each([]spelling{{kind: "definitions", field: "definition"}}, []string{`file("NAME.hcl")`, `trimspace(file("NAME.hcl"))`}, nil)
	each(scheduleFields, []string{`"0 3 * * SAT"`, `"0 3 * * 6"`}, nil)
	return settles, drifts
}

// prepare writes what a spelling is written into.
func (f *terraform) prepare(kind, name string) {
	f.t.Helper()
	if kind == "definitions" {
		definition, err := providers.Load("sandbox")
		if err != nil {
			f.t.Fatal(err)
		}
		text := strings.Replace(definition.Source(), `provider "sandbox"`, fmt.Sprintf("provider %q", name), 1)
		if err := os.WriteFile(filepath.Join(f.dir, name+".hcl"), []byte(text), 0o600); err != nil {
			f.t.Fatal(err)
		}
		return
	}
	connection := map[string]any{"provider": "sandbox", "base_url": f.url, "admin_key": f.sandbox.AdminKey(), "allowed_roles": "*"}
	fields := connection
	if kind != "config" {
		f.writeFields("config/box", connection)
		fields = map[string]any{"connection": "box"}
	}
	f.writeFields(kind+"/"+name, fields)
}

// planned are the resources that a plan would change, by name.
func (f *terraform) planned() map[string]bool {
	f.t.Helper()
	f.run("plan", "-out=next")
	cmd := exec.CommandContext(f.t.Context(), f.program, "show", "-json", "next")
	cmd.Dir, cmd.Env = f.dir, f.env
	out, err := cmd.Output()
	if err != nil {
		f.t.Fatal(err)
	}
	var plan struct {
		Changes []struct {
			Name   string
			Change struct{ Actions []string }
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(out, &plan); err != nil {
		f.t.Fatal(err)
	}
	changed := map[string]bool{}
	for _, one := range plan.Changes {
		changed[one.Name] = !slices.Equal(one.Change.Actions, []string{"no-op"})
	}
	return changed
}
