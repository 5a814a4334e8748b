# Category: Observability and feature flags
#
# Sources: grafana/grafana-com-public-clients:openapi.json;
# https://grafana.com/docs/grafana-cloud/developer-resources/api-reference/cloud-api/
#
# A key is an access policy with one token, so that each has its own scopes, realm and
# subnets, and goes as a whole. The admin token needs accesspolicies:read, :write and
# :delete. It is replaced in the web interface.
#
# Rights: https://www.pulumi.com/registry/packages/grafana/api-docs/cloud/accesspolicytoken
provider "grafana-cloud" {
  title    = "Grafana Cloud"
  docs     = "https://grafana.com/docs/grafana-cloud/security-and-account-management/authentication-and-permissions/access-policies/"
  base_url = "https://www.grafana.com/api"

  connection "token" {
    type      = string
    required  = true
    sensitive = true
    help      = "Token of an access policy with the scopes accesspolicies:read, accesspolicies:write and accesspolicies:delete."
  }
  connection "region" {
    type     = string
    required = true
    help     = "Region of the access policies, such as us or prod-eu-west-2."
  }

  role "scopes" {
    type     = list(string)
    required = true
    min      = 1
    help     = "What the tokens may do, such as metrics:read."
  }
  role "realms" {
    type     = list(object({ type = string, identifier = string, labelPolicies = optional(list(object({ selector = string }))) }))
    required = true
    min      = 1
    help     = "What the tokens may see, such as [{\"type\":\"stack\",\"identifier\":\"123\"}]."
  }

  auth "bearer" { token = connection.token }

  check {
    get   = "/v1/accesspolicies"
    query = { region = connection.region, pageSize = 1 }
  }

  issue {
    step "policy" {
      post    = "/v1/accesspolicies"
      query   = { region = connection.region }
      headers = { X-Request-Id = "policy-${key.name}" }
      json = {
        name       = key.name
        scopes     = role.scopes
        realms     = role.realms
        conditions = length(key.cidrs) > 0 ? { allowedSubnets = key.cidrs } : null
      }
      save = { policy_id = body.id }
      undo {
        delete  = "/v1/accesspolicies/${saved.policy_id}"
        query   = { region = connection.region }
        headers = { X-Request-Id = "undo-${key.name}" }
        gone    = [404]
      }
    }
    step "token" {
      post    = "/v1/tokens"
      query   = { region = connection.region }
      headers = { X-Request-Id = "token-${key.name}" }
      json    = { accessPolicyId = saved.policy_id, name = key.name, expiresAt = rfc3339(key.expires_at) }
      save    = { token_id = body.id }
    }
    id         = saved.policy_id
    secret     = { token = body.token }
    expires_at = body.expiresAt
  }

  revoke {
    delete  = "/v1/accesspolicies/${key.id}"
    query   = { region = connection.region }
    headers = { X-Request-Id = "revoke-${key.name}" }
    gone    = [404]
  }

  list {
    get   = "/v1/accesspolicies"
    query = { region = connection.region, pageSize = 500, pageCursor = page.cursor }
    items = body.items
    item = {
      id         = item.id
      name       = item.name
      created_at = item.createdAt
    }
    next = body.metadata.pagination.nextPage == null ? null : { cursor = urldecode(regex("[?&]pageCursor=([^&]*)", body.metadata.pagination.nextPage)[0]) }
  }

  extend {
    post       = "/v1/tokens/${saved.token_id}"
    query      = { region = connection.region }
    headers    = { X-Request-Id = "extend-${key.name}-${unix(key.expires_at)}" }
    json       = { expiresAt = rfc3339(key.expires_at) }
    gone       = [404]
    expires_at = body.expiresAt
  }

  key_name { characters = "a-z0-9-" }

  errors { message = body.message }
}
