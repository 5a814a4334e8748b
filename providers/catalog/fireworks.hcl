# Category: AI
#
# Sources: https://docs.fireworks.ai/api-reference/create-api-key, .../list-api-keys and
# .../delete-api-key (Gateway REST API 4.259).
#
# A key may do what its user may, so give it a service account with the role
# "inference-user". The admin key is one of an account administrator; it can be replaced
# by the same calls, and is left in place where it is the account's last.
#
# Not confirmed: the status of deleting a key that is gone.
#
# Rights not named in: https://docs.fireworks.ai/api-reference/create-api-key
provider "fireworks" {
  title    = "Fireworks AI"
  docs     = "https://docs.fireworks.ai/api-reference/create-api-key"
  base_url = "https://api.fireworks.ai"

  connection {
    api_key    = { required = true, sensitive = true, help = "API key of an administrator of the account." }
    account_id = { required = true, help = "Account that the keys belong to." }
  }

  role {
    user_id = { required = true, help = "User that the keys act for: a service account which may do inference and nothing else." }
  }

  auth "bearer" { token = connection.api_key }

  check { get = "/v1/accounts/${connection.account_id}/users" }

  issue {
    post       = "/v1/accounts/${connection.account_id}/users/${role.user_id}/apiKeys"
    json       = { apiKey = { displayName = key.name, expireTime = rfc3339(key.expires_at) } }
    id         = body.keyId
    secret     = { api_key = body.key }
    expires_at = body.expireTime
  }

  revoke {
    post = "/v1/accounts/${connection.account_id}/users/${role.user_id}/apiKeys:delete"
    json = { keyId = key.id }
    gone = [404]
  }

  list {
    get   = "/v1/accounts/${connection.account_id}/users/${role.user_id}/apiKeys"
    query = { pageSize = 200 }
    items = try(body.apiKeys, [])
    item = {
      id           = item.keyId
      name         = item.displayName
      created_at   = item.createTime
      last_used_at = item.lastUsed
    }
    pagination "cursor" {
      parameter = "pageToken"
      next      = body.nextPageToken
    }
  }

  probe {
    get     = "/inference/v1/models"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }

  expiry { maximum = "365d" }

  errors { message = try(body.error.message, body.message) }
}
