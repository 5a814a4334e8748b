# Category: Content
#
# Sources: https://docs.strapi.io/cms/features/api-tokens and strapi/strapi:packages/
# core/admin/server/src/routes/api-tokens.ts
#
# API tokens of a Strapi 5. A role that says nothing gets tokens that only read; a
# custom one may do what its permissions list. Strapi knows lifetimes of 7, 30 and 90
# days. The administrator needs the permissions admin::api-tokens.create, read and
# delete, and nothing else; the password is replaced by another administrator.
#
# Not confirmed: what deleting a token that is gone is answered, so it is seen from the
# list.
#
# Rights: strapi/strapi:packages/core/admin/server/src/routes/api-tokens.ts
provider "strapi" {
  title = "Strapi"
  docs  = "https://docs.strapi.io/cms/features/api-tokens"
  lag   = "10s"

  connection {
    email    = { required = true, help = "Administrator who may read, create and delete API tokens." }
    password = { required = true, sensitive = true, help = "Password of the administrator." }
  }

  role {
    type        = { default = "read-only", enum = ["read-only", "full-access", "custom"], help = "What the tokens may do." }
    permissions = { type = list(string), help = "What custom tokens may do, such as api::article.article.find." }
  }

  auth "login" {
    request {
      post = "/admin/login"
      json = { email = connection.email, password = connection.password }
    }
    token      = body.data.token
    expires_in = 1800
  }

  check { get = "/admin/api-tokens" }

  issue {
    post = "/admin/api-tokens"
    json = {
      name        = key.name
      description = "Leased by Vault"
      type        = role.type
      permissions = role.type == "custom" ? role.permissions : null
      lifespan    = key.ttl == null ? null : ceil(key.ttl / seconds("24h")) * 86400000
    }
    id         = body.data.id
    secret     = { token = body.data.accessKey }
    expires_at = body.data.expiresAt
    granted    = { type = body.data.type, permissions = body.data.permissions }
  }

  revoke {
    list_first = true
    delete     = "/admin/api-tokens/${key.id}"
  }

  # Not paged: the answer is all tokens.
  list {
    get   = "/admin/api-tokens"
    items = body.data
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.createdAt
      last_used_at = item.lastUsedAt
    }
  }

  expiry { allowed = ["7d", "30d", "90d"] }

  errors { message = body.error.message }
}
