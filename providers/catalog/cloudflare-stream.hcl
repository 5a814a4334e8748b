# Category: Content
#
# Sources: https://developers.cloudflare.com/api/resources/stream/subresources/keys/ and
# https://developers.cloudflare.com/stream/viewing-videos/securing-your-stream/;
# https://developers.cloudflare.com/fundamentals/api/reference/limits/.
#
# Keys that sign tokens for private videos of one account. A key signs for all of them, and
# what it has signed ends with it: give leases longer lives than the tokens that they sign.
# An account has at most 1000.
#
# Keys have no names and no end, and nothing about them can be chosen: one whose making got
# no answer is left to an operator.
#
# Rights: an API token with the account's permission Stream Write.
#
# Not confirmed: what a key that is gone is answered, which is taken to be 404.
provider "cloudflare-stream" {
  title    = "Cloudflare Stream signing keys"
  docs     = "https://developers.cloudflare.com/api/resources/stream/subresources/keys/"
  base_url = "https://api.cloudflare.com/client/v4"

  connection {
    api_token  = { required = true, sensitive = true, help = "API token with the permission Stream Write." }
    account_id = { required = true, pattern = "^[0-9a-f]{32}$", help = "Account whose videos the keys sign for." }
  }

  auth "bearer" { token = connection.api_token }

  locals { keys = "/accounts/${connection.account_id}/stream/keys" }

  check { get = local.keys }

  issue {
    post     = local.keys
    id       = body.result.id
    secret   = { pem = body.result.pem, jwk = body.result.jwk, key_id = body.result.id }
    identify = "pem"
  }

  revoke {
    delete = "${local.keys}/${key.id}"
    gone   = [404]
  }

  list {
    unnamed = true
    get     = local.keys
    items   = body.result
    item    = { id = item.id, created_at = item.created }
  }

  # 1200 requests in five minutes; whoever asks more often is refused for the next five.
  limits {
    keys                = 1000
    requests_per_second = 4
  }

  errors { message = body.errors[0].message }
}
