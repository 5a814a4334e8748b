# Category: Content
#
# Sources: https://miniflux.app/docs/api.html#endpoint-create-api-key and what Miniflux
# 2.3.5 answers itself.
#
# API keys of the user whose key the connection holds, who should be nobody's
# administrator: a key may do all that its user may. Keys do not end by themselves. The
# list shows their values, by which a rotation finds its own key.
provider "miniflux" {
  title            = "Miniflux"
  docs             = "https://miniflux.app/docs/api.html"
  lag              = "5s"
  verified_against = ["Miniflux 2.3.5"]

  connection {
    token = { required = true, sensitive = true, help = "API key of the user that the keys act for." }
  }

  auth "header" { headers = { X-Auth-Token = connection.token } }

  check { get = "/v1/api-keys" }

  issue {
    post   = "/v1/api-keys"
    json   = { description = key.name }
    id     = body.id
    secret = { token = body.token }
  }

  revoke {
    delete = "/v1/api-keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys of the user.
  list {
    get   = "/v1/api-keys"
    items = body
    item = {
      id           = item.id
      name         = item.description
      created_at   = item.created_at
      last_used_at = item.last_used_at
    }
  }

  probe {
    get     = "/v1/me"
    headers = { X-Auth-Token = secret.token }
    alive   = [200]
    dead    = [401]
  }

  rotate {
    step "own" {
      get  = "/v1/api-keys"
      save = { old_id = [for one in body : one.id if one.token == connection.token][0] }
    }
    step "new" {
      post = "/v1/api-keys"
      json = { description = key.name }
    }
    connection = { token = body.token }
    retire {
      delete = "/v1/api-keys/${saved.old_id}"
      gone   = [404]
    }
    list { item = { name = item.description, old_id = item.id } }
  }

  errors { message = body.error_message }
}
