package contract

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"

	"vault-plugin-secrets-apikeys/providers"
)

const rotatingDefinition = `provider "rotating" {
  base_url = "https://rotating.example/v1"
  connection "admin_key" {
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.admin_key }
  check { get = "/me" }
  issue {
    post   = "/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
  list {
    get   = "/keys"
    items = body.data
    item  = { id = item.id, name = item.name }
  }
  rotate {
    step "own" {
      get  = "/me"
      save = { old_id = body.id }
    }
    step "new" {
      post = "/admin_keys"
      json = { name = key.name }
    }
    connection = { admin_key = body.key }
    retire {
      delete = "/admin_keys/${saved.old_id}"
      gone   = [404]
    }
    list {
      get   = "/admin_keys"
      items = body.data
      item  = { name = item.name, old_id = item.id }
    }
  }
}`

func rotatingCase() *Case {
	return &Case{
		Secret:     "key",
		Connection: cty.ObjectVal(map[string]cty.Value{"admin_key": cty.StringVal("first-admin-key")}),
		Rotation: &RotationCase{
			Credentials: []*CredentialCase{{Field: "admin_key", Path: "/v1/admin_keys", ID: "adm1", Shows: cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal("first")})}},
			WhoAmI:      []string{"GET /me"},
		},
	}
}

// TestRotationIsHeld: a rotation that works is passed, and each way in which one can
// fail is told.
func TestRotationIsHeld(t *testing.T) {
	for name, test := range map[string]struct{ from, to, told string }{
		"sound":                         {"", "", ""},
		"the old one is never retired":  {`delete = "/admin_keys/${saved.old_id}"`, `delete = "/admin_keys/${saved.old_id}x"`, "want the provider's refusal of it"},
		"retired as another thing":      {`delete = "/admin_keys/${saved.old_id}"`, `delete = "/keys/${saved.old_id}"`, "adm1 was made at /v1/admin_keys, so it is not found here"},
		"it reads the wrong credential": {"admin_key = body.key", "admin_key = body.name", "check with the new credential"},
		"no such operation":             {`post = "/admin_keys"`, `post = "/admin-keys"`, "the document has no such operation"},
		"listed somewhere else":         {"      get   = \"/admin_keys\"", "      get   = \"/keys\"", "is not found by its name"},
		"the old one cannot be told":    {"delete = \"/admin_keys/", "when = false\n      delete = \"/admin_keys/", "removed by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			source := strings.Replace(rotatingDefinition, test.from, test.to, 1)
			if test.from != "" && source == rotatingDefinition {
				t.Fatal("nothing was changed")
			}
			d, err := providers.Parse("rotating.hcl", []byte(source))
			if err != nil {
				t.Fatal(err)
			}
			document, err := ReadDocument(filepath.Join("testdata", "rotation.json"))
			if err != nil {
				t.Fatal(err)
			}
			told := strings.Join(Hold(t.Context(), d, rotatingCase(), document), "\n")
			if (told == "") != (test.told == "") || !strings.Contains(told, test.told) {
				t.Errorf("it says %q, not %q", told, test.told)
			}
		})
	}
}
