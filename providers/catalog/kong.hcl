# Category: Network and gateways
#
# Sources: https://developer.konghq.com/plugins/key-auth/ and
# https://developer.konghq.com/api/gateway/admin-ee/ (key-auth credentials);
# Kong/kong:kong/plugins/key-auth/daos.lua, kong/db/strategies/postgres/init.lua (ttl)
#
# Keys of a consumer at a Kong Gateway, by its Admin API. A key may do what the consumer
# may, has no name of its own, so a tag carries ours, and ends by itself: Kong takes its
# lifetime in seconds. The Admin API of the free edition has no login; guard it, and
# give its token here where there is one.
#
# Admin credential: whoever reaches the Admin API; in the paid editions a role with
# create, read and delete on /consumers/*/key-auth.
#
# Not confirmed: that a second deletion is answered 204 by every edition, as by most.
#
# Rights not named in: Kong/developer.konghq.com and Kong/docs.konghq.com, whose
# documents of the Admin API leave credentials of plugins out
provider "kong" {
  title = "Kong Gateway"
  docs  = "https://developer.konghq.com/plugins/key-auth/"

  # The connection's base_url is the Admin API, such as https://kong.internal:8444.

  connection {
    admin_token = { sensitive = true, help = "Token for the Admin API, sent as Kong-Admin-Token; without it nothing is sent." }
    workspace   = { help = "Workspace of the consumers, in the Enterprise edition." }
  }

  role {
    consumer = { required = true, help = "Name or id of the consumer that the keys belong to." }
  }

  auth "header" {
    when    = connection.admin_token != null
    headers = { Kong-Admin-Token = connection.admin_token }
  }

  check { get = connection.workspace == null ? "/consumers" : "/${connection.workspace}/consumers" }

  issue {
    post       = connection.workspace == null ? "/consumers/${role.consumer}/key-auth" : "/${connection.workspace}/consumers/${role.consumer}/key-auth"
    json       = { ttl = key.ttl, tags = [key.name] }
    id         = body.id
    secret     = { api_key = body.key }
    expires_in = body.ttl
  }

  revoke {
    delete = connection.workspace == null ? "/consumers/${role.consumer}/key-auth/${key.id}" : "/${connection.workspace}/consumers/${role.consumer}/key-auth/${key.id}"
    gone   = [404]
  }

  list {
    get   = connection.workspace == null ? "/consumers/${role.consumer}/key-auth" : "/${connection.workspace}/consumers/${role.consumer}/key-auth"
    query = { size = 1000, offset = page.offset }
    items = body.data
    item = {
      id         = item.id
      name       = try(item.tags[0], null)
      created_at = item.created_at
    }
    next = body.offset == null ? null : { offset = body.offset }
  }

  expiry { maximum = "1157d" } # 100,000,000 seconds

  errors { message = body.message }
}
