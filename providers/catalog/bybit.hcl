# Category: Crypto exchanges
#
# Sources: bybit-exchange/docs:docs/v5/user/{create-subuid-apikey,rm-sub-apikey,
# list-sub-apikeys,apikey-info}.mdx and docs/v5/{guide,error}.mdx
#
# Keys belong to sub-accounts. A key without IP addresses ends by itself after 90 days.
# The connection's own key cannot be replaced by an API call.
#
# Admin credential: a key of the master account with SubMemberTransfer or
# AccountTransfer, the least that Bybit lets manage sub-accounts' keys; not Withdraw,
# and bound to the addresses from which Vault calls.
#
# Rights: bybit-exchange/docs:docs/v5/user/create-subuid-apikey.mdx, rm-sub-apikey.mdx
# and list-sub-apikeys.mdx
provider "bybit" {
  title    = "Bybit"
  docs     = "https://bybit-exchange.github.io/docs/v5/user/create-subuid-apikey"
  base_url = "https://api.bybit.com"

  connection {
    api_key    = { required = true, sensitive = true, help = "API key of the master account, with the permission Account Transfer, Subaccount Transfer or Withdrawal." }
    api_secret = { required = true, sensitive = true, help = "Secret of api_key, which the system generated (HMAC)." }
  }

  role {
    subuid = { type = number, required = true, min = 1, help = "UID of the sub-account that the keys belong to." }
    permissions = {
      type     = map(list(string))
      required = true
      help     = "What the keys may do, by kind: {\"Spot\": [\"SpotTrade\"], \"ContractTrade\": [\"Order\", \"Position\"]}."
    }
    read_only = { type = bool, default = true, help = "Let the keys read only, whatever their permissions." }
    ips       = { type = list(string), binds_addresses = true, help = "IP addresses that may use the keys, beside those of a lease. Without any they may be used from everywhere." }
  }

  auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.api_secret
    message   = "${unix_ms(request.time)}${connection.api_key}5000${request.query}${request.body}"
    headers = {
      X-BAPI-API-KEY     = connection.api_key
      X-BAPI-TIMESTAMP   = unix_ms(request.time)
      X-BAPI-RECV-WINDOW = 5000
      X-BAPI-SIGN        = signature
    }
  }

  requests { ok = body.retCode == 0 }

  check { get = "/v5/user/query-api" }

  issue {
    post = "/v5/user/create-sub-api"
    json = {
      subuid      = role.subuid
      note        = key.name
      readOnly    = role.read_only ? 1 : 0
      permissions = role.permissions
      ips         = length(concat(coalesce(role.ips, []), key.ips)) > 0 ? join(",", concat(coalesce(role.ips, []), key.ips)) : null
    }
    id         = body.result.apiKey
    expires_in = length(concat(coalesce(role.ips, []), key.ips)) > 0 ? null : seconds("90d")
    secret     = { api_secret = body.result.secret, api_key = body.result.apiKey }
  }

  cidrs {
    single = true
    ipv6   = false # no example shows one
  }

  # What a second deletion is answered is not documented, so that a key is gone
  # is seen from the list.
  revoke {
    list_first = true
    post       = "/v5/user/delete-sub-api"
    json       = { apikey = key.id }
  }

  list {
    get   = "/v5/user/sub-apikeys"
    query = { subMemberId = role.subuid, limit = 20 }
    items = body.result.result
    item  = { id = item.apiKey, name = item.note, created_at = item.createdAt }
    pagination "cursor" {
      parameter = "cursor"
      next      = body.result.nextPageCursor
      more      = body.result.nextPageCursor != ""
    }
  }

  probe {
    get        = "/v5/user/query-api"
    credential = { api_key = secret.api_key, api_secret = secret.api_secret }
    alive      = body.retCode == 0
    dead       = contains([10003, 33004], body.retCode)
  }

  # 10003, 10004 and 33004: key, signature, expired. 10000 and 10016 are a
  # time-out and a failure inside: the key may have been made.
  errors {
    message      = body.retMsg
    unauthorized = contains([10003, 10004, 33004], body.retCode)
    refused      = status == 200 && !contains([10000, 10016], body.retCode)
    throttled    = contains([10006, 10018], body.retCode) # of the account, of the address
  }
}
