# Category: AI
#
# Sources:
# https://docs.baseten.co/reference/management-api/api-keys/creates-a-team-api-key,
# .../delete-an-api-key and .../lists-the-users-api-keys;
# basetenlabs/baseten-go:internal/tools/apigen/specs/management.json
#
# The answer to making a key holds nothing but the key; its prefix, up to the dot, is
# what it is deleted by. Keys do not end by themselves. The admin key is one of the type
# WORKSPACE_MANAGE_API_KEYS, which can do nothing else.
#
# Not confirmed: the status of deleting a key that is gone.
#
# Rights:
# https://docs.baseten.co/reference/management-api/api-keys/creates-a-team-api-key
provider "baseten" {
  title    = "Baseten"
  docs     = "https://docs.baseten.co/reference/management-api/api-keys/creates-a-team-api-key"
  base_url = "https://api.baseten.co"

  connection {
    api_key = { required = true, sensitive = true, help = "API key of the type WORKSPACE_MANAGE_API_KEYS." }
  }

  role {
    type = {
      default = "WORKSPACE_INVOKE"
      enum    = ["WORKSPACE_INVOKE", "WORKSPACE_EXPORT_METRICS", "WORKSPACE_MANAGE_ALL"]
      help    = "What the keys may do: call models, read metrics, or everything in the workspace."
    }
    team_id   = { help = "Team that the keys belong to; without it, the workspace's own." }
    model_ids = { type = list(string), help = "Models that WORKSPACE_INVOKE and WORKSPACE_EXPORT_METRICS keys are for; without them all." }
  }

  auth "header" { headers = { Authorization = "Api-Key ${connection.api_key}" } }

  check { get = "/v1/api_keys" }

  issue {
    post   = role.team_id != null ? "/v1/teams/${role.team_id}/api_keys" : "/v1/api_keys"
    json   = { name = key.name, type = role.type, model_ids = role.model_ids }
    id     = split(".", body.api_key)[0]
    secret = { api_key = body.api_key }
  }

  revoke {
    delete = "/v1/api_keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys of the workspace.
  list {
    get   = "/v1/api_keys"
    items = body.keys
    item  = { id = item.prefix, name = item.name }
  }

  errors { message = try(body.error, body.message) }
}
