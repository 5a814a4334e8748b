package providers

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// withCommon is wholeDefinition with a block requests.
func withCommon(requests string, replaced ...string) string {
	return strings.NewReplacer(append([]string{"  check { get", "  requests {\n" + requests + "\n  }\n  check { get"}, replaced...)...).Replace(wholeDefinition)
}

// TestRequestsHaveInCommon: what is said of all requests stands in each, beneath what the
// request says itself; a name that it has too is its own, in whatever case a header's is
// written, and null takes it out.
func TestRequestsHaveInCommon(t *testing.T) {
	src := withCommon(`
    query   = { org = connection.org, v = 2, none = null }
    headers = { Accept = "application/vnd.acme+json", Content-Type = "application/vnd.acme+json", X-Org = connection.org }
    json    = { by = "vault", limit = 7 }
    ok      = body.error == null`,
		"      limit   = role.limit\n", "      limit   = coalesce(role.limit, 1)\n",
		"    headers = { Authorization = \"Bearer ${secret.api_key}\" }\n", "    headers = { Authorization = \"Bearer ${secret.api_key}\", accept = null, X-Org = \"own\" }\n    query = { org = null }\n",
		"    patch = \"/keys/${key.id}\"\n", "    patch = \"/keys/${key.id}\"\n    headers = { content-type = \"application/merge-patch+json\" }\n    ok = true\n",
	)
	f := newFake(t)
	f.on("GET /v1/me", 200, object{"error": nil})
	f.on("POST /v1/projects/p1/keys", 200, object{"id": "i", "key": "sk-1", "owner": "o", "error": nil})
	f.on("PATCH /v1/keys/i", 200, object{"error": "none of its business"})
	f.on("DELETE /v1/projects/p1/keys/i", 200, object{"error": "not now"})
	f.on("GET /v1/projects/p1/keys", 200, object{"data": []any{}, "error": nil})
	c := f.client(t, src, Values{"org": "acme & co"})

	look := func(what, call string, want map[string]string, body string) {
		t.Helper()
		if seen := f.seen(); seen[len(seen)-1] != call {
			t.Errorf("%s asks %q and not %q", what, seen[len(seen)-1], call)
		}
		sent, header := f.last()
		for name, text := range want {
			if header.Get(name) != text {
				t.Errorf("%s: header %s is %q and not %q", what, name, header.Get(name), text)
			}
		}
		if sent != body {
			t.Errorf("%s sends %s and not %s", what, sent, body)
		}
	}
	vendor := "application/vnd.acme+json"
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	look("check", "GET /v1/me?org=acme+%26+co&v=2", map[string]string{"Accept": vendor, "Content-Type": "", "X-Org": "acme & co"}, "")
	key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}})
	if err != nil {
		t.Fatal(err)
	}
	look("issue", "POST /v1/projects/p1/keys?org=acme+%26+co&v=2", map[string]string{"Accept": vendor, "Content-Type": vendor}, `{"by":"vault","limit":1,"name":"n"}`)
	if alive, err := c.Probe(t.Context(), Values{"api_key": "sk-1"}); err != nil || alive != Alive {
		t.Fatal(alive, err)
	}
	look("probe", "GET /v1/me?v=2", map[string]string{"Accept": "application/json", "X-Org": "own"}, "")
	if _, err := c.Extend(t.Context(), key.Handle, c.now(), 0); err != nil {
		t.Errorf("its own ok is not asked: %v", err)
	}
	if _, header := f.last(); header.Get("Content-Type") != "application/merge-patch+json" {
		t.Errorf("extend: Content-Type is %q", header.Values("Content-Type"))
	}
	if err := c.Revoke(t.Context(), key.Handle); KindOf(err) != Refused || !strings.Contains(err.Error(), "not now") {
		t.Errorf("the common ok is not asked: %v", err)
	}
}

