package providers

import "testing"

// TestRequestsAreWrittenOut: what is shown of a request has no local left, and the
// parameters that its pagination adds.
func TestRequestsAreWrittenOut(t *testing.T) {
	d := mustParse(t, `provider "acme" {
  base_url = "https://acme.example"
  connection "admin_key" { sensitive = true }
  role "team" {}
  locals {
    root   = "/v2"
    keys   = role.team == null ? "${local.root}/keys" : "${local.root}/teams/${role.team}/keys"
    all    = "${local.root}/keys"
    accept = { Accept = "application/vnd.acme+json" }
  }
  auth "bearer" { token = connection.admin_key }
  issue {
    post    = local.keys
    headers = local.accept
    json    = { name = key.name }
    id      = body.id
    secret  = { api_key = body.key }
  }
  revoke {
    delete = "${local.all}/${key.id}"
    gone   = [404]
  }
  list {
    get   = local.all
    items = body.data
    item  = { id = item.id, name = item.name }
    pagination "cursor" {
      parameter      = "after"
      next           = body.next
      size_parameter = "limit"
      size           = 100
      more           = body.more
    }
  }
  probe {
    get = "/me"
    auth "basic" {
      username = "key"
      password = secret.api_key
    }
  }
}`)
	byBlock := map[string]Request{}
	for _, r := range d.Requests() {
		byBlock[r.Block] = r
	}
	for _, test := range []struct{ got, want string }{
		{byBlock["issue"].Path, `role.team == null ? "/v2/keys" : "/v2/teams/${role.team}/keys"`},
		{byBlock["issue"].Headers, `{ Accept = "application/vnd.acme+json" }`},
		{byBlock["revoke"].Path, "/v2/keys/${key.id}"},
		{byBlock["list"].Path, "/v2/keys"},
		{byBlock["probe"].Auth, "auth \"basic\" {\n      username = \"key\"\n      password = secret.api_key\n    }"},
		{byBlock["list"].Pages, "cursor, after = body.next, limit = 100, more = body.more"},
	} {
		if test.got != test.want {
			t.Errorf("shown is\n%s\nand not\n%s", test.got, test.want)
		}
	}
}
