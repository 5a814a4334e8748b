# Category: Network and gateways
#
# Sources: Kong/sdk-konnect-go:openapi.yaml
#
# Access tokens of a system account. A token of that account with the role "System
# Account Admin" can make others.
#
# Admin credential: a token of a user or system account with the role that manages
# system accounts (Identity Admin), and nothing else.
#
# Rights: Kong/developer.konghq.com:app/konnect-platform/teams-and-roles.md
provider "konnect" {
  title    = "Kong Konnect"
  docs     = "https://developer.konghq.com/konnect-api/"
  base_url = "https://global.api.konghq.com"

  connection {
    token = { required = true, sensitive = true, help = "Access token of a user or system account that may manage system accounts." }
  }

  role {
    account_id = { required = true, help = "System account that the tokens belong to, a UUID; they may do what it may." }
  }

  auth "bearer" { token = connection.token }

  check {
    get   = "/v3/system-accounts"
    query = { "page[size]" = 1 }
  }

  issue {
    post       = "/v3/system-accounts/${role.account_id}/access-tokens"
    json       = { name = key.name, expires_at = rfc3339(key.expires_at) }
    id         = body.id
    secret     = { token = body.token }
    expires_at = body.expires_at
  }

  revoke {
    delete = "/v3/system-accounts/${role.account_id}/access-tokens/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/v3/system-accounts/${role.account_id}/access-tokens"
    query = { "page[size]" = 100 }
    items = body.data
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.created_at
      last_used_at = item.last_used_at
    }
    pagination "page" { parameter = "page[number]" }
  }

  expiry { maximum = "365d" }

  errors { message = try(body.detail, body.message) }
}
