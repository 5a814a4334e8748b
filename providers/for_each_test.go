package providers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// grantsDefinition makes a user and what it may do in one request each, lists the keys
// of each account by itself, and reads a key before it renews it.
const grantsDefinition = `provider "grants" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  role "grants" { type = list(object({ topic = string, access = optional(string) })) }
  role "labels" { type = map(string) }
  auth "bearer" { token = connection.admin_key }

  issue {
    step "user" {
      post = "/users"
      json = { name = key.name, expires = key.expires_at }
      save = { user = body.id, token = body.token }
      undo { delete = "/users/${saved.user}" }
    }
    step "grant" {
      for_each = role.grants
      post     = "/users/${saved.user}/grants"
      json     = { topic = each.value.topic, access = each.value.access, number = each.key }
      save     = { grants = body.id }
    }
    step "label" {
      for_each = role.labels
      put      = "/users/${saved.user}/labels/${each.key}"
      json     = { value = each.value }
    }
    id     = saved.user
    secret = { token = saved.token }
    save   = { account = body.account }
  }
  revoke {
    step "grants" {
      for_each = saved.grants
      delete   = "/users/${key.id}/grants/${each.value}"
      gone     = [404]
    }
    step "user" {
      delete = "/users/${key.id}"
      gone   = [404]
    }
  }
  list {
    step "accounts" {
      get   = "/accounts"
      items = body.data
      save  = { ids = items[*].id }
      pagination "cursor" {
        parameter = "after"
        next      = body.next
      }
    }
    for_each = saved.ids
    get      = "/accounts/${each.value}/users"
    items    = body.users
    item     = { id = item.id, name = item.name, grants = item.grants }
    gone     = [404]
  }
  extend {
    step "now" {
      get  = "/users/${key.id}"
      gone = [404]
      save = { version = body.version, account = body.account }
    }
    step "end" {
      put  = "/users/${key.id}"
      json = { version = saved.version, expires = key.expires_at, account = saved.account }
    }
    expires_at = body.expires
  }
}
`

// without takes out what a test does not want.
func without(t *testing.T, src, part, instead string) string {
	t.Helper()
	if strings.Count(src, part) != 1 {
		t.Fatalf("the definition does not hold once: %s", part)
	}
	return strings.Replace(src, part, instead, 1)
}

var grantsRole = Values{
	"grants": []any{map[string]any{"topic": "a", "access": "read"}, map[string]any{"topic": "b"}},
	"labels": map[string]any{"team": "x"},
}

func grantsFake(t *testing.T) *fake {
	t.Helper()
	f := newFake(t)
	f.on("POST /v1/users", 201, object{"id": "u1", "token": "token-value-1"})
	made := 0
	f.do("POST /v1/users/u1/grants", func(w http.ResponseWriter, _ *http.Request) {
		made++
		fmt.Fprintf(w, `{"id":"g%d"}`, made)
	})
	f.on("PUT /v1/users/u1/labels/team", 200, object{"account": "acc"})
	return f
}

func TestStepForEach(t *testing.T) {
	f := grantsFake(t)
	c := f.client(t, grantsDefinition, nil)
	key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: grantsRole})
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"POST /v1/users", "POST /v1/users/u1/grants", "POST /v1/users/u1/grants", "PUT /v1/users/u1/labels/team"}; !slices.Equal(f.seen(), want) {
		t.Errorf("asked %q", f.seen())
	}
	if got, want := f.bodies[2], `{"number":1,"topic":"b"}`; got != want {
		t.Errorf("the second grant is %s and not %s", got, want)
	}
	if got, _ := json.Marshal(key.Handle.Saved["grants"]); string(got) != `["g1","g2"]` {
		t.Errorf("kept of the grants is %s", got)
	}

	// Revoking goes through what was kept; one that is gone already is no reason to stop.
	f.on("DELETE /v1/users/u1/grants/g1", 404, object{})
	f.on("DELETE /v1/users/u1/grants/g2", 200, object{})
	f.on("DELETE /v1/users/u1", 200, object{})
	missing, err := c.Delete(t.Context(), key.Handle)
	if err != nil || !missing {
		t.Errorf("revoked: %t, %v", missing, err)
	}
	if want := []string{"DELETE /v1/users/u1/grants/g1", "DELETE /v1/users/u1/grants/g2", "DELETE /v1/users/u1"}; !slices.Equal(f.seen()[4:], want) {
		t.Errorf("revoked by %q", f.seen()[4:])
	}
}

