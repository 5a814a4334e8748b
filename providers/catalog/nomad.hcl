# Category: Identity and secrets
#
# Sources: hashicorp/nomad:website/content/api-docs/acl/tokens.mdx and
# hashicorp/nomad:nomad/acl_endpoint.go
#
# Admin credential: a management token; Nomad lets no other make tokens.
# Not confirmed: the statuses and words of "ACL token not found" and "ACL token expired";
# ExpirationTime in an answer (where it lacks, the end that was asked for counts); what a
# server answers whose acl block allows ends later than 24 hours from now: those are capped
# to that here, which is what a server allows unless it says otherwise.
provider "nomad" {
  title = "Nomad ACL tokens"
  docs  = "https://developer.hashicorp.com/nomad/docs/secure/acl/tokens"
  lag   = "10s"

  connection "token" {
    type      = string
    required  = true
    sensitive = true
    help      = "Management token."
  }
  role "policies" {
    type     = list(string)
    required = true
    min      = 1
    help     = "Names of the policies that say what the tokens may do."
  }
  role "global" {
    type    = bool
    default = false
    help    = "Whether the tokens work in every region, not in that of base_url alone."
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
    dead    = [403]
  }
  # Refusals are plain text.
  errors { unauthorized = status == 403 && contains(["ACL token not found", "ACL token expired"], trimspace(body)) }

  expiry {
    minimum = "1m"
    maximum = "24h"
  }
}
