# Category: AI
#
# Sources:
# BerriAI/litellm:litellm/proxy/management_endpoints/key_management_endpoints.py,
# litellm/proxy/_types.py, schema.prisma;
# https://docs.litellm.ai/docs/proxy/virtual_keys
#
# Virtual keys. A key's alias is unique, so it serves as id and is known before the
# proxy hears of it. The proxy needs a database.
#
# Admin credential: the master key, or a key of a user with the role proxy_admin:
# /key/generate for others is an administrators' route, and proxy_admin_viewer makes no
# keys.
#
# Rights: https://docs.litellm.ai/docs/proxy/access_control
provider "litellm" {
  title = "LiteLLM"
  docs  = "https://docs.litellm.ai/docs/proxy/virtual_keys"

  connection {
    master_key = { required = true, sensitive = true, help = "Master key, or the key of a proxy administrator." }
  }

  role {
    models                = { type = list(string), required = true, min = 1, help = "Models that the keys may call, such as gpt-4o-mini; all-team-models is what the team may." }
    team_id               = { help = "Team that the keys belong to." }
    max_budget            = { type = number, min = 0, help = "What each key may spend in all, in US dollars." }
    rpm_limit             = { type = number, min = 1, help = "Requests that each key may make in a minute." }
    tpm_limit             = { type = number, min = 1, help = "Tokens that each key may use in a minute." }
    max_parallel_requests = { type = number, min = 1, help = "Requests that each key may have under way at once." }
    budget_duration       = { help = "Period after which max_budget starts anew, such as 1d; without it, it is for a key's whole life." }
    key_type = {
      default = "llm_api"
      enum    = ["llm_api", "default"]
      help    = "Routes that the keys may call: llm_api those of models, default all that LiteLLM opens to a key."
    }
  }

  auth "bearer" { token = connection.master_key }

  check {
    get   = "/key/list"
    query = { page = 1, size = 1 }
  }

  issue {
    post = "/key/generate"
    json = {
      key_alias             = key.name
      duration              = key.ttl == null ? null : "${key.ttl}s"
      models                = role.models
      team_id               = role.team_id
      max_budget            = role.max_budget
      budget_duration       = role.budget_duration
      rpm_limit             = role.rpm_limit
      tpm_limit             = role.tpm_limit
      max_parallel_requests = role.max_parallel_requests
      key_type              = role.key_type
    }
    id         = key.name
    secret     = { api_key = body.key }
    expires_at = try(body.expires, null)
    granted    = { models = body.models, max_budget = body.max_budget, rpm_limit = body.rpm_limit, tpm_limit = body.tpm_limit }
  }

  revoke {
    post = "/key/delete"
    json = { key_aliases = [key.id] }
    gone = [404]
  }

  list {
    get   = "/key/list"
    query = { size = 100, return_full_object = true }
    items = body.keys
    item = {
      id           = item.key_alias
      name         = item.key_alias
      created_at   = try(item.created_at, null)
      last_used_at = item.last_active
    }
    pagination "page" { more = page.number < body.total_pages }
  }

  probe {
    get     = "/v1/models"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }

  errors { message = try(body.error.message, body.detail) }
}
