# Category: Content
#
# Sources: https://www.mux.com/docs/api-reference/system/signing-keys and the OpenAPI
# document there, https://www.mux.com/api-spec.json.
#
# Keys that sign tokens for private videos, thumbnails and statistics of one environment.
# A key signs for everything in it, and what it has signed ends with it: give leases longer
# lives than the tokens that they sign.
#
# Keys have no names and no end, and nothing about them can be chosen: one whose making got
# no answer is left to an operator.
#
# Rights: an access token of the environment with the permission System (read and write).
#
# Not confirmed: what a deleted key is answered, which is taken to be 404 as for Mux's
# other objects.
provider "mux-signing-keys" {
  title    = "Mux signing keys"
  docs     = "https://www.mux.com/docs/api-reference/system/signing-keys"
  base_url = "https://api.mux.com"

  connection {
    token_id     = { required = true, help = "Id of the access token." }
    token_secret = { required = true, sensitive = true, help = "Secret of the access token, with the permission System." }
  }

  auth "basic" {
    username = connection.token_id
    password = connection.token_secret
  }

  check {
    get   = "/system/v1/signing-keys"
    query = { limit = 1 }
  }

  issue {
    post     = "/system/v1/signing-keys"
    id       = body.data.id
    secret   = { private_key = body.data.private_key, key_id = body.data.id }
    identify = "private_key"
  }

  revoke {
    delete = "/system/v1/signing-keys/${key.id}"
    gone   = [404]
  }

  list {
    unnamed = true
    get     = "/system/v1/signing-keys"
    items   = body.data
    item    = { id = item.id, created_at = item.created_at }
    pagination "page" {
      size_parameter = "limit"
      size           = 100
    }
  }

  errors { message = join("; ", body.error.messages) }
}