// Where there is nothing to ask for, nobody is asked, and the rest goes on.
func TestStepForEachOfNothing(t *testing.T) {
	f := grantsFake(t)
	src := without(t, grantsDefinition, "save   = { account = body.account }", "")
	key, err := f.client(t, src, nil).Issue(t.Context(), KeyRequest{Name: "n"})
	if err != nil || len(f.seen()) != 1 {
		t.Fatalf("%v, after %q", err, f.seen())
	}
	if got, _ := json.Marshal(key.Handle.Saved["grants"]); string(got) != "[]" {
		t.Errorf("kept of the grants is %s", got)
	}
}

// When one of the requests fails, the step before takes all back.
func TestStepForEachThatFails(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"refused": func(w http.ResponseWriter, _ *http.Request) { http.Error(w, `{"error":"no such topic"}`, 400) },
		"unknown": dropConnection,
	} {
		f := grantsFake(t)
		grants := 0
		f.do("POST /v1/users/u1/grants", func(w http.ResponseWriter, r *http.Request) {
			if grants++; grants == 2 {
				fail(w, r)
				return
			}
			fmt.Fprint(w, `{"id":"g1"}`)
		})
		f.on("DELETE /v1/users/u1", 200, object{})
		_, err := f.client(t, grantsDefinition, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: grantsRole})
		if err == nil || NothingMade(err) != (name == "refused") || f.seen()[len(f.seen())-1] != "DELETE /v1/users/u1" {
			t.Errorf("%s: %v, after %q", name, err, f.seen())
		}
	}
}

// A grant whose id no answer tells could not be revoked: the key is not handed out.
func TestStepForEachThatSavesNothing(t *testing.T) {
	f := grantsFake(t)
	f.on("POST /v1/users/u1/grants", 200, object{})
	f.on("DELETE /v1/users/u1", 200, object{})
	_, err := f.client(t, grantsDefinition, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: grantsRole})
	if err == nil || !strings.Contains(err.Error(), "save.grants") || !slices.Contains(f.seen(), "DELETE /v1/users/u1") {
		t.Errorf("%v, after %q", err, f.seen())
	}
}

func TestExtendBySteps(t *testing.T) {
	f := newFake(t)
	c := f.client(t, grantsDefinition, nil)
	end := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)
	h := Handle{Name: "n", ID: "u1", Saved: Values{"grants": []any{}}}
	f.on("GET /v1/users/u1", 200, object{"version": 7, "account": "acc"})
	f.on("PUT /v1/users/u1", 200, object{"expires": "2026-04-01T00:00:00Z"})
	granted, err := c.Extend(t.Context(), h, end, time.Hour)
	if got := granted.End(time.Now(), end); err != nil || !got.Equal(end.AddDate(0, -1, 0)) {
		t.Errorf("it ends at %s, %v", got, err)
	}
	if body, _ := f.last(); body != `{"account":"acc","expires":"2026-05-01T00:00:00Z","version":7}` {
		t.Errorf("renewed with %s", body)
	}
	f.on("GET /v1/users/u1", 404, object{})
	if _, err := c.Extend(t.Context(), h, end, time.Hour); KindOf(err) != Refused || !strings.Contains(err.Error(), "the key is gone") {
		t.Errorf("a key that is gone: %v", err)
	}
	if last := f.seen()[len(f.seen())-1]; last != "GET /v1/users/u1" {
		t.Errorf("a key that is gone is renewed by %s", last)
	}
}

// listFake answers for two pages of accounts, with the users of each.
func listFake(t *testing.T, users map[string]string) *fake {
	t.Helper()
	f := newFake(t)
	f.do("GET /v1/accounts", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("after") == "" {
			fmt.Fprint(w, `{"data":[{"id":"a"},{"id":"b"}],"next":"2"}`)
			return
		}
		fmt.Fprint(w, `{"data":[{"id":"c"}]}`)
	})
	for account, answer := range users {
		f.on("GET /v1/accounts/"+account+"/users", 200, answer)
	}
	return f
}

