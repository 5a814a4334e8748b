# Category: Network and gateways
#
# Sources: TykTechnologies/tyk:swagger.yml and
# https://tyk.io/docs/api-reference/keys/create-a-key
#
# Keys of a self-managed Tyk Gateway, for one who has no Dashboard (see tyk-dashboard).
# A role names a policy or an API: a key without either would open everything, and is
# refused. The list has keys without names, so a key whose making had no answer is left
# to its end, which it always has. The admin credential is the gateway's secret, which
# may do everything and is changed in its configuration.
#
# Rights: TykTechnologies/tyk:swagger.yml
provider "tyk" {
  title = "Tyk Gateway"
  docs  = "https://tyk.io/docs/api-management/policies"

  # The connection's base_url is the gateway's control address, such as https://tyk:8080.

  connection {
    secret = { required = true, sensitive = true, help = "The gateway's secret." }
    org_id = { help = "Organisation that the keys belong to." }
  }

  role {
    policies = { type = list(string), default = [], help = "Ids of the policies that say what the keys open, with their rates and quotas." }
    api_ids  = { type = list(string), default = [], help = "Ids of the APIs that the keys open, where no policy says so." }
    rate     = { type = number, min = 1, help = "How many requests a minute a key has, where no policy says so." }
    quota    = { type = number, min = 1, help = "How many requests a day a key has, where no policy says so." }
  }
  validation {
    condition     = length(role.policies) > 0 || length(role.api_ids) > 0
    error_message = "name policies or api_ids: a key without either opens every API"
  }

  auth "header" { headers = { X-Tyk-Authorization = connection.secret } }

  check { get = "/tyk/apis" }

  locals {
    rights = {
      org_id             = connection.org_id
      alias              = key.name
      apply_policies     = length(role.policies) > 0 ? role.policies : null
      access_rights      = length(role.api_ids) > 0 ? { for id in role.api_ids : id => { api_id = id, versions = ["Default"] } } : null
      rate               = role.rate
      per                = role.rate == null ? null : 60
      quota_max          = role.quota
      quota_renewal_rate = role.quota == null ? null : 86400
      expires            = unix(key.expires_at)
    }
  }

  issue {
    post   = "/tyk/keys"
    json   = local.rights
    ok     = body.status == "ok"
    id     = body.key
    secret = { api_key = body.key }
  }

  revoke {
    delete = "/tyk/keys/${key.id}"
    ok     = body.status == "ok"
    gone   = [404]
  }

  # Without suppress_reset the key's quota would start anew.
  extend {
    put   = "/tyk/keys/${key.id}"
    query = { suppress_reset = 1 }
    json  = local.rights
    ok    = body.status == "ok"
    gone  = [404]
  }

  errors {
    message      = body.message
    unauthorized = status == 403 && startswith(body.message, "Attempted administrative access")
  }
}
