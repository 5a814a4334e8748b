# Category: Code and delivery
#
# Sources: npm/api-documentation:api/registry.npmjs.com/token.yaml and
# https://docs.npmjs.com/about-access-tokens
#
# Granular access tokens. A role that says nothing else gets tokens that read the
# packages and scopes that it names. npm asks for a second factor whenever a token is
# made: the account needs one of the kind that authenticator apps compute, and its seed
# goes into the connection. A code counts once, so half a minute passes between tokens.
#
# The connection's token is that of a login (npm login), which ends after two hours
# unless npm extends it; one that bypasses the second factor may not make tokens. It
# cannot be replaced here. Where a workflow can use trusted publishing (OIDC), that
# needs no token at all.
#
# Rights:
# npm/documentation:content/integrations/integrating-npm-with-external-services/about-access-tokens.mdx
provider "npm" {
  title    = "npm"
  docs     = "https://docs.npmjs.com/creating-and-viewing-access-tokens"
  base_url = "https://registry.npmjs.org"

  connection {
    token     = { required = true, sensitive = true, help = "Token of a login of the account that the tokens act for." }
    password  = { required = true, sensitive = true, help = "Password of the account." }
    totp_seed = { required = true, sensitive = true, help = "Seed of the account's second factor in base32, as npm showed it." }
  }

  role {
    packages   = { type = list(string), default = [], help = "Packages that the tokens are for, such as left-pad." }
    scopes     = { type = list(string), default = [], pattern = "^@[a-z0-9][a-z0-9._-]*$", help = "Scopes that the tokens are for, such as @acme." }
    permission = { default = "read-only", enum = ["read-only", "read-write"], help = "What the tokens may do with these: read-only, or read-write, which publishes." }
  }
  validation {
    condition     = length(concat(role.packages, role.scopes)) > 0
    error_message = "name packages or scopes: npm makes no token that is for none"
  }

  auth "bearer" { token = connection.token }

  check {
    get   = "/-/npm/v1/tokens"
    query = { perPage = 1 }
  }

  issue {
    post    = "/-/npm/v1/tokens"
    headers = { npm-otp = totp(connection.totp_seed) }
    json = {
      password                       = connection.password
      name                           = key.name
      expires                        = rfc3339(key.expires_at)
      packages                       = length(role.packages) > 0 ? role.packages : null
      scopes                         = length(role.scopes) > 0 ? role.scopes : null
      packages_and_scopes_permission = role.permission
      cidr                           = length(key.cidrs) > 0 ? key.cidrs : null
    }
    id         = body.key
    secret     = { token = body.token }
    expires_at = body.expiry
    granted    = { permission = contains(body.permissions[*].action, "write") ? "read-write" : "read-only" }
  }
  expiry { maximum = "90d" }

  revoke {
    delete  = "/-/npm/v1/tokens/token/${key.id}"
    headers = { npm-otp = totp(connection.totp_seed) }
    gone    = [404]
  }

  list {
    get   = "/-/npm/v1/tokens"
    items = body.objects
    skip  = item.revoked != null
    item = {
      id           = item.key
      name         = item.name
      created_at   = item.created
      last_used_at = item.accessed
    }
    pagination "page" {
      first          = 0
      size_parameter = "perPage"
      size           = 100
    }
  }

  probe {
    get     = "/-/whoami"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = [200]
    dead    = [401]
  }

  errors { message = try(body.error, body.message) }
}
