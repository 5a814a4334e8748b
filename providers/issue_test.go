package providers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// scriptSteps makes every request of stepsDefinition succeed.
func scriptSteps(f *fake) {
	f.on("POST /v1/accounts", 201, object{"id": "a1"})
	f.on("POST /v1/accounts/a1/keys", 201, object{"id": "k1", "key": "sk-value-1"})
	f.on("PUT /v1/accounts/a1/grants/k1", 200, object{})
	f.on("DELETE /v1/accounts/a1/keys/k1", 204, "")
	f.on("DELETE /v1/accounts/a1", 204, "")
}

func TestSteps(t *testing.T) {
	f := newFake(t)
	scriptSteps(f)
	c := f.client(t, stepsDefinition, nil)
	key, err := c.Issue(t.Context(), KeyRequest{Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	want := Handle{Name: "n", ID: "k1", Saved: Values{"account": "a1"}}
	if !reflect.DeepEqual(key.Handle, want) {
		t.Errorf("the handle is %#v: it keeps what revoke needs and no more", key.Handle)
	}
	// The handle is enough after a round through storage.
	text, err := json.Marshal(key.Handle)
	if err != nil {
		t.Fatal(err)
	}
	var stored Handle
	if err := json.Unmarshal(text, &stored); err != nil {
		t.Fatal(err)
	}
	f.on("DELETE /v1/accounts/a1/keys/k1", 404, "")
	if err := c.Revoke(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	calls := f.seen()
	if !slices.Equal(calls[3:], []string{"DELETE /v1/accounts/a1/keys/k1", "DELETE /v1/accounts/a1"}) {
		t.Errorf("revoke asks %q", calls[3:])
	}
}

func TestBackingOut(t *testing.T) {
	const (
		account, key, grant  = "POST /v1/accounts", "POST /v1/accounts/a1/keys", "PUT /v1/accounts/a1/grants/k1"
		undoKey, undoAccount = "DELETE /v1/accounts/a1/keys/k1", "DELETE /v1/accounts/a1"
	)
	tests := []struct {
		name     string
		script   func(f *fake)
		calls    []string
		kind     Kind
		leftover []string
	}{
		{"first step refused", func(f *fake) { f.on(account, 400, "{}") },
			[]string{account}, Refused, nil},
		{"second step refused", func(f *fake) { f.on(key, 400, "{}") },
			[]string{account, key, undoAccount}, Refused, nil},
		{"third step refused: newest undone first", func(f *fake) { f.on(grant, 403, "{}") },
			[]string{account, key, grant, undoKey, undoAccount}, Refused, nil},
		{"third step unknown", func(f *fake) { f.do(grant, dropConnection) },
			[]string{account, key, grant, undoKey, undoAccount}, Unknown, nil},
		{"second step unknown, its own undo lacks the id", func(f *fake) { f.do(key, dropConnection) },
			[]string{account, key, undoAccount}, Unknown, nil},
		{"what it was built on is undone, so the rest is gone", func(f *fake) { f.on(grant, 403, "{}"); f.on(undoKey, 404, "{}") },
			[]string{account, key, grant, undoKey, undoAccount}, Refused, nil},
		{"too young to be known", func(f *fake) { f.on(grant, 403, "{}"); f.on(undoKey, 404, "{}"); f.on(undoAccount, 404, "{}") },
			[]string{account, key, grant, undoKey, undoAccount}, Refused, []string{"key", "account"}},
		{"an undo fails, the others run", func(f *fake) { f.on(grant, 403, "{}"); f.on(undoKey, 403, "{}") },
			[]string{account, key, grant, undoKey, undoAccount}, Refused, []string{"key"}},
		{"the secret is missing", func(f *fake) { f.on(key, 201, object{"id": "k1", "key": ""}) },
			[]string{account, key, grant, undoKey, undoAccount}, Refused, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := newFake(t)
			scriptSteps(f)
			test.script(f)
			c := f.client(t, stepsDefinition, nil)
			_, err := c.Issue(t.Context(), KeyRequest{Name: "n"})
			var e *Error
			if !errors.As(err, &e) || e.Kind != test.kind {
				t.Fatalf("the error is %+v", err)
			}
			if calls := f.seen(); !slices.Equal(calls, test.calls) {
				t.Errorf("it asks %q", calls)
			}
			if test.leftover == nil {
				if e.Leftover != nil {
					t.Errorf("%+v is left over", e.Leftover)
				}
				return
			}
			if e.Leftover == nil || !slices.Equal(e.Leftover.Undo, test.leftover) || NothingMade(err) {
				t.Fatalf("%+v is left over", e.Leftover)
			}
			f.on(undoKey, 204, "")
			if err := c.Undo(t.Context(), *e.Leftover, nil, true); err != nil {
				t.Errorf("the rest cannot be undone: %v", err)
			}
		})
	}
}

// The caller's context has ended, and what was made is undone all the same.
func TestBackingOutOutlivesTheCaller(t *testing.T) {
	f := newFake(t)
	scriptSteps(f)
	ctx, cancel := context.WithCancel(t.Context())
	f.do("POST /v1/accounts/a1/keys", func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	_, err := f.client(t, stepsDefinition, nil).Issue(ctx, KeyRequest{Name: "n"})
	if KindOf(err) != Unknown || !slices.Contains(f.seen(), "DELETE /v1/accounts/a1") {
		t.Errorf("%v after %q", err, f.seen())
	}
}

// TestUndoOfWhatIsNotFound: that it is not found is believed once it cannot be too
// young for that.
func TestUndoOfWhatIsNotFound(t *testing.T) {
	f := newFake(t)
	f.on("DELETE /v1/accounts/a1", 404, "{}")
	f.on("DELETE /v1/accounts/a1/keys/k1", 204, "")
	c := f.client(t, stepsDefinition, nil)
	left := Leftover{Undo: []string{"key", "account"}, Handle: Handle{Name: "n", Saved: Values{"account": "a1", "key": "k1"}}}
	var e *Error
	if err := c.Undo(t.Context(), left, nil, false); !errors.As(err, &e) || e.Leftover == nil || !slices.Equal(e.Leftover.Undo, []string{"account"}) {
		t.Errorf("before that: %v", err)
	}
	if err := c.Undo(t.Context(), left, nil, true); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// TestDelete tells a deletion from the answer that there is no such key.
func TestDelete(t *testing.T) {
	const key, account = "DELETE /v1/accounts/a1/keys/k1", "DELETE /v1/accounts/a1"
	for name, test := range map[string]struct {
		key, account int
		missing      bool
		kind         Kind
	}{
		"deleted":            {key: 204, account: 204},
		"missing":            {key: 404, account: 404, missing: true},
		"a part is missing":  {key: 404, account: 204, missing: true},
		"refused":            {key: 403, kind: Refused},
		"missing, then 500":  {key: 404, account: 500, kind: Unknown},
		"missing in the end": {key: 204, account: 404, missing: true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on(key, test.key, "{}")
			f.on(account, test.account, "{}")
			missing, err := f.client(t, stepsDefinition, nil).Delete(t.Context(), Handle{Name: "n", ID: "k1", Saved: Values{"account": "a1"}})
			if fails := test.kind != 0 || test.account == 500; missing != test.missing || (err != nil) != fails || fails && KindOf(err) != test.kind {
				t.Errorf("missing is %v and the error %v", missing, err)
			}
		})
	}
}

func TestUndoThatFails(t *testing.T) {
	f := newFake(t)
	f.on("DELETE /v1/accounts/a1", 403, "{}")
	left := Leftover{Undo: []string{"key", "account"}, Handle: Handle{Name: "n", Saved: Values{"account": "a1", "key": "k1"}}}
	err := f.client(t, stepsDefinition, nil).Undo(t.Context(), left, nil, true)
	var e *Error
	if !errors.As(err, &e) || e.Leftover == nil || !slices.Equal(e.Leftover.Undo, []string{"account"}) {
		t.Errorf("the error is %+v", e)
	}
}

// A single request whose answer has the id and no secret: nobody can use the
// key, so it is revoked at once.
func TestKeyWithoutSecretIsRevoked(t *testing.T) {
	f := newFake(t)
	f.on("POST /v1/projects/p1/keys", 201, object{"id": "i", "owner": "o"})
	f.on("DELETE /v1/projects/p1/keys/i", 204, "")
	_, err := f.client(t, wholeDefinition, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: Values{"project": "p1"}})
	if KindOf(err) != Unknown || !slices.Contains(f.seen(), "DELETE /v1/projects/p1/keys/i?owner=o") {
		t.Errorf("%v after %q", err, f.seen())
	}
}

const sealedDefinition = `provider "sealed" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "basic" {
    username = "api"
    password = connection.admin_key
  }
  issue {
    post   = "/keys"
    form   = { description = key.name }
    ID
    secret = { api_key = body.key, user = body.user }
  }
  REVOKE
}
`

func TestSealed(t *testing.T) {
	const byID = `revoke { delete = "/keys/${key.id}" }`
	for name, test := range map[string]struct {
		id, revoke string
		sealed     bool
	}{
		"plain id":               {"id = body.id", byID, false},
		"the id is the key":      {"id = body.key", byID, true},
		"the id holds the key":   {`id = "x-${body.key}"`, byID, true},
		"the id has the admin's": {"id = connection.admin_key", byID, true},
		"the key is saved":       {"id = body.id\n save = { k = body.key }", "revoke {\n post = \"/revoke\"\n json = { key = saved.k }\n}", true},
		"saved and not needed":   {"id = body.id\n save = { k = body.key }", byID, false},
		"revoke needs the key":   {"id = body.id", "revoke {\n post = \"/revoke\"\n json = { key = secret.api_key }\n}", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on("POST /v1/keys", 200, object{"id": "i", "key": "sk-value-1", "user": "u"})
			src := strings.NewReplacer("ID", test.id, "REVOKE", test.revoke).Replace(sealedDefinition)
			c := f.client(t, src, nil)
			key, err := c.Issue(t.Context(), KeyRequest{Name: "n"})
			if err != nil {
				t.Fatal(err)
			}
			if key.Handle.Sealed != test.sealed || c.def.Capabilities.SealedRecord != test.sealed {
				t.Errorf("sealed: %v, capability: %v", key.Handle.Sealed, c.def.Capabilities.SealedRecord)
			}
			stored, _ := json.Marshal(key.Handle)
			if strings.Contains(string(stored), "sk-value-1") && !key.Handle.Sealed {
				t.Errorf("an open record holds the key: %s", stored)
			}
			body, header := f.last()
			if body != "description=n" || header.Get("Content-Type") != "application/x-www-form-urlencoded" {
				t.Errorf("the request says %s", body)
			}
		})
	}
}

func TestKnownHandle(t *testing.T) {
	f := newFake(t)
	src := strings.NewReplacer("ID", `save = { place = "x-${key.name}", other = body.other }
    id = uuidv5("url", key.name)`, "REVOKE", `revoke { delete = "/keys/${key.id}/${saved.place}" }`).Replace(sealedDefinition)
	f.on("POST /v1/keys", 200, object{"key": "sk-value-1", "user": "u", "other": 1})
	c := f.client(t, src, nil)
	req := KeyRequest{Name: "n"}
	known, ok := c.KnownHandle(req)
	if !ok || !c.def.Capabilities.KnownID {
		t.Fatal("the id needs no answer, and is not known")
	}
	key, err := c.Issue(t.Context(), req)
	if err != nil || !reflect.DeepEqual(key.Handle, known) {
		t.Errorf("the key is %#v, known was %#v (%v)", key, known, err)
	}
	if _, ok := f.client(t, wholeDefinition, nil).KnownHandle(acmeRequest); ok {
		t.Error("an id that the answer gives is known before")
	}
}

// An id that holds what its role or its connection gave is told from one that the provider
// chose, whatever the requests mention.
func TestHandleKeepsWhatItsIdHolds(t *testing.T) {
	const src = `provider "acme" {
  base_url = "https://api.acme.example"
  connection {
    admin_key = { sensitive = true }
    tenant    = {}
    region    = {}
  }
  auth "bearer" { token = connection.admin_key }
  role {
    user   = {}
    scopes = { type = list(string) }
  }
  issue {
    put    = "/users"
    json   = { user = role.user, scopes = role.scopes, region = connection.region }
    secret = { api_key = body.key }
    id     = ID
  }
  revoke { delete = "/users/${key.id}" }
}
`
	connection := Values{"tenant": "acme-of-europe", "region": "west"}
	role := Values{"user": "reports", "scopes": []any{"reports"}}
	for name, test := range map[string]struct {
		id               string
		role, connection Values
	}{
		"the provider's":     {"body.id", nil, nil},
		"the role's":         {"role.user", Values{"user": "reports"}, nil},
		"of both, by answer": {`"${body.tenant}/users/${body.user}"`, Values{"user": "reports"}, Values{"tenant": "acme-of-europe"}},
		"of a secret":        {`"${body.id}-${connection.admin_key}"`, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on("PUT /v1/users", 200, object{"id": "7f3a", "user": "reports", "tenant": "acme-of-europe", "key": "sk-value-1"})
			c := f.client(t, strings.Replace(src, "ID", test.id, 1), connection)
			key, err := c.Issue(t.Context(), KeyRequest{Name: "n", Role: role})
			if err != nil {
				t.Fatal(err)
			}
			if h := key.Handle; !maps.Equal(h.Role, test.role) || !maps.Equal(h.Connection, test.connection) {
				t.Errorf("the handle of %s keeps %v and %v, want %v and %v", h.ID, h.Role, h.Connection, test.role, test.connection)
			}
		})
	}
}

