# Category: To try out
#
# The sandbox again, where each key lives in an account of its own that is made,
# given its scopes and given the key in three requests.
provider "sandbox-accounts" {
  title = "Sandbox, an account for each key"

  # The connection's base_url is where the sandbox listens, such as
  # http://127.0.0.1:8300.

  connection {
    admin_key = { required = true, sensitive = true, help = "Admin key: it may create and delete accounts and their keys." }
  }

  role {
    scopes = { type = list(string), help = "What the accounts may do; \"read\" opens /v1/data." }
  }

  auth "bearer" { token = connection.admin_key }

  # Any key may ask who it is, so the answer must say more than 200.
  check {
    get = "/v1/whoami"
    ok  = body.admin
  }

  issue {
    step "account" {
      post = "/v1/accounts"
      json = { name = key.name }
      save = { account_id = body.id }

      # Forced, since a key whose making had no answer may be in it.
      undo {
        delete = "/v1/accounts/${saved.account_id}"
        query  = { force = true }
        gone   = [404]
      }
    }

    step "scopes" {
      put  = "/v1/accounts/${saved.account_id}/scopes"
      json = { scopes = coalesce(role.scopes, []) }

      undo {
        delete = "/v1/accounts/${saved.account_id}/scopes"
        gone   = [404]
      }
    }

    step "key" {
      post = "/v1/accounts/${saved.account_id}/keys"
      json = { name = key.name, expires_at = rfc3339(key.expires_at), allowed_cidrs = key.cidrs }
      save = { key_id = body.id }
    }

    id         = saved.account_id
    secret     = { api_key = body.key }
    expires_at = body.expires_at
  }

  revoke {
    delete = "/v1/accounts/${key.id}"
    query  = { force = true }
    gone   = [404]
  }

  list {
    get   = "/v1/accounts"
    query = { limit = 100 }
    items = body.data
    item  = { id = item.id, name = item.name, created_at = item.created_at }
    pagination "cursor" {
      parameter = "cursor"
      next      = body.next_cursor
    }
  }

  lookup {
    get   = "/v1/accounts"
    query = { name = key.name }
    items = body.data
    item  = { id = item.id, name = item.name, created_at = item.created_at }
  }

  extend {
    patch = "/v1/accounts/${key.id}/keys/${saved.key_id}"
    json  = { expires_at = rfc3339(key.expires_at) }
    gone  = [404]

    expires_at = body.expires_at
  }

  probe {
    get     = "/v1/whoami"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }

  # A new value in place of the old one.
  rotate {
    candidate  = { admin_key = "sbx_${random_password(48)}" }
    put        = "/v1/admin-keys/self/key"
    json       = { key = candidate.admin_key }
    connection = { admin_key = candidate.admin_key }
  }

  key_name {
    max_length = 64
    characters = "A-Za-z0-9._-"
  }

  expiry { granularity = "1s" }

  errors { message = body.error.message }
}