// TestRequestsHaveOneAddress: a request that names no path has the common one, and one
// that names another the other. A json that is no object is sent as it is.
func TestRequestsHaveOneAddress(t *testing.T) {
	src := withCommon("    post = \"/rpc/${connection.org}\"\n    json = { version = 2 }",
		"    post = \"/projects/${role.project}/keys\"\n", "",
		"    delete = \"/projects/${role.project}/keys/${key.id}\"\n    query  = { owner = saved.owner }\n", "    json = [role.project, key.id, saved.owner]\n",
	)
	f := newFake(t)
	f.on("POST /v1/rpc/main", 200, object{"id": "i", "key": "sk-1", "owner": "o"})
	f.on("GET /v1/me", 200, object{})
	c := f.client(t, src, nil)
	key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}})
	if err != nil {
		t.Fatal(err)
	}
	if body, _ := f.last(); body != `{"name":"n","version":2}` {
		t.Errorf("issue sends %s", body)
	}
	if err := c.Revoke(t.Context(), key.Handle); err != nil {
		t.Fatal(err)
	}
	if body, _ := f.last(); body != `["p1","i","o"]` {
		t.Errorf("revoke sends %s", body)
	}
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"POST /v1/rpc/main", "POST /v1/rpc/main", "GET /v1/me"}; !slices.Equal(f.seen(), want) {
		t.Errorf("asked was %q", f.seen())
	}
}

// TestCommonFieldsAreKept: what the requests about a key mention by what they have in
// common is kept with the key, as if they said it themselves.
func TestCommonFieldsAreKept(t *testing.T) {
	d := mustParse(t, withCommon("    query = { org = connection.org }"))
	if !d.Required.Connection["org"] || d.ListingScope(Values{"project": "p"}, Values{"org": "o"}).Connection["org"] != "o" {
		t.Error("a key is looked for, and ended, where the connection points by now")
	}
	if d.SameAuth(mustParse(t, withCommon("    query = { org = connection.admin_key }", "    headers = { Authorization = \"Bearer ${secret.api_key}\" }\n", "    credential = { admin_key = secret.api_key }\n"))) {
		t.Error("another place for the credential is not seen")
	}
}

func TestCommonRequestMistakes(t *testing.T) {
	for name, test := range map[string]struct{ src, want string }{
		"unknown attribute":    {withCommon("header = { A = 1 }"), `did you mean "headers"?`},
		"a role":               {withCommon("query = { p = role.project }"), "role means nothing here"},
		"a key":                {withCommon("headers = { X-Id = key.name }"), "key means nothing here"},
		"an answer":            {withCommon("query = { p = body.id }"), "no answer has come yet"},
		"no object":            {withCommon(`headers = "x"`), "Write an object"},
		"json is no object":    {withCommon("json = [1]"), "Write an object"},
		"bad header":           {withCommon("headers = { Host = connection.org }"), "header Host cannot be set"},
		"computed name":        {withCommon("query = { (connection.org) = 1 }"), "must be written out"},
		"ok is no condition":   {withCommon("ok = [200]"), "true or false"},
		"two methods":          {withCommon("post = \"/x\"\n get = \"/y\""), "post and get exclude each other"},
		"bad path":             {withCommon(`post = "rpc"`), `begins with "/"`},
		"twice":                {withCommon("ok = true\n }\n requests {"), "join the two"},
		"a secret, to a probe": {withCommon("headers = { X-Key = connection.admin_key }"), "must not carry the connection's credential"},
		"a secret, to its own auth": {strings.Replace(withCommon("query = { key = connection.admin_key }", "    headers = { Authorization = \"Bearer ${secret.api_key}\" }\n", "    credential = { admin_key = secret.api_key }\n"),
			`check { get = "/me" }`, "check {\n get = \"/me\"\n auth \"bearer\" { token = connection.org }\n }", 1), "must not carry the connection's credential"},
		"with a label":       {strings.Replace(withCommon("ok = true"), "requests {", `requests "all" {`, 1), "has no label"},
		"optional in a join": {strings.Replace(withCommon(`query = { o = join(",", connection.orgs) }`), "  connection \"org\"", "  connection \"orgs\" { type = list(string) }\n  connection \"org\"", 1), "every optional field is left out"},
	} {
		if _, err := Parse("acme.hcl", []byte(test.src)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, not %q", name, err, test.want)
		}
	}
}

