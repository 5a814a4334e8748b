package providers

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// undoneDefinition makes a key in steps of which some can be taken back, for a project that
// is made where the role names none.
const undoneDefinition = `provider "undone" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  role "project" { type = string }
  auth "header" { headers = { X-Admin = connection.admin_key } }

  issue {
    step "look" {
      get  = "/projects"
      save = { project = body.id }
    }
    step "project" {
      when = role.project == null
      post = "/projects"
      json = { name = key.name }
      undo {
        delete = "/projects/${saved.project}"
        gone   = [404]
      }
    }
    step "account" {
      post = "/projects/${saved.project}/accounts"
      json = { name = key.name }
      save = { account = body.id }
      undo {
        delete = "/accounts/${saved.account}"
        gone   = [404]
      }
    }
    step "key" {
      post = "/accounts/${saved.account}/keys"
      json = { name = key.name }
      save = { key = body.id, value = body.key }
    }
    step "read" {
      get  = "/keys/${saved.key}"
      save = { secret = body.secret }
    }
    id     = saved.key
    secret = { api_key = saved.secret }
  }

  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }
}
`

// TestWhatIsLeft: after a failure, nothing is said to be left only where each step that made
// something was undone, or what it was built on; and what was there before stays.
func TestWhatIsLeft(t *testing.T) {
	const (
		project, account, key, read = "POST /v1/projects", "POST /v1/projects/p1/accounts", "POST /v1/accounts/a1/keys", "GET /v1/keys/k1"
		undoProject, undoAccount    = "DELETE /v1/projects/p1", "DELETE /v1/accounts/a1"
		undoOfAccount               = "      undo {\n        delete = \"/accounts/${saved.account}\"\n        gone   = [404]\n      }\n"
	)
	fails := func(request string, status int) func(*fake) {
		return func(f *fake) { f.on(request, status, "{}") }
	}
	for name, test := range map[string]struct {
		role   Values
		change func(source string) string
		script func(f *fake)
		undone []string
		left   bool
	}{
		"the last step only reads, and cannot": {
			script: fails(read, 500), undone: []string{undoAccount, undoProject}},
		"its answer is of no use": {
			script: fails(read, 200), undone: []string{undoAccount, undoProject}},
		"a step that makes something is not answered": {
			script: func(f *fake) { f.do(key, dropConnection) }, undone: []string{undoAccount, undoProject}, left: true},
		"a step that makes something does not tell what": {
			script: fails(account, 200), undone: []string{undoProject}, left: true},
		"the first that made something cannot be undone": {
			script: func(f *fake) { f.on(read, 500, "{}"); f.on(undoProject, 500, "{}") }, undone: []string{undoAccount, undoProject}, left: true},
		"the first that made something is too young to be known": {
			script: func(f *fake) { f.on(read, 500, "{}"); f.on(undoProject, 404, "{}") }, undone: []string{undoAccount, undoProject}, left: true},
		"what was built on another step is not known any more": {
			script: func(f *fake) { f.on(read, 500, "{}"); f.on(undoAccount, 404, "{}") }, undone: []string{undoAccount, undoProject}},
		"refused": {
			script: fails(key, 403), undone: []string{undoAccount, undoProject}},

		"with a project that was there": {
			role: Values{"project": "p1"}, script: fails(read, 500), undone: []string{undoAccount}},
		"with a project that was there, refused": {
			role: Values{"project": "p1"}, script: fails(key, 403), undone: []string{undoAccount}},
		"with a project that was there, and an account that cannot be undone": {
			role: Values{"project": "p1"}, script: func(f *fake) { f.on(read, 500, "{}"); f.on(undoAccount, 500, "{}") }, undone: []string{undoAccount}, left: true},

		"the step with the undo was left out, and a later one refused": {
			role: Values{"project": "p1"}, change: func(source string) string { return strings.Replace(source, undoOfAccount, "", 1) },
			script: fails(key, 403), left: true},
		"the step with the undo was left out, and a later one cannot read": {
			role: Values{"project": "p1"}, change: func(source string) string { return strings.Replace(source, undoOfAccount, "", 1) },
			script: fails(read, 500), left: true},
		"the step with the undo was left out, and the first one refused": {
			role: Values{"project": "p1"}, change: func(source string) string { return strings.Replace(source, undoOfAccount, "", 1) },
			script: fails(account, 403)},
		"the step with the undo was left out, and one of many is refused": {
			role: Values{"project": "p1"}, change: func(source string) string {
				source = strings.Replace(source, undoOfAccount, "", 1)
				source = strings.Replace(source, `step "account" {`, `step "account" {
      for_each = [1, 2]`, 1)
				return strings.ReplaceAll(source, "saved.account}", "saved.account[0]}")
			}, script: fails(account, 403), left: true},
	} {
		t.Run(name, inBubble(func(t *testing.T) {
			f := newFake(t)
			f.on("GET /v1/projects", 200, object{"id": "p1"})
			f.on(project, 201, object{"id": "p1"})
			f.on(account, 201, object{"id": "a1"})
			f.on(key, 201, object{"id": "k1", "key": "sk-value-1"})
			f.on(read, 200, object{"secret": "s3cret-of-the-key"})
			f.on(undoProject, 204, "")
			f.on(undoAccount, 204, "")
			test.script(f)
			source := undoneDefinition
			if test.change != nil {
				source = test.change(source)
			}
			_, err := f.client(t, source, nil).Issue(t.Context(), KeyRequest{Name: "n", Role: test.role})
			var failed *Error
			if !errors.As(err, &failed) || NothingMade(err) == test.left {
				t.Errorf("nothing was made: %t (%+v)", NothingMade(err), err)
			}
			undone := slices.DeleteFunc(f.seen(), func(call string) bool { return !strings.HasPrefix(call, http.MethodDelete) })
			if undone = slices.Compact(undone); !slices.Equal(undone, test.undone) {
				t.Errorf("undone are %q, want %q", undone, test.undone)
			}
		}))
	}
}

// TestReadingLeavesNothing: steps that only read make nothing, whatever their answers; one
// request alone may have made the key.
func TestReadingLeavesNothing(t *testing.T) {
	for name, issue := range map[string]string{
		"two readings": `
    step "look" { get = "/owner" }
    step "read" { get = "/key" }`,
		"one request": `
    post = "/key"`,
	} {
		f := newFakeOf(t, func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("{}")) })
		source := `provider "reading" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "header" { headers = { X-Admin = connection.admin_key } }
  issue {` + issue + `
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke { delete = "/keys/${key.id}" }
}`
		_, err := f.client(t, source, nil).Issue(t.Context(), KeyRequest{Name: "n"})
		if err == nil || NothingMade(err) != (name == "two readings") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