func TestListForEach(t *testing.T) {
	f := listFake(t, map[string]string{"a": `{"users":[{"id":"1","name":"n1","grants":[]}]}`, "b": `{"users":[]}`, "c": `{"users":[{"id":"2","name":"n2","grants":["g"]}]}`})
	c := f.client(t, grantsDefinition, nil)
	found, err := c.Find(t.Context(), ListingScope{}, Look{Name: "n2"})
	if err != nil || len(found.Keys) != 1 || found.Keys[0].Handle.ID != "2" {
		t.Fatalf("%+v, %v", found, err)
	}
	want := []string{"GET /v1/accounts", "GET /v1/accounts?after=2", "GET /v1/accounts/a/users", "GET /v1/accounts/b/users", "GET /v1/accounts/c/users"}
	if !slices.Equal(f.seen(), want) {
		t.Errorf("asked %q", f.seen())
	}
	// What is not there is believed once two whole readings agree.
	found, err = c.Find(t.Context(), ListingScope{}, Look{Name: "none"})
	if err != nil || !found.Absent() || len(f.seen()) != 3*len(want) {
		t.Errorf("%+v, %v, after %d requests", found, err, len(f.seen()))
	}
	var ids []string
	for one, err := range c.List(t.Context(), ListingScope{}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, one.Handle.ID)
	}
	if !slices.Equal(ids, []string{"1", "2"}) {
		t.Errorf("listed %q", ids)
	}
}

// TestListForEachProvesNothing: only what was read to its end, parents and all, says
// that a key is not there.
func TestListForEachProvesNothing(t *testing.T) {
	users := map[string]string{"a": `{"users":[]}`, "b": `{"users":[]}`, "c": `{"users":[]}`}
	circle := func(f *fake) {
		f.on("GET /v1/accounts", 200, object{"data": []any{object{"id": "a"}}, "next": "2"})
	}
	for name, test := range map[string]struct {
		change func(f *fake)
		src    func(src string) string
		absent bool
	}{
		"all is as it should be":            {func(*fake) {}, nil, true},
		"an account is gone":                {func(f *fake) { f.on("GET /v1/accounts/b/users", 404, object{}) }, nil, true},
		"no accounts":                       {func(f *fake) { f.on("GET /v1/accounts", 200, object{"data": []any{}}) }, nil, true},
		"an account cannot be read":         {func(f *fake) { f.on("GET /v1/accounts/b/users", 403, object{}) }, nil, false},
		"an account's answer is odd":        {func(f *fake) { f.on("GET /v1/accounts/b/users", 200, object{"error": "busy"}) }, nil, false},
		"the accounts' answer is odd":       {func(f *fake) { f.on("GET /v1/accounts", 200, object{"error": "busy"}) }, nil, false},
		"an account has no id":              {func(f *fake) { f.on("GET /v1/accounts", 200, object{"data": []any{object{"uid": "a"}}}) }, nil, false},
		"the accounts' pages go in circles": {circle, nil, false},
		"saved is what the answer does not hold": {func(f *fake) { f.on("GET /v1/accounts", 200, object{"error": "busy"}) }, func(src string) string {
			src = without(t, src, "      items = body.data\n      save  = { ids = items[*].id }", "      save = { ids = body.data[*].id }")
			return src[:strings.Index(src, "      pagination")] + src[strings.Index(src, "    }\n    for_each = saved.ids"):]
		}, false},
		"what should be a key is none": {func(f *fake) { f.on("GET /v1/accounts/b/users", 200, object{"error": "busy"}) }, func(src string) string {
			return without(t, src, "items    = body.users", "items    = [body]")
		}, false},
		"nobody is asked": {func(*fake) {}, func(src string) string {
			src = src[:strings.Index(src, "    step \"accounts\"")] + src[strings.Index(src, "    for_each = saved.ids"):]
			return without(t, src, "saved.ids", "role.labels")
		}, false},
	} {
		f := listFake(t, users)
		test.change(f)
		src := grantsDefinition
		if test.src != nil {
			src = test.src(src)
		}
		found, err := f.client(t, src, nil).Find(t.Context(), ListingScope{}, Look{Name: "none"})
		if found.Absent() != test.absent || err != nil && test.absent {
			t.Errorf("%s: absent %t, %v", name, found.Absent(), err)
		}
	}
}

// TestListForEachEnds: a reading of very many elements ends, and proves nothing.
func TestListForEachEnds(t *testing.T) {
	inBubble(func(t *testing.T) {
		f := newFake(t)
		many := make([]any, mostElements)
		for i := range many {
			many[i] = object{"id": fmt.Sprint(i)}
		}
		f.on("GET /v1/accounts", 200, object{"data": many})
		c := f.client(t, grantsDefinition, nil)
		w := newListPass(c, c.def.List, c.static)
		for range 2 {
			if failed := w.step(t.Context(), nil); failed != nil && failed.Kind != Refused {
				t.Fatal(failed)
			}
		}
		w.pages = mostPages - 1
		f.on("GET /v1/accounts/0/users", 200, object{"users": []any{}})
		if failed := w.step(t.Context(), nil); failed != nil || !w.ended || w.doubt == "" {
			t.Errorf("ended %t, doubt %q, %v", w.ended, w.doubt, failed)
		}
		f.on("GET /v1/accounts", 200, object{"data": append(many, object{"id": "x"})})
		w = newListPass(c, c.def.List, c.static)
		if failed := w.step(t.Context(), nil); failed == nil || !strings.Contains(failed.Error(), "more than 10000") {
			t.Errorf("too many accounts: %v", failed)
		}
	})(t)
}

