# Category: To try out
#
# The provider that cmd/sandbox serves, to try and break the engine with.
provider "sandbox" {
  title = "Sandbox"

  # The connection's base_url is where the sandbox listens, such as
  # http://127.0.0.1:8300.

  connection {
    admin_key = { required = true, sensitive = true, help = "Admin key: it may create and delete keys, and other admin keys." }
  }

  role {
    scopes = { type = list(string), help = "What the keys may do; \"read\" opens /v1/data." }
    owner  = { help = "Whom the keys are for; the sandbox shows it with each key." }
  }

  auth "bearer" { token = connection.admin_key }

  # Any key may ask who it is, so the answer must say more than 200.
  check {
    get = "/v1/whoami"
    ok  = body.admin
  }

  issue {
    post = "/v1/keys"
    json = {
      name          = key.name
      scopes        = role.scopes
      owner         = role.owner
      expires_at    = rfc3339(key.expires_at)
      allowed_cidrs = key.cidrs
    }
    id         = body.id
    secret     = { api_key = body.key }
    expires_at = body.expires_at
    granted    = { scopes = body.scopes }
  }

  revoke {
    delete = "/v1/keys/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/v1/keys"
    query = { limit = 100 }
    items = body.data
    item  = { id = item.id, name = item.name, created_at = item.created_at, last_used_at = item.last_used_at, expires_at = item.expires_at }
    pagination "cursor" {
      parameter = "cursor"
      next      = body.next_cursor
    }
  }

  extend {
    patch = "/v1/keys/${key.id}"
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

  # A new admin key; the old one tells its own id.
  rotate {
    step "own" {
      get  = "/v1/whoami"
      save = { old_id = body.id }
    }
    step "new" {
      post = "/v1/admin-keys"
      json = { name = key.name }
    }

    connection = { admin_key = body.key }

    retire {
      delete = "/v1/admin-keys/${saved.old_id}"
      gone   = [404]
    }

    list {
      get   = "/v1/admin-keys"
      query = { limit = 100 }
      items = body.data
      item  = { name = item.name, old_id = item.id }
      pagination "cursor" {
        parameter = "cursor"
        next      = body.next_cursor
      }
    }
  }

  key_name {
    max_length = 64
    characters = "A-Za-z0-9._-"
  }

  expiry { granularity = "1s" }

  errors { message = body.error.message }
}
