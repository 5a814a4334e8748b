# Category: Data, search and queues
#
# Sources: elastic/elasticsearch-specification:output/openapi/elasticsearch-openapi.json
#
# A key may do at most what its maker may, and a key that was made with a key has
# no privileges at all: the connection needs a user, with the cluster privilege
# manage_own_api_key or manage_api_key.
#
# Rights: elastic/elasticsearch-specification:output/openapi/elasticsearch-openapi.json
provider "elasticsearch" {
  title = "Elasticsearch"
  docs  = "https://www.elastic.co/docs/api/doc/elasticsearch/operation/operation-security-create-api-key"

  connection {
    username = { required = true, help = "User that the keys are made by." }
    password = { required = true, sensitive = true, help = "Password of the user." }
  }

  role {
    role_descriptors = {
      type     = map(any)
      required = true
      help     = "What the keys may do, such as {\"logs\":{\"indices\":[{\"names\":[\"logs-*\"],\"privileges\":[\"read\"]}]}}."
    }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  check { get = "/_security/_authenticate" }

  issue {
    post = "/_security/api_key"
    json = {
      name             = key.name
      expiration       = key.ttl == null ? null : "${key.ttl}s"
      role_descriptors = role.role_descriptors
    }
    id         = body.id
    secret     = { encoded = body.encoded, api_key = body.api_key, id = body.id }
    expires_at = try(body.expiration, null)
  }

  # The answer is 200 whether or not there was such a key.
  revoke {
    delete = "/_security/api_key"
    json   = { ids = [key.id] }
    ok     = body.error_count == 0
    # Of an id that it does not know, or that another user owns, it answers success too.
    gone = status == 200 && !contains(concat(body.invalidated_api_keys, body.previously_invalidated_api_keys), key.id)
  }

  # Not paged: the answer is all keys that are not invalidated and have not ended.
  list {
    get   = "/_security/api_key"
    query = { active_only = true, username = connection.username }
    items = body.api_keys
    item = {
      id         = item.id
      name       = item.name
      created_at = item.creation
      expires_at = item.expiration
    }
  }

  extend {
    put  = "/_security/api_key/${key.id}"
    json = { expiration = "${key.ttl}s" }
    gone = [404]
  }

  probe {
    get     = "/_security/_authenticate"
    headers = { Authorization = "ApiKey ${secret.encoded}" }
    alive   = [200]
    dead    = [401]
  }

  errors { message = try(body.error.reason, body.error) }
}
