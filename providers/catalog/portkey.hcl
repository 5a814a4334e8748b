# Category: AI
#
# Sources: Portkey-AI/openapi:openapi.yaml;
# https://portkey.ai/docs/api-reference/admin-api/introduction
#
# Service keys of a workspace. The admin key is a workspace API key, or an
# organization's Admin API key, with workspace_service_api_keys.create, read, update,
# delete and list, and nothing else.
#
# Rights: Portkey-AI/docs-core:help-center/you-do-not-have-enough-permissions.mdx
provider "portkey" {
  title    = "Portkey"
  docs     = "https://portkey.ai/docs/api-reference/admin-api/control-plane/api-keys/create-api-key"
  base_url = "https://api.portkey.ai/v1"

  connection {
    api_key = { required = true, sensitive = true, help = "Admin API key of the organisation." }
  }

  role {
    workspace_id = { required = true, help = "Workspace that the keys belong to, such as ws-platform." }
    scopes       = { type = list(string), default = ["completions.write"], min = 1, help = "What the keys may do, such as completions.write, which calls models and no more." }
    usage_limits = {
      type = object({ credit_limit = number, type = optional(string), alert_threshold = optional(number), periodic_reset = optional(string) })
      help = "What each key may spend, such as {\"credit_limit\":10,\"periodic_reset\":\"monthly\"}."
    }
    rate_limits = {
      type = list(object({ type = string, unit = string, value = number }))
      help = "How often each key may be used, such as [{\"type\":\"requests\",\"unit\":\"rpm\",\"value\":60}]."
    }
  }

  auth "header" { headers = { x-portkey-api-key = connection.api_key } }

  check {
    get   = "/api-keys"
    query = { page_size = 1, current_page = 0 }
  }

  issue {
    post = "/api-keys/workspace/service"
    json = {
      name         = key.name
      workspace_id = role.workspace_id
      scopes       = role.scopes
      usage_limits = role.usage_limits
      rate_limits  = role.rate_limits
      expires_at   = rfc3339(key.expires_at)
    }
    id     = body.id
    secret = { api_key = body.key }
  }

  revoke {
    delete = "/api-keys/${key.id}"
    gone   = [404]
  }

  extend {
    put  = "/api-keys/${key.id}"
    json = { expires_at = rfc3339(key.expires_at) }
    gone = [404]
  }

  # Pages count from 0, and an empty one is the end.
  list {
    get = "/api-keys"
    query = {
      page_size    = 100
      workspace_id = role.workspace_id
    }
    items = body.data
    item = {
      id         = item.id
      name       = item.name
      created_at = item.created_at
      expires_at = item.expires_at
    }
    pagination "page" {
      parameter = "current_page"
      first     = 0
    }
  }

  errors { message = try(body.data.message, body.message, body.error.message) }
}
