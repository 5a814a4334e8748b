# Category: Crypto exchanges
#
# Sources: https://docs.deribit.com/articles/security-keys,
# https://docs.deribit.com/api-reference/account-management/private-create_api_key,
# private-list_api_keys and private-remove_api_key;
# https://docs.deribit.com/articles/connection-management-best-practices
#
# Keys of the account, best a sub-account, whose key the connection holds. That one
# needs account:read_write and nothing else, and cannot be replaced by the API. Market
# data need no key; reading and trading are apart, and keys that withdraw are never
# made. Where the account has a second factor, its seed goes into the connection.
#
# A key's name has at most 16 characters, so it is the beginning of a hash of ours: a
# key that got lost is found by that, and nothing else about a list can be. A key is bound
# to addresses by a later request alone, which asks for the second factor anew: not here.
# An account has at most 8.
#
# Not confirmed: whether an account with a second factor is asked for it by the list
# too; then a lost key has to be looked for by hand.
#
# Rights:
# https://docs.deribit.com/api-reference/account-management/private-create_api_key
# (scope of the method)
provider "deribit" {
  title    = "Deribit"
  docs     = "https://docs.deribit.com/articles/creating-api-key"
  base_url = connection.testnet ? "https://test.deribit.com/api/v2" : "https://www.deribit.com/api/v2"

  connection {
    client_id     = { required = true, help = "Client id of the key that makes keys." }
    client_secret = { required = true, sensitive = true, help = "Secret of client_id." }
    totp_seed     = { sensitive = true, help = "Seed of the account's second factor in base32, where it has one." }
    testnet       = { type = bool, default = false, help = "The key is one of test.deribit.com." }
  }

  role {
    scopes = {
      type    = list(string)
      default = ["account:read"]
      min     = 1
      enum    = ["account:read", "trade:read", "trade:read_write", "wallet:read", "block_trade:read", "block_trade:read_write", "block_rfq:read", "block_rfq:read_write"]
      help    = "What the keys may do; trading is trade:read_write."
    }
  }

  locals {
    name   = substr(sha256(key.name), 0, 16)
    create = { jsonrpc = "2.0", id = 1, method = "private/create_api_key" }
    key    = { name = local.name, max_scope = join(" ", concat(role.scopes, contains(role.scopes, "wallet:read") ? [] : ["wallet:none"])) }
  }

  auth "login" {
    request {
      get   = "/public/auth"
      query = { grant_type = "client_credentials", client_id = connection.client_id, client_secret = connection.client_secret }
    }
    token      = body.result.access_token
    expires_in = body.result.expires_in
  }

  check { get = "/private/list_api_keys" }

  # The first request makes the key, or names the challenge that the second answers.
  issue {
    step "ask" {
      post = "/private/create_api_key"
      json = merge(local.create, { params = local.key })
      ok   = can(body.result.id) || body.result.security_key_authorization_required
      save = { challenge = body.result.challenge, made = body.result.id }
      undo {
        post = "/private/remove_api_key"
        json = { jsonrpc = "2.0", id = 1, method = "private/remove_api_key", params = { id = saved.made } }
        gone = saved.made == null # a challenge made nothing
      }
    }
    step "answer" {
      when = saved.challenge != null
      post = "/private/create_api_key"
      json = merge(local.create, { params = merge(local.key, { challenge = saved.challenge, authorization_data = totp(connection.totp_seed) }) })
      ok   = can(body.result.id)
    }
    id       = body.result.id
    identify = "client_secret"
    secret   = { client_id = body.result.client_id, client_secret = body.result.client_secret }
    granted  = { scopes = [for one in split(" ", body.result.max_scope) : one if !endswith(one, ":none")] }
  }

  revoke {
    step "look" {
      get  = "/private/list_api_keys"
      gone = status == 200 && !contains([for one in body.result : tostring(one.id)], key.id)
    }
    step "remove" {
      post = "/private/remove_api_key"
      json = { jsonrpc = "2.0", id = 1, method = "private/remove_api_key", params = { id = tonumber(key.id) } }
      ok   = body.result == "ok"
    }
  }

  lookup {
    get     = "/private/list_api_keys"
    headers = { X-Request-Id = local.name }
    items   = [for one in body.result : one if one.name == local.name]
    item    = { id = item.id, name = key.name, created_at = item.timestamp }
  }

  probe {
    get   = "/public/auth"
    query = { grant_type = "client_credentials", client_id = secret.client_id, client_secret = secret.client_secret }
    alive = can(body.result.access_token)
    dead  = body.error.code == 13004
  }

  limits { keys = 8 }

  errors {
    message      = try("${body.error.message}: ${body.error.data.reason}", body.error.message)
    unauthorized = contains([13004, 13009], body.error.code)
    throttled    = body.error.code == 10028
  }
}
