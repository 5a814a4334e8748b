# Category: Content
#
# Sources:
# https://www.contentful.com/developers/docs/references/content-management-api/#/reference/personal-access-tokens
# and
# contentful/contentful-management.java:src/test/resources/personal_access_token_*.json;
# contentful/contentful-management.js:lib/entities/personal-access-token.ts and access-token.ts for
# expiresIn and sys.expiresAt
#
# Personal access tokens of the user whose token the connection holds; they can do what
# that user can, or only read.
#
# Admin credential: a personal access token of a user for this alone, with the scope
# content_management_manage.
#
# Not confirmed: that expiresIn counts seconds (where an answer has no expiresAt, the
# end that was asked for counts), the statuses, and what is answered to a wrong
# credential and to the revocation of a token that is gone.
#
# Rights: contentful/contentful-management.js:lib/entities/personal-access-token.ts (the
# one scope that there is)
provider "contentful" {
  title    = "Contentful personal access tokens"
  docs     = "https://www.contentful.com/developers/docs/references/authentication/#the-content-management-api"
  base_url = "https://api.contentful.com"

  connection {
    token = { required = true, sensitive = true, help = "Personal access token of the user whose tokens are made (CFPAT-…)." }
  }

  role {
    scopes = {
      type     = list(string)
      required = true
      min      = 1
      enum     = ["content_management_read", "content_management_manage"]
      help     = "What the tokens may do: content_management_read or content_management_manage."
    }
  }

  locals {
    tokens = "/users/me/access_tokens"
    as     = { Content-Type = "application/vnd.contentful.management.v1+json" }
  }

  auth "bearer" { token = connection.token }

  check { get = "/users/me" }

  issue {
    post    = local.tokens
    headers = local.as
    json = {
      name      = key.name
      scopes    = role.scopes
      expiresIn = key.ttl
    }
    id         = body.sys.id
    secret     = { token = body.token }
    expires_at = body.sys.expiresAt
    granted    = { scopes = body.scopes }
  }

  revoke {
    put  = "${local.tokens}/${key.id}/revoked"
    ok   = body.revokedAt != null
    gone = [404]
  }

  # Revoked tokens stay in the list.
  list {
    get   = local.tokens
    items = body.items
    skip  = item.revokedAt != null
    item = {
      id           = item.sys.id
      name         = item.name
      created_at   = item.sys.createdAt
      last_used_at = item.sys.lastUsedAt
    }
    pagination "offset" {
      parameter      = "skip"
      size_parameter = "limit"
      size           = 100
    }
  }

  probe {
    get     = "/users/me"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = [200]
    dead    = [401]
  }

  errors { message = body.message }
}
