# Category: Network and gateways
#
# Sources: unkeyed/unkey:svc/api/openapi/openapi-generated.yaml;
# https://www.unkey.com/docs/api-reference/v2/keys/create-api-key
#
# Keys that protect an API of yours. A role that names neither roles nor
# permissions gets keys without any. The root key needs api.*.create_key,
# api.*.read_key, api.*.update_key, api.*.delete_key and api.*.read_api; it is
# made in the dashboard and cannot be replaced by the API. Verification is cached
# at the edge, where a deleted key may pass for up to a minute.
#
# Rights: https://www.mintlify.com/unkeyed/unkey/security/root-keys
provider "unkey" {
  title    = "Unkey"
  docs     = "https://www.unkey.com/docs/api-reference/v2/keys/create-api-key"
  base_url = "https://api.unkey.com"

  connection {
    root_key = { required = true, sensitive = true, help = "Root key that may create, read, update and delete keys of the API." }
    api_id   = { required = true, help = "API whose keys are made, such as api_1234abcd." }
  }

  role {
    permissions = { type = list(string), default = [], help = "Permissions of the keys, such as documents.read." }
    roles       = { type = list(string), default = [], help = "Roles of the keys." }
    prefix      = { pattern = "^[a-zA-Z0-9_]{1,16}$", help = "What the keys begin with." }
    external_id = { help = "Whom the keys belong to in your system." }
    ratelimits = {
      type = list(object({ name = string, limit = number, duration = number, autoApply = optional(bool) }))
      help = "Bounds on the keys' use, such as [{\"name\":\"requests\",\"limit\":100,\"duration\":60000,\"autoApply\":true}]; duration in milliseconds."
    }
    credits = { type = number, min = 0, help = "How often one key may be used in all." }
  }

  auth "bearer" { token = connection.root_key }

  check {
    post = "/v2/apis.getApi"
    json = { apiId = connection.api_id }
  }

  issue {
    post = "/v2/keys.createKey"
    json = {
      apiId       = connection.api_id
      name        = key.name
      prefix      = role.prefix
      externalId  = role.external_id
      permissions = role.permissions
      roles       = role.roles
      expires     = unix_ms(key.expires_at)
      ratelimits  = role.ratelimits
      credits     = role.credits == null ? null : { remaining = role.credits }
    }
    id     = body.data.keyId
    secret = { api_key = body.data.key }
  }

  revoke {
    post = "/v2/keys.deleteKey"
    json = { keyId = key.id, permanent = true }
    gone = [404]
  }

  list {
    post  = "/v2/apis.listKeys"
    json  = { apiId = connection.api_id, limit = 100, cursor = page.cursor }
    items = body.data
    item = {
      id           = item.keyId
      name         = item.name
      created_at   = item.createdAt
      last_used_at = item.lastUsedAt
      expires_at   = item.expires
    }
    pagination "cursor" {
      next = body.pagination.cursor
      more = body.pagination.hasMore
    }
  }

  extend {
    post = "/v2/keys.updateKey"
    json = { keyId = key.id, expires = unix_ms(key.expires_at) }
    gone = [404]
  }

  errors { message = try(body.error.detail, body.error.title) }
}
