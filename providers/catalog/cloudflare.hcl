# Category: Network and gateways
#
# Sources, unless a line names another: cloudflare/api-schemas:openapi.json for user
# tokens; for account-owned tokens
# https://developers.cloudflare.com/api/resources/accounts/subresources/tokens/; for the
# bounds https://developers.cloudflare.com/fundamentals/api/reference/limits/
#
# There is no extend: Cloudflare can only replace a token whole (PUT), so a renewal
# would set a token to active again that somebody has disabled, and undo any change made
# to its policies.
#
# A user has at most 50 tokens, an account 500.
#
# Admin credential: an API token with API Tokens Write (of the user) or Account API
# Tokens Write; Cloudflare recommends that it has no other permission. Since 2026-10-01
# an account's tokens get no more than the member, or the OAuth session, has that makes
# them (https://developers.cloudflare.com/changelog/post/2026-10-01-account-api-token-provisioning/).
#
# Not confirmed: whether that binds a token that makes tokens too, of which Cloudflare
# says nothing. Where a mint is refused for it, that token needs what the keys get as well.
#
# Rights: https://developers.cloudflare.com/fundamentals/api/how-to/create-via-api
provider "cloudflare" {
  title    = "Cloudflare"
  docs     = "https://developers.cloudflare.com/fundamentals/api/how-to/create-via-api/"
  base_url = "https://api.cloudflare.com/client/v4"

  connection {
    api_token = {
      required  = true
      sensitive = true
      help      = "Token that may create tokens: permission \"API Tokens Write\", or \"Account API Tokens Write\" together with account_id."
    }
    account_id = {
      pattern = "^[0-9a-f]{32}$"
      help    = "Account that owns the tokens. Without it the tokens belong to the user who owns api_token, and end with that user."
    }
  }

  role {
    policies = {
      type     = any
      required = true
      help     = "What the tokens may do: a JSON list of policies, each {\"effect\": \"allow\", \"permission_groups\": [{\"id\": …}], \"resources\": {…}}. The ids come from GET /user/tokens/permission_groups."
    }
  }

  locals {
    tokens = connection.account_id != null ? "/accounts/${connection.account_id}/tokens" : "/user/tokens"
  }

  auth "bearer" { token = connection.api_token }

  requests { ok = body.success }

  check {
    get = "${local.tokens}/verify"
    ok  = body.success && body.result.status == "active"
  }

  issue {
    post = local.tokens
    json = {
      name       = key.name
      policies   = role.policies
      expires_on = rfc3339(key.expires_at)
      condition  = length(key.cidrs) > 0 ? { "request.ip" = { "in" = key.cidrs } } : null
    }
    id         = body.result.id
    secret     = { api_token = body.result.value }
    expires_at = try(body.result.expires_on, null)
  }

  revoke {
    delete = "${local.tokens}/${key.id}"
    json   = {} # the description demands a body
    gone   = [404]
  }

  # result_info is optional, so an empty page is the end.
  list {
    get   = local.tokens
    query = { per_page = 50 }
    items = body.result
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.issued_on
      last_used_at = item.last_used_on
    }
    pagination "page" {}
  }

  probe {
    get     = "${local.tokens}/verify"
    headers = { Authorization = "Bearer ${secret.api_token}" }
    alive   = status == 200 && body.result.status == "active"
    dead    = status == 401 || (status == 200 && body.result.status != "active")
  }

  # The token keeps its id and its permissions and gets another value. The new
  # value is in the answer only: is that lost, a new token has to be made by hand.
  # https://developers.cloudflare.com/fundamentals/api/how-to/roll-token/
  rotate {
    step "own" {
      get  = "${local.tokens}/verify"
      save = { id = body.result.id }
    }
    step "roll" {
      put  = "${local.tokens}/${saved.id}/value"
      json = {} # the description demands a body
    }

    connection = { api_token = body.result }
  }

  # 1200 requests in five minutes; whoever asks more often is refused for the next five.
  limits { requests_per_second = 4 }

  key_name { max_length = 120 }

  errors { message = body.errors[0].message }
}
