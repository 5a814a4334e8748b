# Category: Network and gateways
#
# Sources: https://tyk.io/docs/tyk-apis/tyk-dashboard-api/api-keys and TykTechnologies/
# tyk-docs:swagger (GET /api/keys/detailed)
#
# Keys that a Tyk Dashboard makes at its gateways. A role names at least one policy,
# which says what the keys open, with their rates and quotas. The admin credential is a
# Dashboard user's API key; that user needs only the permission Keys: write. It is
# replaced in the Dashboard.
#
# Not confirmed: what deleting a key again is answered; 404 is taken for gone. Whether
# the list of hashed keys carries their aliases: without, a lost key is left to its end.
#
# Rights: TykTechnologies/tyk-docs:api-management/single-sign-on-ldap.mdx (the
# permissions of a Dashboard user)
provider "tyk-dashboard" {
  title = "Tyk Dashboard"
  docs  = "https://tyk.io/docs/tyk-apis/tyk-dashboard-api/api-keys"

  # The connection's base_url is the Dashboard's, such as https://dashboard.example.com.

  connection {
    api_key = { required = true, sensitive = true, help = "Tyk Dashboard API Access Credentials of a user who may write keys." }
  }

  role {
    policies = { type = list(string), required = true, min = 1, help = "Ids of the policies that say what the keys open." }
  }

  auth "header" { headers = { Authorization = connection.api_key } }

  check {
    get   = "/api/keys/detailed"
    query = { p = 1 }
  }

  locals {
    rights = { alias = key.name, apply_policies = role.policies, expires = unix(key.expires_at) }
    detail = { auto_guess = true } # the id may be that of a hashed key
  }

  issue {
    post       = "/api/keys"
    json       = local.rights
    id         = coalesce(body.key_hash, body.key_id)
    secret     = { api_key = body.key_id }
    expires_at = body.data.expires == 0 ? null : body.data.expires
    granted    = { policies = body.data.apply_policies }
  }

  # Without suppress_reset the key's quota would start anew.
  extend {
    put        = "/api/keys/${key.id}"
    query      = merge(local.detail, { suppress_reset = 1 })
    json       = local.rights
    expires_at = body.data.expires == 0 ? null : body.data.expires
    gone       = [404]
  }

  revoke {
    delete = "/api/keys/${key.id}"
    query  = local.detail
    gone   = [404]
  }

  list {
    get   = "/api/keys/detailed"
    items = body.keys
    item = {
      id   = coalesce(item.key_hash, item.key_id)
      name = item.data.alias
    }
    pagination "page" { parameter = "p" }
  }

  errors { message = body.Message }
}
