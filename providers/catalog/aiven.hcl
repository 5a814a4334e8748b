# Category: Cloud and hosting
#
# Sources: aiven/go-client-codegen:handler/user;
# https://api.aiven.io/doc/#tag/User/operation/AccessTokenCreate
#
# Tokens of the user whose token the connection holds, which should be one of an
# application user with few rights: scopes narrow them further. A token that a token
# made ends with it, so the admin token is not replaced here.
#
# Not confirmed: the status of deleting a token that is gone; what a token is answered
# that is used from another address than those it is bound to, and whether those may be of
# IPv6.
#
# Rights not named in: aiven/aiven-docs:docs/platform/concepts/permissions.md and
# application-users.md, which have organization:app_users:write for the tokens of
# others, and nothing for one's own
provider "aiven" {
  title    = "Aiven"
  docs     = "https://aiven.io/docs/platform/concepts/authentication-tokens"
  base_url = "https://api.aiven.io"

  connection {
    token = { required = true, sensitive = true, help = "Token of the user that the tokens belong to, best an application user." }
  }

  role {
    scopes = {
      type    = list(string)
      default = ["projects:read", "services:read"]
      min     = 1
      enum    = ["account:read", "account:write", "accounts:read", "accounts:write", "billing:read", "billing:write", "payments:read", "payments:write", "privatelink:read", "privatelink:write", "projects:read", "projects:write", "services:read", "services:write", "static_ips:read", "static_ips:write", "tickets:read", "tickets:write", "user:read", "user:write"]
      help    = "What the tokens may do."
    }
  }

  auth "header" { headers = { Authorization = "aivenv1 ${connection.token}" } }

  check { get = "/v1/me" }

  issue {
    post = "/v1/access_token"
    json = {
      description      = key.name
      max_age_seconds  = key.ttl
      extend_when_used = false
      scopes           = role.scopes
      ip_allowlist     = length(key.cidrs) > 0 ? key.cidrs : null
    }
    id         = body.token_prefix
    secret     = { token = body.full_token }
    expires_at = body.expiry_time
    granted    = { scopes = body.scopes }
  }

  revoke {
    delete = "/v1/access_token/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all tokens of the user.
  list {
    get   = "/v1/access_token"
    items = body.tokens
    item = {
      id           = item.token_prefix
      name         = item.description
      created_at   = item.create_time
      last_used_at = item.last_used_time
    }
  }

  probe {
    get     = "/v1/project"
    headers = { Authorization = "aivenv1 ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  errors { message = body.message }
}
