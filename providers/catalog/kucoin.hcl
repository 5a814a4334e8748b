# Category: Crypto exchanges
#
# Sources: Kucoin/kucoin-universal-sdk:spec/rest/entry/openapi-account.json,
# sdk/golang/internal/infra/default_signer.go
#
# Keys of sub-accounts; a role that names no permission gets keys that may read, and
# none may withdraw. The passphrase is derived from the key's name, since deleting a key
# needs it, also one that only the list tells of. The connection's key belongs to the
# master account and cannot be replaced by the API. Errors come under HTTP 200.
#
# Admin credential: a key of the master account with the permission General, the least
# that there is: neither Spot, Margin or Futures nor Transfer or Withdrawal; bound to
# the addresses from which Vault calls.
#
# Not confirmed: what a second deletion is answered, so what is gone is seen from the
# list.
#
# Rights: Kucoin/kucoin-universal-sdk:spec/rest/entry/openapi-account.json
# (x-api-permission)
provider "kucoin" {
  title    = "KuCoin"
  docs     = "https://www.kucoin.com/docs-new/rest/account-info/sub-account/add-sub-account-api"
  base_url = "https://api.kucoin.com"

  connection {
    api_key    = { required = true, sensitive = true, help = "API key of the master account that may manage sub-accounts." }
    secret_key = { required = true, sensitive = true, help = "Secret of api_key." }
    passphrase = { required = true, sensitive = true, help = "Passphrase that was chosen for api_key." }
  }

  role {
    sub_name = { required = true, help = "Name of the sub-account that the keys belong to." }
    permissions = {
      type    = list(string)
      default = ["General"]
      min     = 1
      enum    = ["General", "Spot", "Margin", "Futures"]
      help    = "What the keys may do: General reads, the others trade."
    }
    ips = { type = list(string), default = [], max = 20, binds_addresses = true, help = "IP addresses that may use the keys, beside those of a lease." }
  }

  auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret_key
    encoding  = "base64"
    message   = "${unix_ms(request.time)}${request.method}${urldecode(request.target)}${request.body}" # what is signed is not encoded
    headers = {
      KC-API-KEY         = connection.api_key
      KC-API-TIMESTAMP   = unix_ms(request.time)
      KC-API-KEY-VERSION = "3"
      KC-API-PASSPHRASE  = hmac_sha256(connection.secret_key, connection.passphrase, "base64")
      KC-API-SIGN        = signature
    }
  }

  requests { ok = body.code == "200000" }

  check { get = "/api/v1/user/api-key" }

  issue {
    post = "/api/v1/sub/api-key"
    json = {
      subName     = role.sub_name
      remark      = key.name
      passphrase  = derived_password(key.name, 32)
      permission  = join(",", role.permissions)
      ipWhitelist = length(concat(role.ips, key.ips)) > 0 ? join(",", concat(role.ips, key.ips)) : null
      expire      = tostring(ceil(key.ttl / seconds("24h")))
    }
    id       = body.data.apiKey
    identify = "secret_key"
    secret   = { api_key = body.data.apiKey, secret_key = body.data.apiSecret, passphrase = derived_password(key.name, 32) }
  }

  revoke {
    list_first = true
    delete     = "/api/v1/sub/api-key"
    query      = { subName = role.sub_name, apiKey = key.id, passphrase = derived_password(key.name, 32) }
  }

  # Not paged: the answer is all keys of the sub-account.
  list {
    get   = "/api/v1/sub/api-key"
    query = { subName = role.sub_name }
    items = body.data
    item  = { id = item.apiKey, name = item.remark, created_at = item.createdAt }
  }

  key_name { max_length = 24 }

  expiry { allowed = ["30d", "90d", "180d", "360d"] }

  cidrs {
    single    = true
    ipv6      = false
    max_items = 20
  }

  # 400001 to 400007: key, time, passphrase, signature, address, permission. 500000
  # and 300000 are failures inside: the key may have been made.
  errors {
    message      = body.msg
    unauthorized = can(regex("^40000[1-7]$", body.code))
    refused      = status == 200 && !contains(["500000", "300000"], body.code)
    throttled    = body.code == "429000"
  }
}
