# Category: Cloud and hosting
#
# Sources: digitalocean/openapi:specification/DigitalOcean-public.v2.yaml
#
# Access keys of a namespace of Functions, with which its functions are deployed and
# called. The API token needs the scope function:admin, for each of these calls, and
# nothing else.
#
# Not confirmed: which units expires_in takes; the documentation shows 7d, and hours
# are sent. The end that the key got is read back.
#
# Rights: digitalocean/openapi:specification/DigitalOcean-public.v2.yaml
provider "digitalocean-functions" {
  title    = "DigitalOcean Functions"
  docs     = "https://docs.digitalocean.com/reference/api/digitalocean/#tag/Functions"
  base_url = "https://api.digitalocean.com"

  connection {
    token     = { required = true, sensitive = true, help = "API token that may create, read and delete access keys of Functions." }
    namespace = { required = true, pattern = "^fn-[a-z0-9-]+$", help = "Id of the namespace, such as fn-xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx." }
  }

  locals { keys = "/v2/functions/namespaces/${connection.namespace}/keys" }

  auth "bearer" { token = connection.token }

  check { get = local.keys }

  issue {
    post       = local.keys
    json       = { name = key.name, expires_in = key.ttl == null ? null : "${key.ttl / seconds("1h")}h" }
    id         = body.access_key.id
    secret     = { secret = body.access_key.secret, id = body.access_key.id }
    expires_at = body.access_key.expires_at
  }
  expiry {
    granularity      = "1h"
    granularity_from = "now"
  }

  revoke {
    delete = "${local.keys}/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys of the namespace.
  list {
    get   = local.keys
    items = body.access_keys
    item  = { id = item.id, name = item.name, created_at = item.created_at }
  }

  errors { message = body.message }
}
