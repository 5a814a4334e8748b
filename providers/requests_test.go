package providers_test

import (
	"testing"

	"vault-plugin-secrets-apikeys/providers"
)

func TestRequests(t *testing.T) {
	d := parse(t, `
		provider "acme" {
		  connection "token" {
		    type      = string
		    sensitive = true
		  }
		  auth "bearer" { token = connection.token }
		  issue {
		    step "account" {
		      post = "/accounts"
		      json = { name = key.name }
		      save = { account = body.id }
		      undo { delete = "/accounts/${saved.account}" }
		    }
		    step "key" { post = "/accounts/${saved.account}/keys" }
		    id     = body.id
		    secret = { api_key = body.key }
		  }
		  revoke { delete = "/accounts/${saved.account}" }
		  list {
		    get   = "/keys"
		    query = { limit = 100 }
		    items = body.data
		    item  = { id = item.id, name = item.name, account = item.account }
		  }
		}`)
	want := []providers.Request{
		{Block: `issue step "account"`, Method: "POST", Path: "/accounts", Format: "json", Body: "{ name = key.name }"},
		{Block: `issue step "account" undo`, Method: "DELETE", Path: "/accounts/${saved.account}"},
		{Block: `issue step "key"`, Method: "POST", Path: "/accounts/${saved.account}/keys"},
		{Block: "revoke", Method: "DELETE", Path: "/accounts/${saved.account}"},
		{Block: "list", Method: "GET", Path: "/keys", Query: "{ limit = 100 }"},
	}
	got := d.Requests()
	if len(got) != len(want) {
		t.Fatalf("got %d requests, want %d: %v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("request %d is\n%+v, want\n%+v", i, got[i], want[i])
		}
	}
}

// parse is a definition that must be sound.
func parse(t *testing.T, source string) *providers.Definition {
	t.Helper()
	d, err := providers.Parse("acme.hcl", []byte(source))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
