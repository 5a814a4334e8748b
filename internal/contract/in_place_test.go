package contract

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers"
)

const sharedDefinition = `provider "shared" {
  base_url = "https://shared.example/v1"
  connection "admin_key" {
    required  = true
    sensitive = true
  }
  role "application" { required = true }
  auth "bearer" { token = connection.admin_key }
  check { get = "/me" }
  issue {
    in_place = true
    post     = "/applications/${role.application}/secret"
    id       = role.application
    secret   = { client_secret = body.secret }
  }
  revoke {
    delete = "/applications/${key.id}/secret"
    gone   = [404]
  }
}`

// TestInPlaceIsHeld: a credential that is replaced in place is taken through its life,
// and each way in which that can go wrong is told.
func TestInPlaceIsHeld(t *testing.T) {
	for name, test := range map[string]struct{ from, to, told string }{
		"sound":                      {"", "", ""},
		"ended by a replacement":     {`delete = "/applications/${key.id}/secret"`, `post = "/applications/${key.id}/secret"`, ""},
		"another one for each":       {`post     = "/applications/${role.application}/secret"`, `put = "/applications/${role.application}/secrets/${key.name}"`, "still works"},
		"the end of another":         {`/${key.id}/secret"`, `/x${key.id}/secret"`, "the key still works"},
		"it reads what is no secret": {"body.secret", "body.hint", "opens nothing"},
		"no such operation":          {`/${key.id}/secret"`, `/${key.id}/token"`, "the document has no such operation"},
	} {
		t.Run(name, func(t *testing.T) {
			source := strings.Replace(sharedDefinition, test.from, test.to, 1)
			if test.from != "" && source == sharedDefinition {
				t.Fatal("nothing was changed")
			}
			d, err := providers.Parse("shared.hcl", []byte(source))
			if err != nil {
				t.Fatal(err)
			}
			document, err := ReadDocument(filepath.Join("testdata", "in_place.json"))
			if err != nil {
				t.Fatal(err)
			}
			told := strings.Join(Hold(t.Context(), d, &Case{
				Secret:     "secret",
				Connection: cty.ObjectVal(map[string]cty.Value{"admin_key": cty.StringVal("admin")}),
				Role:       cty.ObjectVal(map[string]cty.Value{"application": cty.StringVal("app")}),
			}, document), "\n")
			if (told == "") != (test.told == "") || !strings.Contains(told, test.told) {
				t.Errorf("it says %q, not %q", told, test.told)
			}
		})
	}
}
