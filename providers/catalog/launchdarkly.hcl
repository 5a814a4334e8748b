# Category: Observability and feature flags
#
# Sources: launchdarkly/api-client-go:api/openapi.yaml;
# https://launchdarkly.com/docs/api/access-tokens
#
# Service tokens, which outlive the member who made them. They do not end by themselves.
#
# Admin credential: an access token with the role Admin, or one with an inline policy or
# custom role that allows createAccessToken and deleteAccessToken on service-token/*.
#
# Rights: https://launchdarkly.com/docs/home/account/roles/role-concepts, and for the
# actions of service tokens the list of its role actions that Kapeli's cheat sheets have
provider "launchdarkly" {
  title    = "LaunchDarkly"
  docs     = "https://launchdarkly.com/docs/api/access-tokens"
  base_url = "https://app.launchdarkly.com"

  connection {
    access_token = { required = true, sensitive = true, help = "Access token of an administrator, or with a role that may do createAccessToken and deleteAccessToken." }
  }

  role {
    role            = { default = "reader", enum = ["reader", "writer", "admin"], help = "What the tokens may do, unless custom_role_ids or policy are written." }
    custom_role_ids = { type = list(string), help = "Custom roles that the tokens have in place of role." }
    policy = {
      type = list(object({ effect = string, resources = list(string), actions = list(string) }))
      help = "Statements that say what the tokens may do, in place of role, such as [{\"effect\":\"allow\",\"resources\":[\"proj/web:env/production:flag/*\"],\"actions\":[\"updateOn\"]}]."
    }
  }

  validation {
    condition     = role.custom_role_ids == null || role.policy == null
    error_message = "write custom_role_ids or policy, not both"
  }

  auth "header" {
    headers = {
      Authorization  = connection.access_token
      LD-API-Version = "20240415"
    }
  }

  check { get = "/api/v2/caller-identity" }

  issue {
    post = "/api/v2/tokens"
    json = {
      name          = key.name
      serviceToken  = true
      role          = role.custom_role_ids == null && role.policy == null ? role.role : null
      customRoleIds = role.custom_role_ids
      inlineRole    = role.policy
    }
    id     = body._id
    secret = { access_token = body.token }
  }

  revoke {
    delete = "/api/v2/tokens/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/api/v2/tokens"
    query = { showAll = true, limit = 25 }
    items = body.items
    item = {
      id           = item._id
      name         = item.name
      created_at   = item.creationDate
      last_used_at = item.lastUsed
    }
    pagination "offset" {}
  }

  probe {
    get     = "/api/v2/caller-identity"
    headers = { Authorization = secret.access_token }
    alive   = [200]
    dead    = [401]
  }

  errors { message = body.message }
}
