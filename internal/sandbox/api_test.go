package sandbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vault-plugin-secrets-apikeys/internal/sandbox"
)

func TestStrictness(t *testing.T) {
	for name, tt := range map[string]struct {
		request, body, kind string
		status              int
		says                string
	}{
		"unknown field":      {"POST /v1/keys", `{"name": "a", "colour": "red"}`, "application/json", 400, `unknown field "colour"`},
		"field in capitals":  {"POST /v1/keys", `{"NAME": "a"}`, "application/json", 400, `unknown field "NAME"`},
		"number for name":    {"POST /v1/keys", `{"name": 5}`, "application/json", 400, "name must be a string"},
		"null":               {"POST /v1/keys", `{"name": "a", "owner": null}`, "application/json", 400, "owner must be a string"},
		"text for scopes":    {"POST /v1/keys", `{"name": "a", "scopes": "read"}`, "application/json", 400, "scopes must be a list"},
		"empty scope":        {"POST /v1/keys", `{"name": "a", "scopes": [""]}`, "application/json", 400, "scopes must hold words"},
		"no name":            {"POST /v1/keys", `{}`, "application/json", 400, "name is required"},
		"name too long":      {"POST /v1/keys", `{"name": "` + strings.Repeat("a", 65) + `"}`, "application/json", 400, "name must be 1 to 64"},
		"unix time":          {"POST /v1/keys", `{"name": "a", "expires_at": 1893456000}`, "application/json", 400, "expires_at must be a time"},
		"past":               {"POST /v1/keys", `{"name": "a", "expires_at": "2020-01-01T00:00:00Z"}`, "application/json", 400, "in the future"},
		"bad network":        {"POST /v1/keys", `{"name": "a", "allowed_cidrs": ["10.0.0.0/33"]}`, "application/json", 400, "allowed_cidrs must be a list of networks"},
		"empty network":      {"POST /v1/keys", `{"name": "a", "allowed_cidrs": [""]}`, "application/json", 400, "allowed_cidrs must be a list of networks"},
		"not JSON":           {"POST /v1/keys", `name=a`, "application/json", 400, "not a JSON object"},
		"two bodies":         {"POST /v1/keys", `{"name": "a"}{}`, "application/json", 400, "not a JSON object"},
		"list":               {"POST /v1/keys", `[]`, "application/json", 400, "not a JSON object"},
		"form":               {"POST /v1/keys", `name=a`, "application/x-www-form-urlencoded", 415, "application/json"},
		"large":              {"POST /v1/keys", `{"name": "` + strings.Repeat("a", 1<<20) + `"}`, "application/json", 413, "1 MiB"},
		"limit 0":            {"GET /v1/keys?limit=0", "", "", 400, "limit must be"},
		"limit 101":          {"GET /v1/keys?limit=101", "", "", 400, "limit must be"},
		"bad cursor":         {"GET /v1/keys?cursor=3", "", "", 400, "cursor"},
		"unknown parameter":  {"GET /v1/keys?offset=3", "", "", 400, `"offset"`},
		"no such key":        {"GET /v1/keys/key_x", "", "", 404, "no such key"},
		"no such account":    {"POST /v1/accounts/acc_x/keys", `{"name": "a"}`, "application/json", 404, "no such account"},
		"no such path":       {"GET /v2/keys", "", "", 404, "nothing at this path"},
		"extend without end": {"PATCH /v1/keys/key_x", `{}`, "application/json", 404, "no such key"},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			req := b.request(t.Context(), admin, tt.request, tt.body)
			req.Header.Set("Content-Type", tt.kind)
			r := b.send(req)
			if r.status != tt.status || !strings.Contains(r.message(), tt.says) {
				t.Errorf("got %d %q, want %d with %q", r.status, r.body, tt.status, tt.says)
			}
			if live := b.LiveKeys(); len(live) > 0 {
				t.Errorf("a refused request made %v", live)
			}
		})
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	b := start(t)
	_, secret := b.mint("plain")
	reader := b.expect(201, admin, "POST /v1/keys", `{"name": "reader", "scopes": ["read"]}`).text("key")
	for _, tt := range []struct {
		bearer, request string
		status          int
	}{
		{"wrong", "GET /v1/keys", 401},
		{"", "POST /v1/keys", 401},
		{"wrong", "GET /v1/whoami", 401},
		{secret, "GET /v1/keys", 403},
		{secret, "GET /v1/data", 403},
		{admin, "GET /v1/data", 403},
		{reader, "GET /v1/data", 200},
		{secret, "GET /_sandbox/state", 401},
		{admin, "POST /_sandbox/faults", 401},
		{control, "GET /_sandbox/state", 200},
	} {
		b.expect(tt.status, tt.bearer, tt.request, "")
	}
	if who := b.expect(200, secret, "GET /v1/whoami", ""); who.text("name") != "plain" || who.json["admin"] != false {
		t.Errorf("whoami says %s", who.body)
	}
	if who := b.expect(200, admin, "GET /v1/whoami", ""); who.json["admin"] != true {
		t.Errorf("whoami says %s of the admin key", who.body)
	}
}

