# Category: Network and gateways
#
# Sources: netbirdio/netbird:shared/management/http/api/openapi.yml;
# https://docs.netbird.io/api/resources/tokens
#
# Access tokens of a service user, which may do what its role says: give it "user" or
# "auditor". They live for whole days. The admin token is one of a service user with
# the role admin; it is replaced by another one of the same user.
# Not confirmed: the status of deleting a token that is gone.
provider "netbird" {
  title    = "NetBird"
  docs     = "https://docs.netbird.io/api/resources/tokens"
  base_url = "https://api.netbird.io"

  connection "token" {
    type      = string
    required  = true
    sensitive = true
    help      = "Access token of a service user with the role admin."
  }

  role "user_id" {
    type     = string
    required = true
    help     = "Service user that the tokens act for."
  }

  auth "header" { headers = { Authorization = "Token ${connection.token}" } }

  check { get = "/api/users/current" }

  issue {
    post       = "/api/users/${role.user_id}/tokens"
    json       = { name = key.name, expires_in = key.ttl / seconds("24h") }
    id         = body.personal_access_token.id
    secret     = { token = body.plain_token }
    expires_at = body.personal_access_token.expiration_date
  }

  revoke {
    delete = "/api/users/${role.user_id}/tokens/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all tokens of the user.
  list {
    get   = "/api/users/${role.user_id}/tokens"
    items = body
    item = {
      id         = item.id
      name       = item.name
      created_at = item.created_at
    }
  }

  probe {
    get     = "/api/users/current"
    headers = { Authorization = "Token ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  expiry {
    maximum          = "365d"
    granularity      = "24h"
    granularity_from = "now"
  }

  errors { message = body.message }
}
