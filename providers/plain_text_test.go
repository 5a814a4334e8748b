package providers

import (
	"strings"
	"testing"
	"testing/synctest"
)

// plainDefinition is of a provider whose refusals are plain text.
const plainDefinition = `provider "plain" {
  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
  }
  auth "bearer" { token = connection.admin_key }
  check { get = "/me" }
  issue {
    post   = "/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/keys/${key.id}"
    gone   = startswith(body, "no such key")
  }
  probe {
    get     = "/me"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    dead    = status == 403 && strcontains(body, "key is dead")
  }
  errors {
    unauthorized = status == 403 && trimspace(body) == "token not found"
    throttled    = startswith(body, "slow down")
    refused      = status == 500 && body == "bad scope"
  }
}
`

// TestRefusalsInPlainText: conditions of a refusal read one that is no JSON as its text,
// and none of a success.
func TestRefusalsInPlainText(t *testing.T) {
	const none Kind = -1 // success
	for name, test := range map[string]struct {
		status int
		body   string
		kind   Kind // of check
		gone   bool // for revoke
		dead   bool // for probe
	}{
		"the admin credential":      {403, "token not found\n", Unauthorized, false, false},
		"something else":            {403, "permission denied", Refused, false, false},
		"too many":                  {403, "slow down, please", Throttled, false, false},
		"nothing was made":          {500, "bad scope", Refused, false, false},
		"a failure":                 {500, "bad day", Unknown, false, false},
		"gone":                      {400, "no such key: k1", Refused, true, false},
		"dead":                      {403, "the key is dead", Refused, false, true},
		"JSON that says it":         {400, `"no such key"`, Refused, true, false},
		"JSON of another form":      {400, `{"error": "no such key"}`, Refused, false, false},
		"nothing":                   {400, "", Refused, false, false},
		"a page of a proxy":         {502, "<html><title>no such key</title>", Unknown, false, false},
		"a success that sounds so":  {200, "no such key: k1", none, false, false},
		"a success that is no JSON": {200, "token not found", none, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFake(t)
				f.on("GET /v1/me", test.status, test.body)
				f.on("DELETE /v1/keys/k1", test.status, test.body)
				c := f.client(t, plainDefinition, nil)
				err := c.Check(t.Context())
				if got := KindOf(err); (err == nil) != (test.kind == none) || err != nil && got != test.kind {
					t.Errorf("check fails as %v (%v), not as %v", got, err, test.kind)
				}
				revoked := c.Revoke(t.Context(), Handle{ID: "k1"})
				if (revoked == nil) != test.gone {
					t.Errorf("revoke answers %v", revoked)
				}
				if alive, _ := c.Probe(t.Context(), Values{"api_key": "x"}); (alive == Dead) != test.dead {
					t.Errorf("the key is seen %v", alive)
				}
				if err != nil && strings.Contains(err.Error(), "s3cret") {
					t.Error(err)
				}
			})
		})
	}
}
