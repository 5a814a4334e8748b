# Category: Crypto exchanges
#
# Sources: https://docs.coinex.com/api/v2/account/subs/http/create-sub-api,
# .../list-sub-api, .../delete-sub-api and https://docs.coinex.com/api/v2/authorization;
# https://www.coinex.com/en/help/sections/articles/44802223055257
#
# Keys of sub-accounts; they may read unless the role says that they trade, and none may
# withdraw. CoinEx says that it may take ten minutes until a new key is taken. A key
# without addresses ends after three months. The sub-account has to be one that may have
# keys. The key that makes them belongs to the main account and cannot be replaced by the
# API. Errors come under HTTP 200.
#
# Admin credential: a key of the main account that may manage sub-accounts, bound to the
# addresses from which Vault calls; it needs no right to trade or withdraw.
#
# Not confirmed: what a second deletion is answered, so what is gone is seen from the
# list.
#
# Rights not named in: https://docs.coinex.com/api/v2/account/subs/http/create-sub-api
# and coinexcom/coinex_exchange_api
provider "coinex" {
  title    = "CoinEx"
  docs     = "https://docs.coinex.com/api/v2/account/subs/http/create-sub-api"
  base_url = "https://api.coinex.com"

  connection {
    access_id  = { required = true, sensitive = true, help = "Access id of a key of the main account." }
    secret_key = { required = true, sensitive = true, help = "Secret of access_id." }
  }

  role {
    sub_user_name = { required = true, help = "Name of the sub-account that the keys belong to." }
    access        = { default = "read", enum = ["read", "trade"], help = "What the keys may do: read, or trade." }
    ips           = { type = list(string), default = [], max = 50, binds_addresses = true, help = "IP addresses that may use the keys, beside those of a lease." }
  }

  auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret_key
    message   = "${request.method}${request.target}${request.body}${unix_ms(request.time)}"
    headers = {
      X-COINEX-KEY       = connection.access_id
      X-COINEX-SIGN      = signature
      X-COINEX-TIMESTAMP = unix_ms(request.time)
    }
  }

  requests { ok = body.code == 0 }

  check { get = "/v2/account/info" }

  issue {
    post = "/v2/account/subs/api"
    json = {
      sub_user_name = role.sub_user_name
      ip_whitelist  = concat(role.ips, key.ips)
      trade_enabled = role.access == "trade"
      remark        = key.name
    }
    id         = body.data.api_id
    identify   = "secret_key"
    secret     = { access_id = body.data.access_id, secret_key = body.data.secret_key }
    expires_at = body.data.expires_at
    granted    = { access = body.data.withdraw_enabled ? "withdraw" : body.data.trade_enabled ? "trade" : "read" }
  }

  revoke {
    list_first = true
    post       = "/v2/account/subs/delete-api"
    json       = { api_id = tonumber(key.id) }
  }

  list {
    get   = "/v2/account/subs/api"
    query = { sub_user_name = role.sub_user_name, limit = 100 }
    items = body.data
    item  = { id = item.api_id, name = item.remark, created_at = item.created_at }
    pagination "page" { more = body.pagination.has_next }
  }

  key_name { max_length = 50 }

  limits { keys = 50 } # of one sub-account

  cidrs {
    single    = true
    ipv6      = false
    max_items = 50
  }

  # 4005 to 4008: key, signature, time. 3008 and 4001 to 4003: busy, unavailable,
  # late, failed: the key may have been made. 4213: too many requests.
  errors {
    message      = body.message
    unauthorized = contains([4005, 4006, 4007, 4008], body.code)
    refused      = status == 200 && !contains([3008, 4001, 4002, 4003, 4213], body.code)
    throttled    = body.code == 4213
  }
}
