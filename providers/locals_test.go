package providers

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A local means what it says at the place where it stands: in a path, in an object, in
// a condition.
func TestLocals(t *testing.T) {
	inBubble(func(t *testing.T) {
		src := strings.NewReplacer(
			"  auth \"bearer\"", `  locals {
    project = role.project == "own" ? "/self" : "/projects/${role.project}"
    keys    = "${local.project}/keys"
    key     = "${local.keys}/${key.id}"
    owner   = { owner = saved.owner }
    limited = coalesce(role.limit, 0) > 5
    limit   = local.limited ? 5 : role.limit
    names   = { first = key.name }
  }
  auth "bearer"`,
			`post = "/projects/${role.project}/keys"`, `post = local.keys`,
			`delete = "/projects/${role.project}/keys/${key.id}"`, `delete = local.key`,
			`query  = { owner = saved.owner }`, `query = local.owner`,
			"limit   = role.limit", "limit = local.limit\n first = local.names.first",
			"get   = \"/projects/${role.project}/keys\"\n    query = { after", "get = \"${local.keys}\"\n    query = { after",
		).Replace(wholeDefinition)
		f := newFake(t)
		for _, path := range []string{"/v1/projects/a%2Fb/keys", "/v1/self/keys"} {
			f.on("POST "+path, 200, object{"id": "1", "key": "sk-1", "owner": "o"})
			f.on("DELETE "+path+"/1", http.StatusNoContent, "")
			f.on("GET "+path, 200, object{"data": []any{}})
		}
		c := f.client(t, src, nil)
		for _, project := range []string{"a/b", "own"} {
			key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": project, "limit": "9"}})
			if err != nil {
				t.Fatal(err)
			}
			if body, _ := f.last(); !strings.Contains(body, `"limit":5`) || !strings.Contains(body, `"first":"n"`) {
				t.Errorf("sent was %s", body)
			}
			if err := c.Revoke(t.Context(), key.Handle); err != nil {
				t.Fatal(err)
			}
			if found, err := c.Find(t.Context(), c.def.ListingScope(Values{"project": project}, nil), Look{ID: "none"}); err != nil || !found.Absent() {
				t.Errorf("%+v, %v", found, err)
			}
		}
		want := []string{
			"POST /v1/projects/a%2Fb/keys", "DELETE /v1/projects/a%2Fb/keys/1?owner=o", "GET /v1/projects/a%2Fb/keys",
			"POST /v1/self/keys", "DELETE /v1/self/keys/1?owner=o", "GET /v1/self/keys",
		}
		if got := f.seen(); !slices.Equal(got, want) {
			t.Errorf("it asks %q", got)
		}
	})(t)
}

func TestLocalsMistakes(t *testing.T) {
	with := func(locals, limit string) string {
		return strings.NewReplacer("  auth \"bearer\"", "  locals {\n"+locals+"\n  }\n  auth \"bearer\"", "limit   = role.limit", "limit = "+limit).Replace(wholeDefinition)
	}
	doubling := "a0 = [role.limit, role.limit]\n"
	for i := range 30 {
		doubling += fmt.Sprintf("a%d = [local.a%d, local.a%d]\n", i+1, i, i)
	}
	for name, test := range map[string]struct{ src, want string }{
		"unknown":              {with("one = role.limit", "local.won + local.one"), `There is no local "won"`},
		"none at all":          {strings.Replace(wholeDefinition, "= role.limit", "= local.limit", 1), "locals { … }"},
		"without use":          {with("one = role.limit\n two = 2", "local.one"), "local.two"},
		"of itself":            {with("one = [local.two]\n two = [local.one]", "local.one"), "mentions itself"},
		"out of its place":     {with("one = key.id", "local.one == role.limit ? 1 : 2"), "key.id is not known here"},
		"twice":                {with("one = 1\n }\n locals {\n one = 2", "local.one + role.limit"), "bad local"},
		"a block":              {with("one { }\n two = role.limit", "local.two"), `no block "one" in locals`},
		"doubling each time":   {with(doubling, "local.a30"), "too large"},
		"many large ones":      {with("a = ["+strings.Repeat("1, ", 1500)+"role.limit]", "["+strings.Repeat("local.a, ", 40)+"1]"), "too many locals"},
		"a path with no slash": {strings.Replace(with("one = \"keys\"\n two = role.limit", "local.two"), `check { get = "/me" }`, `check { get = local.one }`, 1), "bad path"},
	} {
		if _, err := Parse("acme.hcl", []byte(test.src)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %.600v, not %q", name, err, test.want)
		}
	}
}

// A change of a local that auth shows is a change of how the credential is shown.
func TestLocalsInAuth(t *testing.T) {
	of := func(local string) *Definition {
		return mustParse(t, strings.NewReplacer("  auth \"bearer\" { token = connection.admin_key }",
			"  locals { token = "+local+" }\n  auth \"bearer\" { token = local.token }").Replace(wholeDefinition))
	}
	if !of("connection.admin_key").SameAuth(of("connection.admin_key")) || of("connection.admin_key").SameAuth(of(`"${connection.admin_key}x"`)) {
		t.Error("a change of a local is not seen")
	}
}
