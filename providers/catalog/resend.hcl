# Category: Mail and messages
#
# Sources: resend/resend-openapi:resend.json;
# https://resend.com/docs/api-reference/api-keys/create-api-key
#
# Keys do not end by themselves.
# Not confirmed: the rate limit, two requests a second.
#
# Admin credential: a key with full_access: Resend lets no lesser one make keys.
#
# Rights: https://resend.com/changelog/new-api-key-permissions
provider "resend" {
  title    = "Resend"
  docs     = "https://resend.com/docs/api-reference/api-keys/create-api-key"
  base_url = "https://api.resend.com"

  connection {
    api_key = { required = true, sensitive = true, help = "API key with full access." }
  }

  role {
    permission = { default = "sending_access", enum = ["sending_access", "full_access"], help = "What the keys may do: only send, or everything." }
    domain_id  = { help = "Domain that keys with sending_access may send from; any domain unless written." }
  }

  auth "bearer" { token = connection.api_key }

  check {
    get   = "/api-keys"
    query = { limit = 1 }
  }

  issue {
    post = "/api-keys"
    json = {
      name       = key.name
      permission = role.permission
      domain_id  = role.domain_id
    }
    id     = body.id
    secret = { api_key = body.token }
  }

  revoke {
    delete = "/api-keys/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/api-keys"
    query = { limit = 100 }
    items = body.data
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.created_at
      last_used_at = item.last_used_at
    }
    pagination "cursor" {
      parameter = "after"
      next      = items[length(items) - 1].id
      more      = body.has_more
    }
  }

  key_name { max_length = 50 }

  limits { requests_per_second = 2 }

  errors { message = body.message }
}
