# Category: Network and gateways
#
# Sources: ngrok/ngrok-openapi:ngrok.yaml; https://ngrok.com/docs/api/
#
# API keys, or authtokens of tunnels. Neither ends by itself. Both are listed newest
# first, a page beginning before the last id of the one ahead of it.
#
# Admin credential: an API key of a service user (bot user), or of a user with the
# Developer role: that is what manages API keys and authtokens, and no key can be
# narrowed.
#
# Rights: ngrok/ngrok-docs:iam/rbac.mdx and iam/service-users.mdx
provider "ngrok" {
  title    = "ngrok"
  docs     = "https://ngrok.com/docs/api/resources/api-keys/"
  base_url = "https://api.ngrok.com"

  connection {
    api_key = { required = true, sensitive = true, help = "API key of the account." }
  }

  role {
    kind = {
      default = "authtoken"
      enum    = ["authtoken", "api_key"]
      help    = "What to make: authtokens, which open tunnels, or API keys, which may do all that the account's API can."
    }
    acl      = { type = list(string), help = "What an authtoken may bind, such as bind:app.example.com, or bind:* for anything. API keys have none." }
    owner_id = { help = "Bot user or user that owns the credential; without it the owner of the connection's key does." }
  }
  validation {
    condition     = role.kind == "api_key" || try(length(role.acl), 0) > 0
    error_message = "name in acl what an authtoken may bind: without it that is anything"
  }

  auth "bearer" { token = connection.api_key }
  auth "header" { headers = { ngrok-version = "2" } }

  check {
    get   = "/api_keys"
    query = { limit = "1" }
  }

  issue {
    post = role.kind == "api_key" ? "/api_keys" : "/credentials"
    json = {
      description = key.name
      owner_id    = role.owner_id
      acl         = role.kind == "api_key" ? null : role.acl
    }
    id     = body.id
    secret = { token = body.token }
  }

  revoke {
    delete = role.kind == "api_key" ? "/api_keys/${key.id}" : "/credentials/${key.id}"
    gone   = [404]
  }

  list {
    get   = role.kind == "api_key" ? "/api_keys" : "/credentials"
    query = { limit = "100" }
    items = coalesce(try(body.keys, null), try(body.credentials, null), [])
    item = {
      id         = item.id
      name       = try(item.description, null)
      created_at = try(item.created_at, null)
    }
    pagination "url" { next = body.next_page_uri }
  }

  errors { message = body.msg }
}