// TestGivenCredential: a request that gives another credential is signed by the provider's
// auth with that alone, and by nothing of the connection's; what it says itself of the
// connection is the connection's own.
func TestGivenCredential(t *testing.T) {
	for name, test := range map[string]struct{ auth, credential, header, want string }{
		"bearer": {`auth "bearer" { token = connection.admin_key }`, "{ admin_key = secret.api_key }", "Authorization", "Bearer the-key"},
		"basic": {`auth "basic" {
    username = connection.org
    password = connection.admin_key
  }`, `{ org = "robot", admin_key = secret.api_key }`, "Authorization", "Basic cm9ib3Q6dGhlLWtleQ=="},
		"signature": {`auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.admin_key
    message   = "${request.target}"
    headers   = { X-Key = connection.org, X-Signature = signature }
  }`, `{ org = secret.api_key, admin_key = "k" }`, "X-Key", "the-key"},
		"another that applies": {`auth "bearer" {
    when  = connection.org == "main"
    token = connection.admin_key
  }
  auth "header" {
    when    = connection.org == null
    headers = { X-Key = connection.admin_key }
  }`, "{ org = null, admin_key = secret.api_key }", "X-Key", "the-key"},
	} {
		t.Run(name, func(t *testing.T) {
			src := withCommon("    headers = { X-Of = connection.org }",
				`auth "bearer" { token = connection.admin_key }`, test.auth,
				"    get     = \"/me\"\n    headers = { Authorization = \"Bearer ${secret.api_key}\" }\n", "    get = \"/orgs/${connection.org}\"\n    credential = "+test.credential+"\n")
			f := newFake(t)
			f.on("GET /v1/orgs/main", 200, object{})
			if alive, err := f.client(t, src, nil).Probe(t.Context(), Values{"api_key": "the-key"}); err != nil || alive != Alive {
				t.Fatal(alive, err)
			}
			_, header := f.last()
			if got := header.Get(test.header); got != test.want {
				t.Errorf("%s is %q and not %q", test.header, got, test.want)
			}
			if given := strings.Contains(test.credential, "org"); given == (header.Get("X-Of") == "main") {
				t.Error("what is common is computed with the connection's own")
			}
			for name, lines := range header {
				if strings.Contains(strings.Join(lines, " "), adminKey) {
					t.Errorf("%s carries the admin credential", name)
				}
			}
		})
	}
}

// TestProbeAsksWhereTheKeyWasMade: what a probe says of the connection, itself or in what
// signs it, is that of when the key was made, where the handle was kept for it.
func TestProbeAsksWhereTheKeyWasMade(t *testing.T) {
	const plain = "    get     = \"/me\"\n    headers = { Authorization = \"Bearer ${secret.api_key}\" }\n"
	for name, test := range map[string]struct {
		probe, auth string
		mentions    bool // a field of the connection
	}{
		"nothing of the connection": {plain, `auth "bearer" { token = connection.admin_key }`, false},
		"in its query": {strings.Replace(plain, "headers", "query   = { org = connection.org }\n    headers", 1),
			`auth "bearer" { token = connection.admin_key }`, true},
		"in what tells that it works": {plain + "    alive = status == 200 && connection.org == \"main\"\n",
			`auth "bearer" { token = connection.admin_key }`, true},
		"in what signs it": {"    get = \"/me\"\n    credential = { admin_key = secret.api_key }\n",
			"auth \"basic\" {\n    username = connection.org\n    password = connection.admin_key\n  }", true},
	} {
		t.Run(name, func(t *testing.T) {
			src := withCommon("", plain, test.probe, `auth "bearer" { token = connection.admin_key }`, test.auth)
			f := newFake(t)
			f.do("GET /v1/me", func(w http.ResponseWriter, r *http.Request) {
				user, _, signed := r.BasicAuth()
				if r.URL.Query().Get("org") == "other" || signed && user != "main" {
					w.WriteHeader(http.StatusUnauthorized)
				}
			})
			kept := f.client(t, src, Values{"org": "main"}).KeepForProbe(Handle{ID: "i"}, Values{"api_key": "the-key"})
			now := f.client(t, src, Values{"org": "other"})
			if !now.ProbesWhereMade(kept) {
				t.Errorf("the handle keeps %v of the connection", kept.Connection)
			}
			if alive, err := now.ProbeKept(t.Context(), kept); err != nil || alive != Alive {
				t.Error(alive, err)
			}
			kept.Connection = nil // as one that an earlier version kept
			if now.ProbesWhereMade(kept) == test.mentions {
				t.Errorf("without them it is asked the same: %t", !test.mentions)
			}
		})
	}
}

