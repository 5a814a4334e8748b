package providers

import (
	"strings"
	"testing"
)

// inPlaceDefinition replaces the one secret of an application, and reads it then.
const inPlaceDefinition = `provider "inplace" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  role "application" {
    type     = string
    required = true
  }
  auth "bearer" { token = connection.admin_key }
  issue {
    in_place = true
    step "replace" { post = "/applications/${role.application}/secret" }
    step "read" { get = "/applications/${role.application}/secret" }
    id     = role.application
    secret = { client_secret = body.secret }
  }
  revoke { delete = "/applications/${key.id}/secret" }
}
`

// TestInPlaceTakesNothingBack: whatever goes wrong, what there is at the provider stays,
// and only what was refused before anything was replaced counts as nothing made.
func TestInPlaceTakesNothingBack(t *testing.T) {
	for name, test := range map[string]struct {
		replaced, read int
		body           string
		nothing        bool
	}{
		"the first request is refused": {403, 200, "{}", true},
		"the first request fails":      {500, 200, "{}", false},
		"the second is refused":        {200, 403, "{}", false},
		"the second fails":             {200, 500, "{}", false},
		"the secret cannot be read":    {200, 200, `{"other":1}`, false},
	} {
		f := newFake(t)
		f.on("POST /v1/applications/a/secret", test.replaced, "{}")
		f.on("GET /v1/applications/a/secret", test.read, test.body)
		c := f.client(t, inPlaceDefinition, nil)
		_, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"application": "a"}})
		if err == nil || NothingMade(err) != test.nothing {
			t.Errorf("%s: nothing made %t, %v", name, NothingMade(err), err)
		}
		for _, request := range f.seen() {
			if strings.HasPrefix(request, "DELETE") {
				t.Errorf("%s: %s", name, request)
			}
		}
	}
}

func TestInPlaceMistakes(t *testing.T) {
	if d := mustParse(t, inPlaceDefinition); !d.Capabilities.InPlace || !d.Capabilities.KnownID {
		t.Errorf("it can %+v", d.Capabilities)
	}
	list := "  list {\n    get   = \"/x\"\n    items = body\n    item  = { id = item.id, name = item.name }\n  }\n  revoke {"
	for name, test := range map[string]struct{ part, instead, want string }{
		"a list":           {"  revoke {", list, "leave list out"},
		"an extend":        {"  revoke {", "  extend {\n    put  = \"/x/${key.id}\"\n    json = { end = key.expires_at }\n  }\n  revoke {", "leave extend out"},
		"an undo":          {`"replace" { post = "/applications/${role.application}/secret" }`, "\"replace\" {\n      post = \"/x\"\n      undo { delete = \"/x\" }\n    }", "leave undo out"},
		"an answer's id":   {"id     = role.application", "id     = body.id", "id = role.application_id"},
		"revoke by name":   {"${key.id}", "${key.name}", "revoke names it by key.id"},
		"misspelt":         {"in_place = true", "inplace = true", `did you mean "in_place"?`},
		"not a true value": {"in_place = true", "in_place = \"maybe\"", "in_place must be written out"},
	} {
		_, err := Parse("acme.hcl", []byte(without(t, inPlaceDefinition, test.part, test.instead)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
