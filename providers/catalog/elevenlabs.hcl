# Category: AI
#
# Source: elevenlabs/elevenlabs-docs:fern/apis/api/openapi.json
#
# The answer to a new key holds the key and no id; the list shows it by its name.
#
# Admin credential: a key of a workspace administrator; the API for service accounts
# takes no other.
#
# Rights:
# elevenlabs/elevenlabs-docs:fern/docs/pages/product-guides/administration/workspaces/service-accounts.mdx
provider "elevenlabs" {
  title    = "ElevenLabs"
  docs     = "https://elevenlabs.io/docs/api-reference/service-accounts/api-keys/create"
  base_url = "https://api.elevenlabs.io"

  connection {
    api_key = { required = true, sensitive = true, help = "API key of a workspace administrator." }
  }

  role {
    service_account_user_id = { required = true, help = "Service account that the keys belong to, from GET /v1/service-accounts." }
    permissions             = { type = any, required = true, help = "What the keys may do: \"all\", or a list such as [\"text_to_speech\", \"voices_read\"]." }
    character_limit         = { type = number, min = 0, help = "Characters that each key may spend in a month." }
  }

  auth "header" { headers = { xi-api-key = connection.api_key } }

  check { get = "/v1/service-accounts" }

  issue {
    post = "/v1/service-accounts/${role.service_account_user_id}/api-keys"
    json = {
      name            = key.name
      permissions     = role.permissions
      character_limit = role.character_limit
    }
    secret = { api_key = body["xi-api-key"] }
  }

  # What a second deletion is answered is not documented, so that a key is gone
  # is seen from the list.
  revoke {
    list_first = true
    delete     = "/v1/service-accounts/${role.service_account_user_id}/api-keys/${key.id}"
    gone       = [404]
  }

  # Not paged: the answer is all keys of the account.
  list {
    get   = "/v1/service-accounts/${role.service_account_user_id}/api-keys"
    items = body["api-keys"]
    item = {
      id         = item.key_id
      name       = item.name
      created_at = item.created_at_unix
    }
  }

  # A live key without the permission user_read is answered 401 as well, and
  # says why.
  probe {
    get     = "/v1/user"
    headers = { xi-api-key = secret.api_key }
    alive   = status == 200 || try(body.detail.status, "") == "missing_permissions"
    dead    = status == 401 && try(body.detail.status, "") == "invalid_api_key"
  }

  errors { message = try(body.detail.message, body.detail[0].msg) }
}
