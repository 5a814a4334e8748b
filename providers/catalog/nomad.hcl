# Category: Identity and secrets
#
# Sources: hashicorp/nomad:website/content/api-docs/acl/tokens.mdx, and
# nomad/acl_endpoint.go, nomad/auth/auth.go, nomad/structs/acl.go and
# command/agent/http.go there, read at the state of August 2026.
#
# Tokens end by themselves, a minute to a day from when they are made: a server
# takes no later end, unless its acl block has another token_max_expiration_ttl.
#
# Admin credential: a management token; Nomad lets no other make tokens.
#
# Rights: hashicorp/nomad:nomad/acl_endpoint.go
provider "nomad" {
  title = "Nomad ACL tokens"
  docs  = "https://developer.hashicorp.com/nomad/docs/secure/acl/tokens"
  lag   = "10s"

  connection {
    token = { required = true, sensitive = true, help = "Management token." }
  }
  role {
    policies = { type = list(string), required = true, min = 1, help = "Names of the policies that say what the tokens may do." }
    global   = { type = bool, default = false, help = "Whether the tokens work in every region, not in that of base_url alone." }
  }

  auth "header" { headers = { "X-Nomad-Token" = connection.token } }
  check {
    get   = "/v1/acl/tokens"
    query = { per_page = 1 }
  }

  issue {
    post = "/v1/acl/token"
    json = {
      Name           = key.name
      Type           = "client"
      Policies       = role.policies
      Global         = role.global
      ExpirationTime = rfc3339(key.expires_at)
    }
    id         = body.AccessorID
    secret     = { token = body.SecretID }
    expires_at = body.ExpirationTime
    granted    = { policies = body.Policies }
  }
  revoke {
    delete   = "/v1/acl/token/${key.id}"
    response = "text"
    gone     = status == 400 && startswith(body, "Cannot delete nonexistent tokens")
  }
  list {
    get   = "/v1/acl/tokens"
    items = body
    item  = { id = item.AccessorID, name = item.Name, created_at = item.CreateTime }
    pagination "cursor" {
      parameter      = "next_token"
      next           = headers["x-nomad-nexttoken"]
      size_parameter = "per_page"
      size           = 100
    }
  }
  probe {
    get     = "/v1/acl/token/self"
    headers = { "X-Nomad-Token" = secret.token }
    alive   = [200]
    # One that has ended by itself is answered 500, which proves nothing.
    dead = [403, 404]
  }
  # Refusals are plain text. Only management tokens may ask any of this, and one that is
  # gone, has ended or is another's is answered alike: "Permission denied".
  errors { unauthorized = status == 403 }

  expiry {
    minimum = "1m"
    maximum = "24h"
  }
}
