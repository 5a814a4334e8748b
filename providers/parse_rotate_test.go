package providers

import (
	"strings"
	"testing"
)

// rotateBlockText uses every part of rotate; the tests below break it in one
// place.
const rotateBlockText = `  rotate {
    candidate = { password = random_password(32) }
    step "own" {
      get  = "/admins/self"
      save = { old = body.id }
    }
    step "admin" {
      post = "/admins"
      json = { name = key.name, ends = key.expires_at, seconds = key.ttl }
      save = { account = body.id }
      undo {
        delete = "/admins/${saved.account}"
        gone   = [404]
      }
    }
    step "password" {
      put  = "/admins/${saved.account}/password"
      json = { password = candidate.password }
    }
    connection = {
      admin_key = "${body.prefix}-${candidate.password}"
      org       = body.org
    }
    save = { group = connection.org }
    retire {
      step "admin" {
        delete = "/admins/${saved.old}"
        gone   = [404]
      }
      step "group" {
        when   = saved.group != null
        delete = "/groups/${saved.group}"
        query  = { reason = previous.org }
        gone   = [404]
      }
    }
    list {
      get   = "/admins"
      query = { after = page.after }
      items = body.data
      item = {
        name     = item.name
        old      = item.id
        group    = item.group
        previous = { org = item.org }
      }
      next = body.more ? { after = body.last } : null
    }
    lookup {
      get   = "/admins/by-name"
      query = { name = key.name }
      items = body
      item  = { name = item.name, old = item.id, group = item.group, previous = { org = item.org } }
    }
  }
`

// rotateDefinition is wholeDefinition with a rotation.
var rotateDefinition = strings.Replace(wholeDefinition, "  key_name {", rotateBlockText+"  key_name {", 1)

func TestRotateCapabilities(t *testing.T) {
	inPlace := strings.Replace(wholeDefinition, "  key_name {", `  rotate {
    post       = "/me/roll"
    connection = { admin_key = body.key }
  }
  key_name {`, 1)
	for name, test := range map[string]struct {
		src                            string
		rotates, inPlace, expiry, list bool
	}{
		"none":     {wholeDefinition, false, false, false, false},
		"whole":    {rotateDefinition, true, false, true, true},
		"in place": {inPlace, true, true, false, false},
	} {
		d := mustParse(t, test.src)
		can := d.Capabilities
		if can.RotateRoot != test.rotates || can.RotateInPlace != test.inPlace || can.RotateExpiry != test.expiry {
			t.Errorf("%s: capabilities are %+v", name, can)
		}
		client, err := NewClient(d, Settings{Values: Values{"admin_key": adminKey}})
		if err != nil {
			t.Fatal(err)
		}
		if client.RotationListable() != test.list {
			t.Errorf("%s: listable is %t", name, !test.list)
		}
		client.Close()
	}
}

