# Category: Network and gateways
#
# Sources: netbirdio/netbird:shared/management/http/api/openapi.yml;
# https://docs.netbird.io/api/resources/tokens
#
# Access tokens of a service user, which may do what its role says: give it "user" or
# "auditor". They live for whole days. The admin token is one of a service user with the
# role admin, the least that makes tokens for another service user; it is replaced by
# another one of the same user. A token does not tell its own id, so the first that a
# connection has is removed by a rotation only where token_id names it.
#
# Not confirmed: the status of deleting a token that is gone.
#
# Rights: netbirdio/docs:src/pages/manage/team/user-roles.mdx;
# netbirdio/netbird:management/server/user.go
provider "netbird" {
  title    = "NetBird"
  docs     = "https://docs.netbird.io/api/resources/tokens"
  base_url = "https://api.netbird.io"

  connection {
    token    = { required = true, sensitive = true, help = "Access token of a service user with the role admin." }
    token_id = { help = "Id of token, which tells rotation what to delete; a rotation sets it itself from then on." }
  }

  role {
    user_id = { required = true, help = "Service user that the tokens act for." }
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
      id           = item.id
      name         = item.name
      created_at   = item.created_at
      last_used_at = try(item.last_used, null)
    }
  }

  probe {
    get     = "/api/users/current"
    headers = { Authorization = "Token ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  rotate {
    step "own" {
      get  = "/api/users/current"
      save = { user_id = body.id }
    }
    step "token" {
      post = "/api/users/${saved.user_id}/tokens"
      json = { name = key.name, expires_in = key.ttl == null ? 365 : min(365, ceil(key.ttl / 86400)) }
    }
    connection = { token = body.plain_token, token_id = body.personal_access_token.id }
    save       = { old_id = connection.token_id, owner = saved.user_id }
    retire {
      when   = saved.old_id != null
      delete = "/api/users/${saved.owner}/tokens/${saved.old_id}"
      gone   = [404]
    }
    list {
      step "own" {
        get  = "/api/users/current"
        save = { user_id = body.id }
      }
      get   = "/api/users/${saved.user_id}/tokens"
      items = body
      item  = { name = item.name, old_id = item.id, owner = saved.user_id }
    }
  }

  expiry {
    maximum          = "365d"
    granularity      = "24h"
    granularity_from = "now"
  }

  errors { message = body.message }
}
