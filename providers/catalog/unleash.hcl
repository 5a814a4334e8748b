# Category: Observability and feature flags
#
# Source: Unleash/unleash-server-api-go:openapi.json, and what Unleash 8.2.0
# answers.
#
# A token has no id but itself: it stands in the address that deletes it, and in
# the list, so records of tokens are kept sealed. With secureTokenStorage the
# list has another handle in its place, which serves as well; the token itself
# goes on serving too.
#
# Admin credential: a service account token or personal access token with
# CREATE_CLIENT_API_TOKEN, UPDATE_CLIENT_API_TOKEN, DELETE_CLIENT_API_TOKEN and
# READ_CLIENT_API_TOKEN (or FRONTEND instead of CLIENT); in the open-source edition, an
# admin token.
provider "unleash" {
  title = "Unleash"
  docs  = "https://docs.getunleash.io/reference/api-tokens-and-client-keys"

  verified_against = ["Unleash 8.2.0", "Unleash 8.2.0 with secureTokenStorage"]
  lag              = "5s"

  # The connection's base_url is where Unleash is served, without /api.

  connection {
    token = {
      required  = true
      sensitive = true
      help      = "Admin token, or a personal or service account's access token that may create, update and delete API tokens. Only a personal access token can be rotated."
    }
    token_id = { help = "Number of the personal access token that token is, which rotation deletes. Rotation keeps it up to date." }
  }

  role {
    type        = { required = true, enum = ["client", "backend", "frontend"], help = "Kind of the tokens: backend (called client before version 6.10) or frontend." }
    environment = { help = "Environment that the tokens are for. Without it the server chooses its default, development." }
    projects    = { type = list(string), default = ["*"], help = "Projects that the tokens are for; [\"*\"] means all." }
  }

  locals {
    token = {
      id           = item.tokenName
      name         = item.tokenName
      created_at   = item.createdAt
      secret       = { token = item.secret }
      last_used_at = item.seenAt
      expires_at   = item.expiresAt
    }
  }

  auth "header" { headers = { Authorization = connection.token } }

  # Asks for the permission to read API tokens, and no token has this name.
  check { get = "/api/admin/api-tokens/-" }

  issue {
    post = "/api/admin/api-tokens"
    json = {
      tokenName   = key.name
      type        = role.type
      environment = role.environment
      projects    = role.projects
      expiresAt   = rfc3339(key.expires_at)
    }
    id         = key.name
    secret     = { token = body.secret }
    expires_at = try(body.expiresAt, null)
  }

  # A token that does not exist is a 200 as well. A deleted one goes on working
  # until the server reads its tokens anew, once a minute, unless it has the flag
  # secureTokenStorage: the role's verify_revocation waits for that.
  revoke {
    delete = "/api/admin/api-tokens/${secret.token}"
    gone   = [404]
  }

  # Not paged: the answer is all tokens that the connection's token may see.
  list {
    get   = "/api/admin/api-tokens"
    items = body.tokens
    item  = local.token
  }

  # Names are not unique.
  lookup {
    get   = "/api/admin/api-tokens/${key.name}"
    items = body.tokens
    item  = local.token
  }

  # The new end is known to the whole server within a minute.
  extend {
    put  = "/api/admin/api-tokens/${secret.token}"
    json = { expiresAt = rfc3339(key.expires_at) }
    gone = [404]
  }

  # No API token may do this; a live one is told so.
  probe {
    get     = "/api/admin/user"
    headers = { Authorization = secret.token }
    alive   = [200, 403]
    dead    = [401]
  }

  # A personal access token must have an end.
  rotate {
    post = "/api/admin/user/tokens"
    json = { description = key.name, expiresAt = coalesce(rfc3339(key.expires_at), "9999-12-31T23:59:59Z") }

    connection = { token = body.secret, token_id = tostring(body.id) }

    retire {
      when   = previous.token_id != null
      delete = "/api/admin/user/tokens/${previous.token_id}"
      gone   = [404]
    }

    list {
      get   = "/api/admin/user/tokens"
      items = body.pats
      item  = { name = item.description, previous = { token_id = tostring(item.id) } }
    }
  }

  # With secureTokenStorage an unknown project is a 500.
  errors {
    message = try(body.details[0].message, body.message)
    refused = status == 500 && can(regex("violates foreign key constraint", body.message))
  }
}