func TestPoll(t *testing.T) {
	f := newFake(t)
	src := strings.NewReplacer("ID", `id = body.id
    poll {
      get     = "/operations/${body.operation}"
      until   = body.done
      ok      = try(body.error, null) == null
      every   = "100ms"
      timeout = "5s"
    }`, "REVOKE", `revoke { delete = "/keys/${key.id}" }`).Replace(sealedDefinition)
	f.on("POST /v1/keys", 200, object{"operation": "op1"})
	polls := 0
	f.do("GET /v1/operations/op1", func(w http.ResponseWriter, _ *http.Request) {
		polls++
		fmt.Fprintf(w, `{"done":%v,"id":"i","key":"sk-value-1","user":"u"}`, polls == 3)
	})
	key, err := f.client(t, src, nil).Issue(t.Context(), KeyRequest{Name: "n"})
	if err != nil || key.Handle.ID != "i" || key.Value != "sk-value-1" || polls != 3 {
		t.Fatalf("%v, %v after %d polls", key, err, polls)
	}
	f.on("GET /v1/operations/op1", 200, object{"done": true, "error": "quota"})
	if _, err := f.client(t, src, nil).Issue(t.Context(), KeyRequest{Name: "n"}); err == nil || KindOf(err) != Unknown {
		t.Errorf("an operation that failed: %v", err)
	}
	f.on("GET /v1/operations/op1", 200, object{"done": false})
	short := strings.Replace(src, `"5s"`, `"150ms"`, 1)
	begin := time.Now()
	if _, err := f.client(t, short, nil).Issue(t.Context(), KeyRequest{Name: "n"}); KindOf(err) != Unknown || !strings.Contains(err.Error(), "in time") || time.Since(begin) > 3*time.Second {
		t.Errorf("an operation that never ends: %v", err)
	}
}