func TestLifeOfAKey(t *testing.T) {
	b := start(t)
	made := b.expect(201, admin, "POST /v1/keys", fmt.Sprintf(
		`{"name": "a", "scopes": ["read"], "owner": "team", "labels": {"k": "v"}, "expires_at": %q, "allowed_cidrs": ["127.0.0.0/8"]}`, b.in(time.Hour)))
	id, secret := made.text("id"), made.text("key")
	if !strings.HasPrefix(id, "key_") || !strings.HasPrefix(secret, "sbx_") {
		t.Fatalf("made %s", made.body)
	}
	if again := b.do(admin, "POST /v1/keys", `{"name": "a"}`); again.status != 409 || !strings.Contains(again.message(), "exists already") {
		t.Errorf("a second key of that name: %d %s", again.status, again.body)
	}
	if got := b.expect(200, admin, "GET /v1/keys/"+id, ""); got.text("owner") != "team" || strings.Contains(got.body, secret) {
		t.Errorf("reading it gives %s", got.body)
	}
	b.expect(200, secret, "GET /v1/whoami", "")
	b.expect(200, admin, "PATCH /v1/keys/"+id, fmt.Sprintf(`{"expires_at": %q}`, b.in(3*time.Hour)))
	b.advance(2 * time.Hour)
	b.expect(200, secret, "GET /v1/whoami", "")
	b.advance(2 * time.Hour)
	b.expect(401, secret, "GET /v1/whoami", "")
	b.expect(409, admin, "PATCH /v1/keys/"+id, fmt.Sprintf(`{"expires_at": %q}`, b.in(3*time.Hour)))
	if live, listed := b.live(), b.names("/v1/keys"); len(live) != 0 || len(listed) != 1 {
		t.Errorf("once expired, live are %v, listed %v", live, listed)
	}
	b.expect(204, admin, "DELETE /v1/keys/"+id, "")
	b.expect(404, admin, "DELETE /v1/keys/"+id, "")
	b.mint("a") // the name is free again

	all := b.FullState()
	if len(all.Keys) != 2 || all.Keys[0].Status != "deleted" || all.Keys[1].Status != "live" {
		t.Errorf("all keys are %+v", all.Keys)
	}
	if n := all.Counters; n.Issued != 2 || n.Deleted != 1 || n.DeleteAgain != 1 || n.Lists != 1 || n.Requests["DELETE /v1/keys/{id}"] != 2 {
		t.Errorf("counters are %+v", n)
	}
}

func TestNetworkBinding(t *testing.T) {
	b := start(t)
	for cidrs, status := range map[string]int{`[]`: 200, `["127.0.0.0/8"]`: 200, `["10.0.0.0/8", "::1/128"]`: 403} {
		secret := b.expect(201, admin, "POST /v1/keys", fmt.Sprintf(`{"name": "n%d", "allowed_cidrs": %s}`, len(cidrs), cidrs)).text("key")
		b.expect(status, secret, "GET /v1/whoami", "")
	}
}

func TestPages(t *testing.T) {
	b := start(t)
	want := []string{}
	for i := range 7 {
		name := fmt.Sprintf("k%d", i)
		id, _ := b.mint(name)
		if i%3 == 1 {
			b.expect(204, admin, "DELETE /v1/keys/"+id, "")
			continue
		}
		want = append(want, name)
	}
	got, cursor := []string{}, ""
	for {
		path := "/v1/keys?limit=2&cursor=" + url.QueryEscape(cursor)
		page := b.expect(200, admin, "GET "+path, "")
		got = append(got, b.names(path)...)
		if cursor = page.text("next_cursor"); cursor == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages give %v, want %v", got, want)
	}
	if named := b.names("/v1/keys?name=k3"); !slices.Equal(named, []string{"k3"}) {
		t.Errorf("by name: %v", named)
	}
	if named := b.names("/v1/keys?name=k1"); len(named) != 0 {
		t.Errorf("a deleted key by name: %v", named)
	}
}

