package providers

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// TestTargets: two keys cannot be revoked apart where one request of revoke would remove what
// both have, whatever else the others name.
func TestTargets(t *testing.T) {
	handle := func(id string, saved ...string) Handle {
		h := Handle{Name: "any-" + id, ID: id, Saved: Values{}, Role: Values{"plan": "free"}}
		for n := 0; n < len(saved); n += 2 {
			h.Saved[saved[n]] = saved[n+1]
		}
		return h
	}
	grants := func(ids ...any) Handle {
		h := handle("k1")
		h.Saved["grants"] = ids
		return h
	}
	const key = `delete = "/keys/${key.id}"`
	for name, test := range map[string]struct {
		revoke     string
		one, other Handle
		apart      bool
		targets    int
	}{
		"one id":                      {key, handle("k1"), handle("k1"), false, 1},
		"two ids":                     {key, handle("k1"), handle("k2"), true, 1},
		"an id in another account":    {`delete = "/accounts/${saved.account}/keys/${key.id}"`, handle("k1", "account", "a"), handle("k1", "account", "b"), true, 1},
		"an id of another plan":       {`delete = "/${role.plan}/keys/${key.id}"`, handle("k1"), Handle{ID: "k1", Role: Values{"plan": "paid"}}, true, 1},
		"a name":                      {`delete = "/keys/${key.name}"`, handle("k1"), handle("k1"), true, 0},
		"a name in a header":          {key + "\nheaders = { X-Request-Id = key.name }", handle("k1"), Handle{Name: "other", ID: "k1"}, false, 1},
		"a password of the name":      {`post = "/keys/${key.id}/end"` + "\njson = { password = \"Vk1!${derived_password(key.name, 28)}\" }", handle("k1"), Handle{Name: "other", ID: "k1"}, false, 1},
		"a name and such a password":  {`post = "/keys/${key.id}/end"` + "\njson = { name = key.name, password = derived_password(key.name, 32) }", handle("k1"), Handle{Name: "other", ID: "k1"}, true, 0},
		"rights of their own":         {`step "grants" {` + "\nfor_each = saved.grants\n" + `delete = "/keys/${key.id}/grants/${each.value}"` + "\n}\n" + `step "key" { ` + key + " }", grants("g1", "g2"), grants("g3"), false, 1},
		"an account that goes, too":   {`step "key" { ` + key + " }\n" + `step "account" { delete = "/accounts/${saved.account}" }`, handle("k1", "account", "a"), handle("k2", "account", "a"), false, 2},
		"two accounts, one id":        {`step "key" { ` + key + " }\n" + `step "account" { delete = "/accounts/${saved.account}" }`, handle("k1", "account", "a"), handle("k1", "account", "b"), false, 2},
		"two accounts, two ids":       {`step "key" { ` + key + " }\n" + `step "account" { delete = "/accounts/${saved.account}" }`, handle("k1", "account", "a"), handle("k2", "account", "b"), true, 2},
		"what a look finds by the id": {"step \"look\" {\nget = \"/keys/${key.id}\"\nsave = { found = body.number }\n}\n" + `step "end" { delete = "/numbers/${saved.found}" }`, handle("k1"), handle("k1"), false, 1},
		"what such a look lists":      {"step \"look\" {\nlooks = true\nget = \"/keys\"\nsave = { found = [for one in body.data : one.number if one.id == key.id] }\n}\n" + "step \"end\" {\nfor_each = saved.found\n" + `delete = "/numbers/${each.value}"` + "\n}", handle("k1"), handle("k1"), false, 1},
		"a refresh of all":            {`step "key" { ` + key + " }\n" + `step "all" { post = "/${role.plan}/refresh" }`, handle("k1"), handle("k2"), true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			d := mustParse(t, strings.Replace(targetsDefinition, "REVOKE", test.revoke, 1))
			one, other := Targets(d, test.one), Targets(d, test.other)
			apart := !slices.ContainsFunc(one, func(target uint64) bool { return slices.Contains(other, target) })
			if len(one) != test.targets || apart != test.apart {
				t.Errorf("%v and %v are revoked apart: %t", one, other, apart)
			}
			text, err := json.Marshal(test.one)
			var stored Handle
			if err != nil || json.Unmarshal(text, &stored) != nil || !slices.Equal(Targets(d, stored), one) {
				t.Errorf("after a round through storage it has %v, before it %v", Targets(d, stored), one)
			}
		})
	}
}

const targetsDefinition = `provider "targets" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  role "plan" {
    type    = string
    default = "free"
  }
  auth "header" { headers = { X-Admin = connection.admin_key } }
  issue {
    post   = "/keys"
    json   = { name = key.name, plan = role.plan }
    id     = body.id
    save   = { account = body.account, grants = body.grants }
    secret = { api_key = body.key }
  }
  revoke {
    REVOKE
  }
}`
