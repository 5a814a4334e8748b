# Category: Data, search and queues
#
# Sources: the OpenAPI document of
# https://clickhouse.com/docs/cloud/manage/api/api-overview, as
# api-evangelist/clickhouse:openapi/clickhouse-api-keys-api-openapi.yml has it.
#
# A key is its id and its secret, in basic authentication; the id by which it is deleted
# is another one.
#
# Admin credential: an API key of the organization with a role that manages API keys,
# such as Admin. It is replaced in the console: its own id is not told by it.
#
# Not confirmed: GET /organizations, and what is answered to a wrong credential and to
# the deletion of a key that is gone; the document has 400 and 500 alone.
#
# Rights: https://clickhouse.com/docs/products/cloud/features/admin-features/api/openapi
provider "clickhouse-cloud" {
  title    = "ClickHouse Cloud"
  docs     = "https://clickhouse.com/docs/cloud/manage/openapi"
  base_url = "https://api.clickhouse.cloud/v1"

  connection {
    organization_id = { required = true, pattern = "[0-9a-f-]{36}", help = "Organization, a UUID." }
    key_id          = { required = true, help = "Key id of an API key that may manage API keys." }
    key_secret      = { required = true, sensitive = true, help = "Key secret of key_id." }
  }
  role {
    role_ids = { type = list(string), required = true, min = 1, pattern = "[0-9a-f-]{36}", help = "Ids of the roles that the keys get, each a UUID." }
  }

  auth "basic" {
    username = connection.key_id
    password = connection.key_secret
  }
  locals { keys = "/organizations/${connection.organization_id}/keys" }
  check { get = "/organizations/${connection.organization_id}" }

  issue {
    post = local.keys
    json = {
      name            = key.name
      expireAt        = rfc3339(key.expires_at)
      state           = "enabled"
      assignedRoleIds = role.role_ids
      ipAccessList    = length(key.ips) == 0 ? null : [for address in key.ips : { source = address }]
    }
    id         = body.result.key.id
    identify   = "key_secret"
    secret     = { key_id = body.result.keyId, key_secret = body.result.keySecret }
    expires_at = body.result.key.expireAt
    granted    = { role_ids = body.result.key.assignedRoles[*].roleId }
  }
  revoke {
    delete = "${local.keys}/${key.id}"
    gone   = [404]
  }
  extend {
    patch      = "${local.keys}/${key.id}"
    json       = { expireAt = rfc3339(key.expires_at) }
    gone       = [404]
    expires_at = body.result.expireAt
  }
  list {
    get   = local.keys
    items = body.result
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.createdAt
      last_used_at = try(item.usedAt, null)
      expires_at   = item.expireAt
    }
  }
  probe {
    get        = "/organizations"
    credential = { key_id = secret.key_id, key_secret = secret.key_secret }
    alive      = [200]
    dead       = [401]
  }
  errors { message = body.error }
}