// TestGivenCredentialOfOneRequest: the requests after it are the connection's again.
func TestGivenCredentialOfOneRequest(t *testing.T) {
	src := strings.Replace(wholeDefinition, "    delete = \"/projects/${role.project}/keys/${key.id}\"\n    query  = { owner = saved.owner }\n    gone   = [404]\n", `    step "look" {
      get        = "/self"
      credential = { admin_key = saved.owner }
      save       = { self = body.id }
    }
    step "delete" {
      delete = "/projects/${role.project}/keys/${saved.self}"
      query  = { id = key.id }
    }
`, 1)
	f := newFake(t)
	f.on("GET /v1/self", 200, object{"id": "i"})
	f.on("DELETE /v1/projects/p1/keys/i", 204, "")
	c := f.client(t, src, nil)
	if err := c.Revoke(t.Context(), Handle{ID: "i", Role: Values{"project": "p1"}, Saved: Values{"owner": "the-owner"}}); err != nil {
		t.Fatal(err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.headers[0].Get("Authorization") != "Bearer the-owner" || f.headers[1].Get("Authorization") != "Bearer "+adminKey {
		t.Errorf("they carry %q and %q", f.headers[0].Get("Authorization"), f.headers[1].Get("Authorization"))
	}
}

func TestGivenCredentialMistakes(t *testing.T) {
	probe := func(more string) string {
		return strings.Replace(wholeDefinition, "    headers = { Authorization = \"Bearer ${secret.api_key}\" }\n", more, 1)
	}
	two := strings.Replace(probe("    credential = { admin_key = secret.api_key }\n"), `auth "bearer"`, "connection \"other\" { sensitive = true }\n  auth \"header\" { headers = { X-Other = connection.other } }\n  auth \"bearer\"", 1)
	for name, test := range map[string]struct{ src, want string }{
		"unknown field":    {probe("credential = { admn_key = secret.api_key }\n"), `did you mean "admin_key"?`},
		"in part":          {two, "Without other = … in credential this request would carry the connection's own"},
		"nothing of it":    {probe("credential = { org = secret.api_key }\n"), "Without admin_key = …"},
		"not written out":  {probe("credential = secret\n"), "must be written out"},
		"beside auth":      {probe("credential = { admin_key = secret.api_key }\n auth \"bearer\" { token = secret.api_key }\n"), "keep one"},
		"wrong type":       {probe("credential = { admin_key = [secret.api_key] }\n"), "Write a string"},
		"out of its place": {probe("credential = { admin_key = key.id }\n"), "key means nothing here"},
		"of a login": {strings.Replace(wholeDefinition, `auth "bearer" { token = connection.admin_key }`, `auth "login" {
    request {
      post       = "/login"
      credential = { admin_key = connection.org }
    }
    token = body.token
  }`, 1), "carries none"},
	} {
		if _, err := Parse("acme.hcl", []byte(test.src)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, not %q", name, err, test.want)
		}
	}
	mustParse(t, strings.Replace(two, "secret.api_key }\n", "secret.api_key, other = null }\n", 1))
}

// listingFirst is wholeDefinition with a revocation that reads the list before.
var listingFirst = strings.Replace(wholeDefinition, "  revoke {\n", "  revoke {\n    list_first = true\n", 1)

// TestListFirst: a key that the list does not show is gone, and nothing is deleted; where
// the list does not prove that, the key is deleted.
func TestListFirst(t *testing.T) {
	const list, more, remove = "GET /v1/projects/p1/keys", "GET /v1/projects/p1/keys?after=2", "DELETE /v1/projects/p1/keys/k3?owner=o"
	item := func(id any) object { return object{"id": id, "name": "n", "owner": "o"} }
	for name, test := range map[string]struct {
		first, second any // the pages
		status        int // of the list; 200 where it is 0
		missing       bool
		failed        bool
		want          []string
	}{
		"not there":              {first: object{"data": []any{item("k1")}, "more": false}, missing: true, want: []string{list}},
		"nothing there":          {first: object{"data": []any{}, "more": false}, missing: true, want: []string{list}},
		"there":                  {first: object{"data": []any{item("k1"), item("k3")}, "more": false}, want: []string{list, remove}},
		"there, and no more":     {first: object{"data": []any{item("k3")}, "more": true, "last": 2}, want: []string{list, remove}},
		"on the second page":     {first: object{"data": []any{item("k1")}, "more": true, "last": 2}, second: object{"data": []any{item("k3")}, "more": false}, want: []string{list, more, remove}},
		"not there, twice":       {first: object{"data": []any{item("k1")}, "more": true, "last": 2}, second: object{"data": []any{item("k2")}, "more": false}, missing: true, want: []string{list, more, list, more}},
		"something without id":   {first: object{"data": []any{item("k1"), object{"name": "x"}}, "more": false}, want: []string{list, remove}},
		"something with null id": {first: object{"data": []any{item(nil)}, "more": false}, want: []string{list, remove}},
		"null in its place":      {first: object{"data": nil, "more": false}, want: []string{list, remove}},
		"no list":                {first: object{"more": false}, failed: true, want: []string{list}},
		"refused":                {first: object{"error": "no"}, status: http.StatusForbidden, failed: true, want: []string{list}},
		"not found":              {first: object{"error": "no"}, status: http.StatusNotFound, failed: true, want: []string{list}},
		"in trouble":             {first: object{"error": "no"}, status: http.StatusInternalServerError, failed: true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			f := newFake(t)
			f.do(list, func(w http.ResponseWriter, r *http.Request) {
				page := test.first
				if r.URL.Query().Get("after") != "" {
					page = test.second
				}
				w.WriteHeader(cmp.Or(test.status, http.StatusOK))
				_ = json.NewEncoder(w).Encode(page)
			})
			f.on("DELETE /v1/projects/p1/keys/k3", 204, "")
			missing, err := f.client(t, listingFirst, nil).Delete(t.Context(), Handle{ID: "k3", Name: "k", Role: Values{"project": "p1"}, Saved: Values{"owner": "o"}})
			if missing != test.missing || (err != nil) != test.failed {
				t.Errorf("missing is %t, and the error %v", missing, err)
			}
			if test.want != nil && !slices.Equal(f.seen(), test.want) {
				t.Errorf("asked was %q and not %q", f.seen(), test.want)
			}
			if test.failed && slices.Contains(f.seen(), remove) {
				t.Error("it deletes without having looked")
			}
		}))
	}
}

