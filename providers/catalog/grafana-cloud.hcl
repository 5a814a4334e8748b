# Category: Observability and feature flags
#
# Sources: grafana/grafana-com-public-clients:openapi.json;
# https://grafana.com/docs/grafana-cloud/developer-resources/api-reference/cloud-api/
#
# A key is an access policy with one token, so that each has its own scopes, realm and
# subnets, and goes as a whole. The admin token needs accesspolicies:read, :write and
# :delete. It is replaced by another token of its own policy, which policy_id names: a
# token does not tell to which it belongs. When a key was used last is known of tokens
# alone, and policies are what is listed.
#
# Rights: https://www.pulumi.com/registry/packages/grafana/api-docs/cloud/accesspolicytoken
provider "grafana-cloud" {
  title    = "Grafana Cloud"
  docs     = "https://grafana.com/docs/grafana-cloud/security-and-account-management/authentication-and-permissions/access-policies/"
  base_url = "https://www.grafana.com/api"

  connection {
    token     = { required = true, sensitive = true, help = "Token of an access policy with the scopes accesspolicies:read, accesspolicies:write and accesspolicies:delete." }
    region    = { required = true, help = "Region of the access policies, such as us or prod-eu-west-2." }
    policy_id = { help = "Id of the access policy that token belongs to. Rotation needs it." }
    token_id  = { help = "Id of token, which tells rotation what to delete; a rotation sets it itself from then on." }
  }

  role {
    scopes = { type = list(string), required = true, min = 1, help = "What the tokens may do, such as metrics:read." }
    realms = {
      type     = list(object({ type = string, identifier = string, labelPolicies = optional(list(object({ selector = string }))) }))
      required = true
      min      = 1
      help     = "What the tokens may see, such as [{\"type\":\"stack\",\"identifier\":\"123\"}]."
    }
  }

  auth "bearer" { token = connection.token }

  requests { query = { region = connection.region } }

  check {
    get   = "/v1/accesspolicies"
    query = { pageSize = 1 }
  }

  issue {
    step "policy" {
      post    = "/v1/accesspolicies"
      headers = { X-Request-Id = "policy-${key.name}" }
      json = {
        name       = key.name
        scopes     = role.scopes
        realms     = role.realms
        conditions = length(key.cidrs) > 0 ? { allowedSubnets = key.cidrs } : null
      }
      save = { policy_id = body.id, scopes = body.scopes }
      undo {
        delete  = "/v1/accesspolicies/${saved.policy_id}"
        headers = { X-Request-Id = "undo-${key.name}" }
        gone    = [404]
      }
    }
    step "token" {
      post    = "/v1/tokens"
      headers = { X-Request-Id = "token-${key.name}" }
      json    = { accessPolicyId = saved.policy_id, name = key.name, expiresAt = rfc3339(key.expires_at) }
      save    = { token_id = body.id }
    }
    id         = saved.policy_id
    secret     = { token = body.token }
    expires_at = body.expiresAt
    granted    = { scopes = saved.scopes }
  }

  revoke {
    delete  = "/v1/accesspolicies/${key.id}"
    headers = { X-Request-Id = "revoke-${key.name}" }
    gone    = [404]
  }

  list {
    get   = "/v1/accesspolicies"
    query = { pageSize = 500 }
    items = body.items
    item  = { id = item.id, name = item.name, created_at = item.createdAt }
    pagination "url" { next = body.metadata.pagination.nextPage }
  }

  extend {
    post       = "/v1/tokens/${saved.token_id}"
    headers    = { X-Request-Id = "extend-${key.name}-${unix(key.expires_at)}" }
    json       = { expiresAt = rfc3339(key.expires_at) }
    gone       = [404]
    expires_at = body.expiresAt
  }

  rotate {
    step "own" { get = "/v1/accesspolicies/${connection.policy_id}" }
    step "new" {
      post    = "/v1/tokens"
      headers = { X-Request-Id = "rotate-${key.name}" }
      json    = { accessPolicyId = connection.policy_id, name = key.name, expiresAt = rfc3339(key.expires_at) }
    }
    connection = { token = body.token, token_id = body.id }
    save       = { old_id = connection.token_id }
    retire {
      when    = saved.old_id != null
      delete  = "/v1/tokens/${saved.old_id}"
      headers = { X-Request-Id = "retire-${saved.old_id}" }
      gone    = [404]
    }
    list {
      get   = "/v1/tokens"
      query = { accessPolicyId = connection.policy_id, pageSize = 500 }
      items = body.items
      item  = { name = item.name, old_id = item.id }
      pagination "url" { next = body.metadata.pagination.nextPage }
    }
  }

  key_name { characters = "a-z0-9-" }

  errors { message = body.message }
}
