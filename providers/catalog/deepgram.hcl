# Category: AI
#
# Sources: deepgram/deepgram-api-specs:openapi.yml. The body of a new key is left open
# there; its fields are from
# https://developers.deepgram.com/docs/create-additional-api-keys
#
# The admin key needs the scopes keys:read and keys:write in the project; those of the
# roles admin and member reach the keys that it has made itself, which is enough here.
#
# Rights: deepgram/deepgram-docs:fern/pages/guides/fundamentals/authenticating.mdx and
# guides/deep-dives/working-with-roles.mdx
provider "deepgram" {
  title    = "Deepgram"
  docs     = "https://developers.deepgram.com/docs/create-additional-api-keys"
  base_url = "https://api.deepgram.com"

  connection {
    api_key = { required = true, sensitive = true, help = "API key of an administrator or owner of the project." }
  }

  role {
    project_id = { required = true, help = "Project that the keys belong to, a UUID." }
    scopes     = { type = list(string), default = ["usage:write"], min = 1, help = "What the keys may do, such as usage:write, which transcribes and no more, or member." }
    tags       = { type = list(string), help = "Tags by which the usage of the keys can be told apart." }
  }

  auth "header" { headers = { Authorization = "Token ${connection.api_key}" } }

  check { get = "/v1/projects" }

  issue {
    post = "/v1/projects/${role.project_id}/keys"
    json = {
      comment         = key.name
      scopes          = role.scopes
      tags            = role.tags
      expiration_date = rfc3339(key.expires_at)
    }
    id         = body.api_key_id
    secret     = { api_key = body.key }
    expires_at = try(body.expiration_date, null)
  }

  # A deletion of a key that is gone is documented as a 4xx without a number, so
  # that is seen from the list.
  revoke {
    list_first = true
    delete     = "/v1/projects/${role.project_id}/keys/${key.id}"
    gone       = [404]
  }

  # Not paged: the answer is all keys of the project.
  list {
    get   = "/v1/projects/${role.project_id}/keys"
    items = body.api_keys
    item = {
      id         = item.api_key.api_key_id
      name       = try(item.api_key.comment, null)
      created_at = try(item.api_key.created, null)
    }
  }

  probe {
    get     = "/v1/projects"
    headers = { Authorization = "Token ${secret.api_key}" }
    alive   = [200, 403]
    dead    = [401]
  }

  errors { message = try(body.err_msg, body.message, body.details) }
}