// TestListFirstOfALongList: where the list takes longer than there is time, the key is deleted
// in what is left of that.
func TestListFirstOfALongList(t *testing.T) {
	inBubble(func(t *testing.T) {
		f, page := newFake(t), 0
		f.do("GET /v1/projects/p1/keys", func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(time.Second)
			page++
			_ = json.NewEncoder(w).Encode(object{"data": []any{object{"id": fmt.Sprint("other-", page), "name": "n", "owner": "o"}}, "more": true, "last": page})
		})
		f.on("DELETE /v1/projects/p1/keys/k3", 204, "")
		client := f.client(t, listingFirst, nil)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		missing, err := client.Delete(ctx, Handle{ID: "k3", Name: "k", Role: Values{"project": "p1"}, Saved: Values{"owner": "o"}})
		if missing || err != nil || !slices.Contains(f.seen(), "DELETE /v1/projects/p1/keys/k3?owner=o") {
			t.Errorf("missing is %t, and the error %v; asked was %q", missing, err, f.seen())
		}
	})(t)
}

func TestListFirstMistakes(t *testing.T) {
	start, end := strings.Index(listingFirst, "  list {"), strings.Index(listingFirst, "  lookup {")
	for name, test := range map[string]struct{ src, want string }{
		"no list":     {listingFirst[:start] + listingFirst[end:], "There is no list that could be read first"},
		"no truth":    {strings.Replace(listingFirst, "list_first = true", `list_first = "yes"`, 1), "must be written out"},
		"not in step": {strings.Replace(wholeDefinition, "    gone   = [404]\n", "    gone   = [404]\n    lists_first = true\n", 1), `did you mean "list_first"?`},
	} {
		if _, err := Parse("acme.hcl", []byte(test.src)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, not %q", name, err, test.want)
		}
	}
}

