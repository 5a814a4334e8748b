# Category: Network and gateways
#
# Sources: tailscale/tailscale-client-go-v2:keys.go; https://tailscale.com/api#tag/keys
#
# Auth keys, with which machines join the tailnet under the role's tags. A role that
# says nothing gets keys for one machine, which is forgotten when it goes away. The
# OAuth client needs the scope auth_keys and the tags; it is replaced in the admin
# console. Deleting a key leaves the machines that joined with it. The list of keys
# holds ids alone, and not what we called them, so each key is asked for by itself: a
# tailnet with very many keys is slow to be looked through.
#
# Rights: tailscale/terraform-provider-tailscale:docs/resources/oauth_client.md;
# https://tailscale.com/kb/1623/trust-credentials
provider "tailscale" {
  title    = "Tailscale"
  docs     = "https://tailscale.com/kb/1085/auth-keys"
  base_url = "https://api.tailscale.com"

  connection {
    client_id     = { required = true, help = "Id of an OAuth client with the scope auth_keys." }
    client_secret = { required = true, sensitive = true, help = "Secret of the OAuth client." }
    tailnet       = { default = "-", help = "Tailnet that the keys belong to; - is the client's own." }
  }

  role {
    tags          = { type = list(string), required = true, min = 1, pattern = "tag:.+", help = "Tags of the machines that join, such as tag:ci." }
    reusable      = { type = bool, default = false, help = "More than one machine may join with one key." }
    ephemeral     = { type = bool, default = true, help = "Machines are forgotten once they are away." }
    preauthorized = { type = bool, default = false, help = "Machines need no approval where the tailnet asks for it." }
  }

  auth "oauth2" {
    token_url     = "/api/v2/oauth/token"
    client_id     = connection.client_id
    client_secret = connection.client_secret
    credentials   = "body"
  }

  check { get = "/api/v2/tailnet/${connection.tailnet}/keys" }

  issue {
    post = "/api/v2/tailnet/${connection.tailnet}/keys"
    json = {
      description   = key.name
      expirySeconds = key.ttl
      capabilities = {
        devices = {
          create = {
            reusable      = role.reusable
            ephemeral     = role.ephemeral
            preauthorized = role.preauthorized
            tags          = role.tags
          }
        }
      }
    }
    id         = body.id
    secret     = { auth_key = body.key }
    expires_at = body.expires
    granted = {
      reusable      = body.capabilities.devices.create.reusable
      ephemeral     = body.capabilities.devices.create.ephemeral
      preauthorized = body.capabilities.devices.create.preauthorized
      tags          = body.capabilities.devices.create.tags
    }
  }

  revoke {
    delete = "/api/v2/tailnet/${connection.tailnet}/keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all ids. A key that ended meanwhile is no more.
  list {
    step "keys" {
      get  = "/api/v2/tailnet/${connection.tailnet}/keys"
      save = { ids = body.keys[*].id }
    }
    for_each = saved.ids
    get      = "/api/v2/tailnet/${connection.tailnet}/keys/${each.value}"
    items    = try(body.invalid, false) ? [] : [body] # revoked, or expired
    item     = { id = item.id, name = item.description, created_at = item.created }
    gone     = [404]
  }

  # A description may hold letters, digits, spaces and dashes.
  key_name {
    max_length = 50
    characters = "a-zA-Z0-9-"
  }

  expiry { maximum = "90d" }

  errors { message = body.message }
}
