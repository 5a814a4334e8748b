# Category: AI
#
# Sources, unless a line names another: the provider's OpenAPI description,
# OpenRouterTeam/typescript-sdk:.speakeasy/in.openapi.yaml.
#
# Admin credential: a management key, which manages keys and cannot be used for
# completions.
#
# Rights: OpenRouterTeam/typescript-sdk:.speakeasy/in.openapi.yaml
provider "openrouter" {
  title    = "OpenRouter"
  docs     = "https://openrouter.ai/docs/features/provisioning-api-keys"
  base_url = "https://openrouter.ai/api/v1"

  connection {
    management_key = { required = true, sensitive = true, help = "Management key: it may create and delete keys, and is made on the settings page only." }
  }

  role {
    limit = { type = number, min = 0, help = "Spend limit of each key, in US dollars." }
    limit_reset = {
      enum = ["daily", "weekly", "monthly"]
      help = "When a key's spend limit starts anew, at midnight UTC. Without it the limit is for the key's whole life."
    }
    include_byok_in_limit = { type = bool, help = "Count usage through your own upstream keys toward the limit." }
    workspace_id          = { help = "Workspace that the keys belong to, a UUID. Without it they belong to the default workspace." }
  }

  auth "bearer" { token = connection.management_key }

  # Only a management key may list keys; GET /key would answer to any key.
  check {
    get   = "/keys"
    query = { offset = 0 }
  }

  issue {
    post = "/keys"
    json = {
      name                  = key.name
      limit                 = role.limit
      limit_reset           = role.limit_reset
      include_byok_in_limit = role.include_byok_in_limit
      workspace_id          = role.workspace_id
      expires_at            = rfc3339(key.expires_at) # UTC only
    }
    id         = body.data.hash
    secret     = { api_key = body.key }
    expires_at = body.data.expires_at
  }

  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }

  # Without a workspace_id only the default workspace's keys are listed.
  # The page size is not documented, so an empty page is the end.
  list {
    get = "/keys"
    query = {
      include_disabled = "true"
      workspace_id     = role.workspace_id
    }
    items = body.data
    item = {
      id         = item.hash
      name       = item.name
      created_at = item.created_at
    }
    pagination "offset" {}
  }

  probe {
    get     = "/key"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }
}
