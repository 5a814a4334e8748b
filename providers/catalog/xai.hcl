# Category: AI
#
# Sources: https://docs.x.ai/developers/management-api-guide and
# https://docs.x.ai/developers/rest-api-reference/management/auth
#
# A role that names no model gets no key: the access list is the narrowest that works,
# and endpoints default to chat. The management key is made in the console and cannot be
# replaced by the API.
#
# Admin credential: a management key that may create, list, update and delete API keys
# of the team.
#
# Not confirmed: the status of deleting a key that is gone, and how long the inference
# servers honour one (the API tells propagation for new keys only).
#
# Rights not named in: https://docs.x.ai/developers/management-api-guide
provider "xai" {
  title    = "xAI"
  docs     = "https://docs.x.ai/developers/management-api-guide"
  base_url = "https://management-api.x.ai"
  lag      = "2m"

  connection {
    management_key = { required = true, sensitive = true, help = "Management key of the team; it needs to read and write API keys." }
    team_id        = { required = true, help = "Team that the keys belong to, a UUID." }
  }

  role {
    models              = { type = list(string), required = true, min = 1, help = "Models that the keys may use, such as grok-4; * is all of them." }
    endpoints           = { type = list(string), default = ["chat"], help = "Endpoints that the keys may call: chat, image, embed, and so on; * is all of them." }
    requests_per_second = { type = number, min = 1, help = "Bound on the requests of one key in a second." }
    requests_per_minute = { type = number, min = 1, help = "Bound on the requests of one key in a minute." }
    tokens_per_minute   = { type = number, min = 1, help = "Bound on the tokens that one key uses in a minute." }
  }

  auth "bearer" { token = connection.management_key }

  check { get = "/auth/management-keys/validation" }

  issue {
    post = "/auth/teams/${connection.team_id}/api-keys"
    json = {
      name       = key.name
      acls       = concat([for model in role.models : "api-key:model:${model}"], [for endpoint in role.endpoints : "api-key:endpoint:${endpoint}"])
      qps        = role.requests_per_second
      qpm        = role.requests_per_minute
      tpm        = role.tokens_per_minute == null ? null : tostring(role.tokens_per_minute)
      expireTime = rfc3339(key.expires_at)
    }
    id         = body.apiKeyId
    secret     = { api_key = body.apiKey }
    expires_at = body.expireTime
    granted = {
      models              = [for one in body.aclStrings : trimprefix(one, "api-key:model:") if startswith(one, "api-key:model:")]
      endpoints           = [for one in body.aclStrings : trimprefix(one, "api-key:endpoint:") if startswith(one, "api-key:endpoint:")]
      requests_per_second = body.qps
      requests_per_minute = body.qpm
      tokens_per_minute   = body.tpm
    }
  }

  revoke {
    delete = "/auth/api-keys/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/auth/teams/${connection.team_id}/api-keys"
    query = { pageSize = 100 }
    items = try(body.apiKeys, [])
    item = {
      id         = item.apiKeyId
      name       = item.name
      created_at = item.createTime
    }
    pagination "cursor" {
      parameter = "paginationToken"
      next      = body.paginationToken
    }
  }

  probe {
    get     = "https://api.x.ai/v1/api-key"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200, 403]
    dead    = [400, 401]
  }

  errors { message = try(body.message, body.error) }
}
