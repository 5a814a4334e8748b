# A first draft, from the provider's OpenAPI document, version 2.1.
provider "acme" {
  title = "Acme API"
  # TODO: the page about making keys
  docs     = "https://docs.example.com"
  base_url = "https://api.acme.example/v1"

  connection {
    admin_key = { required = true, sensitive = true, help = "Token that may make and delete keys." }
  }

  role {
    scopes = { type = list(string), required = true, help = "What the key may do." }
  }

  auth "bearer" { token = connection.admin_key }

  check {
    get = "/keys"
  }

  issue {
    post = "/keys"
    json = {
      name       = key.name
      expires_at = rfc3339(key.expires_at)
      scopes     = role.scopes
    }
    id         = body.id
    secret     = { secret = body.secret }
    expires_at = body.expires_at
  }

  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }

  list {
    get = "/keys"
    query = {
      limit  = 50
      cursor = page.cursor
    }
    items = body.data
    item = {
      id         = item.id
      name       = item.name
      created_at = item.created_at
    }
    next = body.next_cursor != null && body.next_cursor != "" ? { cursor = body.next_cursor } : null
  }

  extend {
    patch = "/keys/${key.id}"
    json = {
      expires_at = rfc3339(key.expires_at)
    }
  }

  probe {
    # TODO: can every key make this read, and is this how it shows itself?
    get     = "/me"
    headers = { Authorization = "Bearer ${secret.secret}" }
    alive   = [200]
    dead    = [401]
  }

  key_name {
    max_length = 64
  }
}