func TestAuthKinds(t *testing.T) {
	for name, test := range map[string]struct {
		auth   string
		header string
		want   string
		query  string
	}{
		"bearer":        {`auth "bearer" { token = connection.admin_key }`, "Authorization", "Bearer " + adminKey, ""},
		"basic":         {"auth \"basic\" {\n username = \"u\"\n password = connection.admin_key\n}", "Authorization", "Basic dTphZG1pbi1zM2NyZXQtdmFsdWU=", ""},
		"header":        {`auth "header" { headers = { X-Key = connection.admin_key, X-None = null } }`, "X-Key", adminKey, ""},
		"query":         {`auth "query" { query = { key = connection.admin_key } }`, "", "", "key=" + adminKey},
		"when it holds": {"auth \"bearer\" {\n token = \"x\"\n when = false\n}\n auth \"bearer\" {\n token = connection.admin_key\n when = connection.admin_key != null\n}", "Authorization", "Bearer " + adminKey, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on("GET /v1/me", 200, "{}")
			src := strings.Replace(wholeDefinition, `auth "bearer" { token = connection.admin_key }`, test.auth, 1)
			if err := f.client(t, src, nil).Check(t.Context()); err != nil {
				t.Fatal(err)
			}
			_, header := f.last()
			if got := header.Get(test.header); test.header != "" && got != test.want {
				t.Errorf("it sends %q", got)
			}
			if !strings.HasSuffix(f.seen()[0], test.query) {
				t.Errorf("it asks %q", f.seen())
			}
		})
	}
}

// A credential that no header can carry is the operator's mistake, told
// without quoting it.
func TestBadCredential(t *testing.T) {
	_, err := NewClient(mustParse(t, wholeDefinition), Settings{Values: Values{"admin_key": "s3cret\r\nX: y"}})
	if err == nil || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error is %v", err)
	}
}
