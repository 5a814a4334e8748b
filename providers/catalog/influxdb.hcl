# Category: Data, search and queues
#
# Sources: influxdata/openapi:contracts/oss.json;
# https://docs.influxdata.com/influxdb/v2/admin/tokens/
#
# InfluxDB 2. Tokens do not end by themselves. A token in the list shows its
# value to an operator token, which nothing here reads.
#
# Admin credential: a token with read and write on authorizations of the organization
# and on the users that they belong to, and with every permission that the keys get, since InfluxDB lets nobody grant more
# than they have.
#
# Rights: influxdata/openapi:contracts/oss.json
provider "influxdb" {
  title = "InfluxDB 2"
  docs  = "https://docs.influxdata.com/influxdb/v2/admin/tokens/create-token/"

  connection {
    token = { required = true, sensitive = true, help = "Operator token, or an all-access token of the organization: it may read and write authorizations." }
  }

  role {
    org_id = { required = true, help = "Id of the organization that the tokens belong to." }
    permissions = {
      type     = list(object({ action = string, resource = object({ type = string, id = optional(string), name = optional(string) }) }))
      required = true
      min      = 1
      help     = "What the tokens may do, such as [{\"action\":\"read\",\"resource\":{\"type\":\"buckets\",\"id\":\"0123456789abcdef\"}}]."
    }
  }

  auth "header" { headers = { Authorization = "Token ${connection.token}" } }

  check { get = "/api/v2/authorizations" }

  issue {
    post = "/api/v2/authorizations"
    json = {
      orgID       = role.org_id
      description = key.name
      permissions = [for one in role.permissions : {
        action = one.action
        resource = {
          type  = one.resource.type
          id    = one.resource.id
          name  = one.resource.name
          orgID = role.org_id
        }
      }]
    }
    id     = body.id
    secret = { token = body.token }
  }

  revoke {
    delete = "/api/v2/authorizations/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all tokens that the credential may see.
  list {
    get   = "/api/v2/authorizations"
    query = { orgID = role.org_id }
    items = coalesce(body.authorizations, [])
    item = {
      id         = item.id
      name       = try(item.description, null)
      created_at = try(item.createdAt, null)
    }
  }

  probe {
    get     = "/api/v2/me"
    headers = { Authorization = "Token ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  errors { message = body.message }
}
