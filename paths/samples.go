package paths

import "github.com/hashicorp/vault/sdk/framework"

// The samples in the OpenAPI document tell one story: connection "box", role "reader" and
// static role "shared", at the sandbox. docs/api.md has each with what is answered to it.

// sample is what an operation's body may be.
func sample(body map[string]any) []framework.RequestExample {
	return []framework.RequestExample{{Data: body}}
}

// sampleDefinition is about the least that mints.
const sampleDefinition = `provider "acme" {
  title    = "Acme"
  base_url = "https://api.acme.example"

  connection "admin_key" {
    type      = string
    required  = true
    sensitive = true
    help      = "Admin key: it may create and delete keys."
  }
  auth "bearer" { token = connection.admin_key }

  issue {
    post   = "/v1/keys"
    json   = { name = key.name }
    id     = body.id
    secret = { api_key = body.key }
  }
  revoke {
    delete = "/v1/keys/${key.id}"
    gone   = [404]
  }
}
`