// likeTheList is wholeDefinition with a rotation whose list says only what differs.
func likeTheList(list string) string {
	src := strings.Replace(wholeDefinition, "    get   = \"/projects/${role.project}/keys\"\n    query = { after = page.after }\n", "    get   = \"/keys\"\n    query = { after = page.after, p = role.project }\n", 1)
	return strings.Replace(src, "  key_name {", `  rotate {
    post       = "/admins"
    json       = { name = key.name }
    connection = { admin_key = body.key }
    save       = { old = body.old }
    retire { delete = "/admins/${saved.old}" }
    list {
`+list+`    }
  }
  key_name {`, 1)
}

// TestListOfRotateIsAsTheList: what a list of rotate without items does not say is as in
// the provider's list.
func TestListOfRotateIsAsTheList(t *testing.T) {
	for name, test := range map[string]struct {
		list string
		want []string
	}{
		"another query": {"query = { after = page.after }\n item = { name = item.name, old = item.id }\n", []string{"GET /v1/keys", "GET /v1/keys?after=2"}},
		"another path":  {"get = \"/admins\"\n query = { after = page.after }\n item = { name = item.name, old = item.id }\n", []string{"GET /v1/admins", "GET /v1/admins?after=2"}},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			f := newFakeOf(t, func(w http.ResponseWriter, r *http.Request) {
				page := object{"data": []any{object{"id": "a1", "name": "other"}}, "more": true, "last": 2}
				if r.URL.Query().Get("after") != "" {
					page = object{"data": []any{object{"id": "a2", "name": "rot-1"}}, "more": false}
				}
				_ = json.NewEncoder(w).Encode(page)
			})
			found, err := f.client(t, likeTheList(test.list), nil).FindOrphanCredentials(t.Context(), "rot-1", "rot-1")
			if err != nil || len(found.Found) != 1 || found.Found[0].Saved["old"] != "a2" {
				t.Fatalf("%+v, %v", found, err)
			}
			if !slices.Equal(f.seen(), test.want) {
				t.Errorf("asked was %q", f.seen())
			}
		}))
	}
	_, err := Parse("acme.hcl", []byte(likeTheList("item = { name = item.name, old = item.id }\n")))
	if err == nil || !strings.Contains(err.Error(), "names role.project, which no rotation knows: write query here") {
		t.Errorf("a role is not missed: %v", err)
	}
	if _, err := Parse("acme.hcl", []byte(likeTheList("get = \"/admins\"\n items = body.data\n item = { name = item.name, old = item.id }\n"))); err != nil {
		t.Errorf("a list with items is not its own: %v", err)
	}
}

// TestCommonRequestsAreShown: what is shown of a request has in it what it does not say
// itself.
func TestCommonRequestsAreShown(t *testing.T) {
	src := strings.NewReplacer("  check { get", "  requests {\n    post = \"/rpc\"\n    query = { v = 2 }\n    json = { by = \"vault\" }\n  }\n  check { get",
		"    post = \"/projects/${role.project}/keys\"\n", "    query = { p = role.project }\n",
		"    headers = { Authorization = \"Bearer ${secret.api_key}\" }\n", "    credential = { admin_key = secret.api_key }\n").Replace(likeTheList("query = { after = page.after }\n item = { name = item.name, old = item.id }\n"))
	byBlock := map[string]Request{}
	for _, r := range mustParse(t, src).Requests() {
		byBlock[r.Block] = r
	}
	issue := byBlock["issue"]
	for _, test := range []struct{ got, want string }{
		{issue.Method + " " + issue.Path, "POST /rpc"},
		{issue.Query, "merge({ v = 2 }, { p = role.project })"},
		{strings.Join(strings.Fields(issue.Body), " ")[:40], `merge({ by = "vault" }, { name = key.nam`},
		{byBlock["check"].Method + " " + byBlock["check"].Path + " " + byBlock["check"].Query, "GET /me { v = 2 }"},
		{byBlock["probe"].Auth, "credential = { admin_key = secret.api_key }"},
		{byBlock["rotate list"].Path + " " + byBlock["rotate list"].Query, "/keys merge({ v = 2 }, { after = page.after })"},
	} {
		if test.got != test.want {
			t.Errorf("shown is\n%s\nand not\n%s", test.got, test.want)
		}
	}
	if _, shown := byBlock["requests"]; shown || len(byBlock) != 10 {
		t.Errorf("%d requests are shown: %v", len(byBlock), byBlock)
	}
}