func TestRotateMistakes(t *testing.T) {
	const connection = `connection = {
      admin_key = "${body.prefix}-${candidate.password}"
      org       = body.org
    }`
	tests := []struct {
		name     string
		old, new string // replaced in rotateDefinition
		want     []string
	}{
		{"unknown attribute", "candidate = {", "candidates = {", []string{`no attribute "candidates" in rotate`, `did you mean "candidate"?`}},
		{"unknown block", "    retire {", "    retires {", []string{`no block "retires" in rotate`, `did you mean "retire"?`}},
		{"two rotations", "  key_name {", "  rotate { }\n  key_name {", []string{"duplicate block"}},
		{"two retires", "    list {\n      get   = \"/admins\"", "    retire { }\n    list {\n      get   = \"/admins\"", []string{"duplicate block"}},
		{"label on a list", "    lookup {\n      get   = \"/admins/by-name\"", "    lookup \"x\" {\n      get   = \"/admins/by-name\"", []string{"lookup has no label"}},
		{"no connection", connection, "", []string{"missing connection", "which connection fields change"}},
		{"computed connection", connection, "connection = body", []string{"connection must be written out"}},
		{"unknown connection field", "      org       = body.org", "      orgs      = body.org", []string{`no connection field "orgs"`, `did you mean "org"?`, "^^^^"}},
		{"no secret among the fields", "      admin_key = \"${body.prefix}-${candidate.password}\"\n", "", []string{"must give a sensitive field its new value"}},
		{"field of the wrong type", "org       = body.org", "org       = [body.org]", []string{"Write a string"}},
		{"candidate never declared", "    candidate = { password = random_password(32) }\n", "", []string{"candidate means nothing here", "candidate = { … }"}},
		{"typo in a candidate", "json = { password = candidate.password }", "json = { password = candidate.pasword }", []string{`no candidate value here "pasword"`, `did you mean "password"?`}},
		{"candidate without use", "random_password(32) }", "random_password(32), user = \"u\" }", []string{"No request mentions candidate.user"}},
		{"candidate of an answer", "random_password(32)", "body.password", []string{"body means nothing here"}},
		{"candidate of the key", "random_password(32)", "key.name", []string{"key means nothing here"}},
		{"short password", "random_password(32)", "random_password(8)", []string{"whole number from 16 to 128"}},
		{"long password", "random_password(32)", "random_password(1000)", []string{"whole number from 16 to 128"}},
		{"broken password", "random_password(32)", "random_password(20.5)", []string{"whole number from 16 to 128"}},
		{"typo in the function", "random_password(32)", "random_pasword(32)", []string{"unknown function", `did you mean "random_password"?`}},
		{"random in the request", "put  = \"/admins/${saved.account}/password\"\n      json = { password = candidate.password }", "put  = \"/admins/${saved.account}/password\"\n      json = { password = random_password(20), was = candidate.password }", []string{"function out of place", "candidate of rotate"}},
		{"random in issue", "limit   = role.limit", "limit   = random_password(20)", []string{"function out of place"}},
		{"random inside try", "limit   = role.limit", "limit   = try(random_password(20), 1)", []string{"function out of place"}},
		{"role in rotate", "json = { name = key.name, ends", "json = { name = role.project, own = key.name, ends", []string{"role means nothing here"}},
		{"id of a key", "seconds = key.ttl }", "seconds = key.id }", []string{"key.id is not known here"}},
		{"secret of a key", "seconds = key.ttl }", "seconds = secret.api_key }", []string{"secret means nothing here"}},
		{"previous before retire", "seconds = key.ttl }", "seconds = previous.org }", []string{"previous means nothing here", "it is in retire only"}},
		{"never saved", "delete = \"/admins/${saved.old}\"", "delete = \"/admins/${saved.older}\"", []string{`no saved value here "older"`, `did you mean "old"?`}},
		{"field that stays", "reason = previous.org", "reason = previous.admin_kye", []string{`no previous field "admin_kye"`, `did you mean "admin_key"?`}},
		{"candidate in retire", "reason = previous.org", "reason = candidate.password", []string{"candidate means nothing here"}},
		{"candidate in an undo", "delete = \"/admins/${saved.account}\"", "delete = \"/admins/${saved.account}\"\n        query = { x = candidate.password }", []string{"candidate means nothing here"}},
		{"condition of the wrong type", "when   = saved.group != null", "when   = \"yes\"", []string{"true or false"}},
		{"condition elsewhere", "  revoke {\n", "  revoke {\n    when = true\n", []string{`no attribute "when" in revoke`}},
		{"no undo", "      undo {\n        delete = \"/admins/${saved.account}\"\n        gone   = [404]\n      }\n", "", []string{"A later step may fail"}},
		{"retires the new one", "query  = { reason = previous.org }", "query  = { reason = previous.org, org = connection.org }", []string{"connection.org has its new value already", "previous.org"}},
		{"retires nothing", "delete = \"/admins/${saved.old}\"", "delete = \"/admins/old\"", []string{"retire must say which credential"}},
		{"name not sent", "name = key.name, ends", "name = \"x\", ends", []string{"the request must send key.name"}},
		{"list of no name", "        name     = item.name\n", "", []string{"missing item.name"}},
		{"list without what retire needs", "        old      = item.id\n", "", []string{"A credential found by list needs it too", "old = item.…"}},
		{"list without the previous value", "        previous = { org = item.org }\n", "", nil}, // that step has a condition
		{"previous that is no object", "previous = { org = item.org }\n      }", "previous = \"x\"\n      }", []string{"Write an object"}},
		{"lookup without what retire needs", "item  = { name = item.name, old = item.id,", "item  = { name = item.name,", []string{"A credential found by lookup needs it too"}},
		{"page never set", "query = { after = page.after }\n      items = body.data\n      item = {\n        name ", "query = { after = page.aftre }\n      items = body.data\n      item = {\n        name ", []string{`did you mean "after"?`}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if !strings.Contains(rotateDefinition, test.old) {
				t.Fatalf("the text to break is not there: %q", test.old)
			}
			_, err := Parse("acme.hcl", []byte(strings.Replace(rotateDefinition, test.old, test.new, 1)))
			if test.want == nil {
				if err != nil {
					t.Fatalf("this is no mistake:\n%v", err)
				}
				return
			}
			if err == nil {
				t.Fatal("the mistake is not found")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

// What a list gives must be enough for a step of retire.
func TestListsAndRetire(t *testing.T) {
	const retire = `retire {
      step "a" {
        when   = saved.a != null
        delete = "/a/${saved.a}"
      }
      step "b" {
        when   = saved.b != null
        delete = "/b/${saved.b}"
      }
    }`
	list := func(item string) string {
		return "\n    list {\n      get = \"/a\"\n      items = body\n      item = { name = item.name, " + item + " }\n    }\n"
	}
	for name, test := range map[string]struct{ parts, want string }{
		"each list for one step": {retire + list("a = item.id") + list("b = item.id"), ""},
		"list for no step":       {retire + list("c = item.id"), "No step of retire can do"},
		"list without retire":    {list("a = item.id"), "What this finds is removed by retire, and there is none"},
	} {
		src := strings.Replace(wholeDefinition, "  key_name {", `  rotate {
    post       = "/admins"
    json       = { name = key.name }
    connection = { admin_key = body.key }
    save       = { a = body.a, b = body.b }
    `+test.parts+`
  }
  key_name {`, 1)
		_, err := Parse("acme.hcl", []byte(src))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

// TestRotationThatEndsKeysIsToldWhich: revokes_keys may be said of each key, and where it
// cannot be told of one, that one ends too.
func TestRotationThatEndsKeysIsToldWhich(t *testing.T) {
	for name, test := range map[string]struct {
		says      string
		ends, all bool
		of        Handle
	}{
		"nothing":          {"", false, false, Handle{}},
		"no":               {"revokes_keys = false", false, false, Handle{}},
		"yes":              {"revokes_keys = true", true, true, Handle{}},
		"of a saved value": {"revokes_keys = !saved.owner_lasts", false, false, Handle{Saved: Values{"owner_lasts": true}}},
		"not so":           {"revokes_keys = !saved.owner_lasts", true, false, Handle{Saved: Values{"owner_lasts": false}}},
		"not known":        {"revokes_keys = !saved.owner_lasts", true, false, Handle{}},
	} {
		t.Run(name, func(t *testing.T) {
			src := strings.Replace(rotatingInPlace(test.says), "owner = body.owner", "owner = body.owner, owner_lasts = body.lasts", 1)
			c := newFake(t).client(t, src, nil)
			if got := c.RotationRevokes(test.of); got != test.ends {
				t.Errorf("the key ends: %t, want %t", got, test.ends)
			}
			if got := c.RotationRevokesAll(); got != test.all {
				t.Errorf("all end: %t, want %t", got, test.all)
			}
		})
	}
	src := rotatingInPlace(`revokes_keys = "all"`)
	if _, err := Parse("x.hcl", []byte(src)); err == nil || !strings.Contains(err.Error(), "true or false") {
		t.Errorf("a text in place of a condition is answered %v", err)
	}
}

func rotatingInPlace(says string) string {
	return strings.Replace(wholeDefinition, "  key_name {", `  rotate {
    post         = "/me/roll"
    connection   = { admin_key = body.key }
    `+says+`
  }
  key_name {`, 1)
}
