# Category: Crypto exchanges
#
# Sources: tiagosiebler/bitget-api:src/rest-client-v3.ts,
# src/types/request/v3/account.ts, src/util/BaseRestClient.ts;
# https://www.bitget.com/api-doc/uta/account/sub-account/SubAccount-API-Create and
# SubAccount-API-Get
#
# Keys of sub-accounts of a unified account; they may read unless the role says that
# they trade, and none may withdraw. The passphrase is derived from the connection's
# secret and the key's name. The key that makes them belongs to the main account and
# cannot be replaced by the API.
#
# Admin credential: a key of the main account that may read and write with the permission
# uta_mgt, bound to the addresses from which Vault calls; it needs no right to trade or
# withdraw.
#
# Not confirmed: what a second deletion is answered, so what is gone is seen from the
# list.
#
# Rights:
# https://www.bitget.com/api-doc/uta/account/sub-account/SubAccount-API-Create
provider "bitget" {
  title    = "Bitget"
  docs     = "https://www.bitget.com/api-doc/uta/account/sub-account/SubAccount-API-Create"
  base_url = "https://api.bitget.com"

  connection {
    api_key    = { required = true, sensitive = true, help = "API key of the main account that may manage sub-accounts." }
    secret_key = { required = true, sensitive = true, help = "Secret of api_key." }
    passphrase = { required = true, sensitive = true, help = "Passphrase that was chosen for api_key." }
  }

  role {
    sub_uid = { required = true, pattern = "^[0-9]+$", help = "Number of the sub-account that the keys belong to." }
    access  = { default = "read_only", enum = ["read_only", "read_write"], help = "What the keys may do with the permissions: read, or write too." }
    permissions = {
      type    = list(string)
      default = ["uta_mgt"]
      min     = 1
      enum    = ["uta_mgt", "uta_trade"]
      help    = "What the keys are for: uta_mgt to see the account, uta_trade to trade."
    }
    ips = { type = list(string), default = [], max = 30, binds_addresses = true, help = "IP addresses that may use the keys, beside those of a lease." }
  }

  auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret_key
    encoding  = "base64"
    message   = "${unix_ms(request.time)}${request.method}${request.target}${request.body}"
    headers = {
      ACCESS-KEY        = connection.api_key
      ACCESS-PASSPHRASE = connection.passphrase
      ACCESS-TIMESTAMP  = unix_ms(request.time)
      ACCESS-SIGN       = signature
    }
  }

  locals { passphrase = substr(hmac_sha256(connection.secret_key, "passphrase of ${key.name}"), 0, 32) }

  requests { ok = body.code == "00000" }

  check { get = "/api/v3/account/settings" }

  issue {
    post = "/api/v3/user/create-sub-api"
    json = {
      subUid      = role.sub_uid
      note        = key.name
      type        = role.access
      passphrase  = local.passphrase
      permissions = role.permissions
      ips         = concat(role.ips, key.ips)
    }
    id       = body.data.apiKey
    identify = "secret_key"
    secret   = { api_key = body.data.apiKey, secret_key = body.data.secret, passphrase = local.passphrase }
    granted  = { access = body.data.type, permissions = body.data.permissions }
  }

  revoke {
    list_first = true
    post       = "/api/v3/user/delete-sub-api"
    json       = { apiKey = key.id }
  }

  list {
    get   = "/api/v3/user/sub-api-list"
    query = { subUid = role.sub_uid, limit = 100 }
    items = body.data.items
    item  = { id = item.apiKey, name = item.note, created_at = item.ts }
    pagination "cursor" {
      parameter = "cursor"
      next      = body.data.cursor
      more      = body.data.hasNext
    }
  }

  key_name { characters = "a-zA-Z0-9_-" }

  limits { requests_per_second = 10 }

  cidrs {
    single    = true
    ipv6      = false
    max_items = 30
  }

  # 40006, 40009, 40012, 40018, 40037: key, signature, passphrase, address, no such
  # key. 40010, 40015, 40725: late, failed, failed: the key may have been made.
  errors {
    message      = body.msg
    unauthorized = contains(["40006", "40009", "40012", "40018", "40037"], body.code)
    refused      = status == 200 && !contains(["40010", "40015", "40725"], body.code)
    throttled    = body.code == "429"
  }
}
