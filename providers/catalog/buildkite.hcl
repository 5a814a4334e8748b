# Category: Code and delivery
#
# Sources: buildkite/docs:pages/apis/rest_api/clusters/agent_tokens.md and
# pages/apis/rest_api/rate_limits.md
#
# Agent tokens of a cluster. The API token needs read_clusters and write_clusters. The
# next page is told in the Link header. Unless Buildkite raises it, a user has 50 requests
# a minute. A token that has ended keeps agents from connecting anew.
#
# Rights: buildkite/docs:pages/apis/managing_api_tokens.md
provider "buildkite" {
  title    = "Buildkite"
  docs     = "https://buildkite.com/docs/apis/rest-api/clusters/agent-tokens"
  base_url = "https://api.buildkite.com"

  connection {
    api_token    = { required = true, sensitive = true, help = "API access token with the scopes read_clusters and write_clusters." }
    organization = { required = true, help = "Slug of the organization." }
  }

  role {
    cluster_id = { required = true, help = "Cluster whose agents register with the tokens, a UUID." }
  }

  auth "bearer" { token = connection.api_token }

  check { get = "/v2/organizations/${connection.organization}/clusters" }

  issue {
    post = "/v2/organizations/${connection.organization}/clusters/${role.cluster_id}/tokens"
    json = {
      description          = key.name
      expires_at           = rfc3339(key.expires_at)
      allowed_ip_addresses = length(key.cidrs) > 0 ? join(" ", key.cidrs) : null
    }
    id         = body.id
    secret     = { token = body.token }
    expires_at = try(body.expires_at, null)
  }

  revoke {
    delete = "/v2/organizations/${connection.organization}/clusters/${role.cluster_id}/tokens/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/v2/organizations/${connection.organization}/clusters/${role.cluster_id}/tokens"
    query = { per_page = 100 }
    items = body
    item = {
      id         = item.id
      name       = item.description
      created_at = item.created_at
    }
    pagination "link" {}
  }

  limits { requests_per_second = 0.8 }

  cidrs { ipv6 = false }

  errors { message = body.message }
}
