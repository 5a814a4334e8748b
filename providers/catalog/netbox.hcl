# Category: Cloud and hosting
#
# Sources: netbox-community/go-netbox:api/openapi.yaml;
# https://netboxlabs.com/docs/netbox/integrations/rest-api/
#
# Tokens of version 1, which NetBox makes up to 4.4 and takes in 4.5 too. The admin
# token's user needs users.add_token, users.view_token, users.change_token and
# users.delete_token, which everybody has for their own tokens, and users.grant_token to
# make them for others.
#
# Rights: netbox-community/netbox:docs/integrations/rest-api.md and
# docs/configuration/security.md
provider "netbox" {
  title = "NetBox"
  docs  = "https://netboxlabs.com/docs/netbox/integrations/rest-api/#authenticating-to-the-api"

  connection {
    token = { required = true, sensitive = true, help = "Token of a user who may add and delete tokens of others." }
  }

  role {
    username      = { required = true, help = "User that the tokens belong to; they may do what that user may." }
    write_enabled = { type = bool, default = false, help = "Whether the tokens may change things; otherwise they only read." }
  }

  auth "header" { headers = { Authorization = "Token ${connection.token}" } }

  check {
    get   = "/api/users/tokens/"
    query = { limit = 1 }
  }

  issue {
    post = "/api/users/tokens/"
    json = {
      user          = { username = role.username }
      description   = key.name
      write_enabled = role.write_enabled
      expires       = rfc3339(key.expires_at)
    }
    id         = body.id
    secret     = { token = body.key }
    expires_at = try(body.expires, null)
    granted    = { write_enabled = body.write_enabled }
  }

  revoke {
    delete = "/api/users/tokens/${key.id}/"
    gone   = [404]
  }

  list {
    get   = "/api/users/tokens/"
    query = { limit = 100 }
    items = body.results
    item = {
      id           = item.id
      name         = try(item.description, null)
      created_at   = try(item.created, null)
      last_used_at = item.last_used
      expires_at   = item.expires
    }
    pagination "offset" {}
  }

  extend {
    patch      = "/api/users/tokens/${key.id}/"
    json       = { expires = rfc3339(key.expires_at) }
    gone       = [404]
    expires_at = try(body.expires, null)
  }

  probe {
    get     = "/api/status/"
    headers = { Authorization = "Token ${secret.token}" }
    alive   = [200]
    dead    = [401, 403]
  }

  key_name { max_length = 200 }

  errors { message = body.detail }
}