func TestAccounts(t *testing.T) {
	b := start(t)
	account := "/v1/accounts/" + b.expect(201, admin, "POST /v1/accounts", `{"name": "a"}`).text("id")
	b.expect(409, admin, "POST /v1/accounts", `{"name": "a"}`)
	b.expect(200, admin, "PUT "+account+"/scopes", `{"scopes": ["read"]}`)
	made := b.expect(201, admin, "POST "+account+"/keys", `{"name": "k"}`)
	b.expect(400, admin, "POST "+account+"/keys", `{"name": "l", "scopes": ["read"]}`)
	b.expect(200, made.text("key"), "GET /v1/data", "")
	b.expect(204, admin, "DELETE "+account+"/scopes", "")
	b.expect(403, made.text("key"), "GET /v1/data", "")
	if keys, of := b.names("/v1/keys"), b.names(account+"/keys"); len(keys) != 0 || len(of) != 1 {
		t.Errorf("keys of nobody %v, of the account %v", keys, of)
	}
	b.expect(404, admin, "DELETE /v1/keys/"+made.text("id"), "")
	b.expect(409, admin, "DELETE "+account, "")
	b.expect(204, admin, "DELETE "+account+"?force=true", "")
	b.expect(401, made.text("key"), "GET /v1/whoami", "")
	b.expect(404, admin, "DELETE "+account, "")
	if st := b.FullState(); len(st.Accounts) != 0 || len(st.Keys) != 1 || st.Keys[0].Status != "deleted" || st.Counters.Deleted != 1 {
		t.Errorf("state is %+v", st)
	}
}

func TestAdminKeys(t *testing.T) {
	b := start(t)
	first := b.expect(200, admin, "GET /v1/whoami", "").text("id")
	b.expect(409, admin, "DELETE /v1/admin-keys/"+first, "")
	second := b.expect(201, admin, "POST /v1/admin-keys", `{"name": "second"}`).text("key")
	b.expect(204, second, "DELETE /v1/admin-keys/"+first, "")
	b.expect(401, admin, "GET /v1/admin-keys", "")
	b.expect(404, second, "DELETE /v1/admin-keys/"+first, "")
	b.expect(200, second, "GET /v1/keys", "")
	if left := b.State().AdminKeys; len(left) != 1 || left[0].Name != "second" {
		t.Errorf("admin keys are %+v", left)
	}
}

func TestChosenAdminKey(t *testing.T) {
	const chosen = "a-key-of-the-caller-s-choice"
	b := start(t)
	b.expect(400, admin, "PUT /v1/admin-keys/self/key", `{"key": "too-short"}`)
	b.expect(200, admin, "PUT /v1/admin-keys/self/key", `{"key": "`+chosen+`"}`)
	b.expect(401, admin, "GET /v1/whoami", "")
	b.expect(200, chosen, "PUT /v1/admin-keys/self/key", `{"key": "`+chosen+`"}`)
	second := b.expect(201, chosen, "POST /v1/admin-keys", `{"name": "second"}`).text("key")
	b.expect(409, second, "PUT /v1/admin-keys/self/key", `{"key": "`+chosen+`"}`)
	b.expect(200, chosen, "GET /v1/keys", "")
}

func TestManyAtOnce(t *testing.T) {
	b := start(t)
	b.add(sandbox.Fault{Kind: sandbox.CommitThen500, Count: new(20), Match: sandbox.Match{Method: "POST"}})
	const workers, each = 8, 50
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				r := b.do(admin, "POST /v1/keys", fmt.Sprintf(`{"name": "k-%d-%d"}`, w, i))
				if id := r.text("id"); id != "" && i%2 == 0 {
					b.do(admin, "DELETE /v1/keys/"+id, "")
				}
				b.do(admin, "GET /v1/keys", "")
				b.State()
			}
		})
	}
	wg.Wait()
	st := b.State()
	if st.Counters.Issued != workers*each || st.Counters.Faults[sandbox.CommitThen500] != 20 || len(st.Keys) != st.Counters.Issued-st.Counters.Deleted {
		t.Errorf("counters are %+v, with %d keys", st.Counters, len(st.Keys))
	}
	if st.Counters.Requests["GET /v1/keys"] != workers*each || len(st.Faults) != 0 {
		t.Errorf("requests %v, faults %v", st.Counters.Requests, st.Faults)
	}
}

func TestControlShutWithoutToken(t *testing.T) {
	b := start(t)
	b.Server = sandbox.New(sandbox.Options{})
	for _, bearer := range []string{"", b.AdminKey()} {
		req := b.request(t.Context(), bearer, "GET /_sandbox/state", "")
		w := httptest.NewRecorder()
		b.ServeHTTP(w, req)
		if w.Code != http.StatusUnauthorized {
			t.Errorf("without a control token, %q gets %d", bearer, w.Code)
		}
	}
}
