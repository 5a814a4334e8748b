# Category: Data, search and queues
#
# Sources: meilisearch/open-api:open-api.json;
# https://www.meilisearch.com/docs/reference/api/keys
#
# A key's uid is ours to choose, so it is known before the server hears of it.
# The master key itself is part of the server's start-up configuration. There is
# no probe: a key that may not do something is answered like one that is gone.
#
# Admin credential: an API key with the actions keys.get, keys.create, keys.update and
# keys.delete, or the master key, which is start-up configuration.
#
# Rights: meilisearch/open-api:open-api.json;
# https://www.meilisearch.com/docs/learn/security/master_key
provider "meilisearch" {
  title = "Meilisearch"
  docs  = "https://www.meilisearch.com/docs/reference/api/keys"

  connection {
    api_key = { required = true, sensitive = true, help = "Master key, or a key that may do keys.create, keys.delete and keys.get." }
  }

  role {
    actions = { type = list(string), default = ["search"], min = 1, help = "What the keys may do, such as search or documents.add." }
    indexes = { type = list(string), required = true, min = 1, help = "Indexes that the keys open, such as movies or movies-*; * is all of them." }
  }

  auth "bearer" { token = connection.api_key }

  check {
    get   = "/keys"
    query = { limit = 1, offset = 0 }
  }

  issue {
    post = "/keys"
    json = {
      uid       = uuidv5("url", key.name)
      name      = key.name
      actions   = role.actions
      indexes   = role.indexes
      expiresAt = rfc3339(key.expires_at)
    }
    id         = uuidv5("url", key.name)
    secret     = { api_key = body.key }
    expires_at = body.expiresAt
    granted    = { actions = body.actions, indexes = body.indexes }
  }

  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/keys"
    query = { limit = 100 }
    items = body.results
    item = {
      id         = item.uid
      name       = try(item.name, null)
      created_at = item.createdAt
    }
    pagination "offset" {}
  }

  errors { message = body.message }
}