func TestForEachMistakes(t *testing.T) {
	for name, test := range map[string]struct{ part, instead, want string }{
		"a number":            {"for_each = role.grants", "for_each = 3", "Write a list, or an object"},
		"misspelt":            {"for_each = role.labels", "foreach = role.labels", `did you mean "for_each"?`},
		"an unknown part":     {"value = each.value }", "value = each.vlaue }", `There is no attribute of each "vlaue"; did you mean "value"?`},
		"an unknown member":   {"topic = each.value.topic", "topic = each.value.topci", "topci"},
		"out of place":        {"id     = saved.user", "id     = each.value", "a step, list or lookup that has for_each"},
		"of an earlier step":  {"put  = \"/users/${key.id}\"\n", "put  = \"/users/${each.value}\"\n", "a step, list or lookup that has for_each"},
		"the first step":      {"      undo { delete = \"/users/${saved.user}\" }\n", "      for_each = role.grants\n", "for_each without an undo"},
		"an undo of each":     {"      save     = { grants = body.id }\n", "      undo { delete = \"/grants/${body.id}\" }\n", "undo of an earlier step"},
		"nothing saved":       {"save  = { ids = items[*].id }", "", "needs save"},
		"pages of nothing":    {"      items = body.data\n      save  = { ids = items[*].id }", "      save = { ids = body.ids }", "needs items"},
		"saved by no step":    {"for_each = saved.ids", "for_each = saved.idz", `There is no saved value here "idz"; did you mean "ids"?`},
		"a page of the steps": {"gone     = [404]\n  }\n  extend", "query = { p = page.cursor }\n  }\n  extend", "page"},
		"poll before a list":  {"save  = { ids = items[*].id }", "save  = { ids = items[*].id }\n      poll {\n      }", `no block "poll"`},
	} {
		_, err := Parse("acme.hcl", []byte(without(t, grantsDefinition, test.part, test.instead)))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A rotation finds what it may have made at the user whose credential it replaces.
func TestOrphansAfterAStep(t *testing.T) {
	f := newFake(t)
	f.on("GET /v1/me", 200, object{"user": "u9"})
	f.on("GET /v1/users/u9/tokens", 200, object{"tokens": []any{object{"id": "t1", "name": "vault-x"}, object{"id": "t2", "name": "other"}}})
	c := f.client(t, without(t, grantsDefinition, "  issue {\n", `  rotate {
    post       = "/tokens"
    json       = { name = key.name }
    save       = { old = body.id, owner = body.owner }
    connection = { admin_key = body.token }
    retire {
      delete = "/users/${saved.owner}/tokens/${saved.old}"
      gone   = [404]
    }
    list {
      step "me" {
        get  = "/me"
        save = { user = body.user }
      }
      get   = "/users/${saved.user}/tokens"
      items = body.tokens
      item  = { name = item.name, old = item.id, owner = saved.user }
    }
  }
  issue {
`), nil)
	found, err := c.FindOrphanCredentials(t.Context(), "vault-x", "vault-x")
	if err != nil || len(found.Found) != 1 || found.Found[0].Saved["old"] != "t1" || found.Found[0].Saved["owner"] != "u9" {
		t.Errorf("%+v, %v", found, err)
	}
}

// TestRequestsForEachAreShown: steps come first, and each says for what it is made.
func TestRequestsForEachAreShown(t *testing.T) {
	var got []string
	for _, r := range mustParse(t, grantsDefinition).Requests() {
		got = append(got, r.Block+": "+r.ForEach)
	}
	want := []string{
		`issue step "user": `, `issue step "user" undo: `, `issue step "grant": role.grants`, `issue step "label": role.labels`,
		`revoke step "grants": saved.grants`, `revoke step "user": `,
		`list step "accounts": `, `list: saved.ids`, `extend step "now": `, `extend step "end": `,
	}
	if !slices.Equal(got, want) {
		t.Errorf("shown are %q", got)
	}
}
