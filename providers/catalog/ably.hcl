# Category: Mail and messages
#
# Sources: ably/open-specs:definitions/control-v1.yaml
#
# Keys of an app. A revoked key stays in the list and says so. Keys do not end by
# themselves, and whoever may read keys sees their values.
#
# Admin credential: an access token of the account with the capabilities read:app,
# read:key and write:key; it can be bound to single apps.
#
# Rights: https://ably.com/docs/platform/account/access-tokens
provider "ably" {
  title    = "Ably"
  docs     = "https://ably.com/docs/platform/account/control-api"
  base_url = "https://control.ably.net/v1"

  connection {
    access_token = { required = true, sensitive = true, help = "Access token of the Control API with write:key and read:key." }
  }

  role {
    app_id     = { required = true, help = "App that the keys open." }
    capability = { type = map(list(string)), required = true, help = "What the keys may do on which channels, such as {\"orders:*\":[\"subscribe\"]}." }
  }

  auth "bearer" { token = connection.access_token }

  check { get = "/me" }

  issue {
    post   = "/apps/${role.app_id}/keys"
    json   = { name = key.name, capability = role.capability }
    id     = body.id
    secret = { key = body.key }
  }

  revoke {
    post = "/apps/${role.app_id}/keys/${key.id}/revoke"
    gone = [404]
  }

  # Not paged: the answer is all keys of the app.
  list {
    get   = "/apps/${role.app_id}/keys"
    items = body
    skip  = item.status != 0
    item = {
      id         = item.id
      name       = item.name
      created_at = item.created
    }
  }

  errors { message = body.message }
}
