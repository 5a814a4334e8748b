# Category: Data, search and queues
#
# Sources: typesense/typesense-api-spec:openapi.yml;
# https://typesense.org/docs/latest/api/api-keys.html
#
# The bootstrap key is part of the server's configuration; a key with keys:create,
# keys:get, keys:list and keys:delete will serve as admin key.
#
# Rights: typesense/typesense-website:docs-site/content (api-keys.md)
provider "typesense" {
  title = "Typesense"
  docs  = "https://typesense.org/docs/latest/api/api-keys.html"

  connection {
    api_key = { required = true, sensitive = true, help = "Bootstrap key, or a key that may do keys:create, keys:list and keys:delete." }
  }

  role {
    actions     = { type = list(string), default = ["documents:search"], min = 1, help = "What the keys may do, such as documents:search." }
    collections = { type = list(string), required = true, min = 1, help = "Collections that the keys open, such as products, or a regular expression." }
  }

  auth "header" { headers = { X-TYPESENSE-API-KEY = connection.api_key } }

  check { get = "/keys" }

  issue {
    post = "/keys"
    json = {
      description = key.name
      actions     = role.actions
      collections = role.collections
      expires_at  = unix(key.expires_at)
    }
    id         = body.id
    secret     = { api_key = body.value }
    expires_at = body.expires_at
    granted    = { actions = body.actions, collections = body.collections }
  }

  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys.
  list {
    get   = "/keys"
    items = body.keys
    item  = { id = item.id, name = item.description }
  }

  errors { message = body.message }
}
