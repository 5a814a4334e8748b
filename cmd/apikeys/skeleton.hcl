provider "acme" {
  title = "acme"
  # TODO: the page about making keys
  docs = "https://docs.example.com"
  # TODO: where the provider is served; without base_url each connection gives its own
  base_url = "https://api.example.com/v1"

  connection {
    admin_key = { required = true, sensitive = true, help = "Admin key: it may make and delete keys." }
  }

  # TODO: what may an operator choose for the keys of a role?
  role {
    scopes = { type = list(string), required = true, help = "What the keys may do." }
  }

  # TODO: how does one sign in? There are also "basic", "header", "query", "oauth2", "login", "jwt", "signature", "digest" and "sigv4"
  auth "bearer" { token = connection.admin_key }

  # TODO: a read that only a working admin credential can do
  check { get = "/me" }

  # TODO: the request that makes a key, and where its answer has the id and the key
  issue {
    post = "/keys"
    json = {
      name       = key.name
      scopes     = role.scopes
      expires_at = rfc3339(key.expires_at)
    }
    id     = body.id
    secret = { api_key = body.key }
  }

  # TODO: the request that deletes a key, and the answer that says that it is gone already
  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }

  # TODO: the list of keys, by which one is found whose making had no answer
  list {
    get   = "/keys"
    items = body.data
    item  = { id = item.id, name = item.name }
  }

  # TODO: a read that a key itself can do, by which it is seen alive and dead
  probe {
    get     = "/me"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }
}
