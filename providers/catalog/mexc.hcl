# Category: Crypto exchanges
#
# Sources: https://www.mexc.com/api-docs/spot-v3/subaccount-endpoints
#
# Keys of sub-accounts; a role that names no permission gets keys that may read the spot
# account. None may withdraw. A key without addresses ends after 90 days. The key that
# makes them belongs to the master account and cannot be replaced by the API.
#
# Admin credential: a key of the master account with SPOT_ACCOUNT_READ and
# SPOT_ACCOUNT_WRITE, bound to the addresses from which Vault calls; it needs no right to
# trade or withdraw.
#
# Not confirmed: what a second deletion is answered, so what is gone is seen from the
# list.
#
# Rights: https://www.mexc.com/api-docs/spot-v3/subaccount-endpoints
provider "mexc" {
  title    = "MEXC"
  docs     = "https://www.mexc.com/api-docs/spot-v3/subaccount-endpoints#create-an-apikey-for-a-sub-account"
  base_url = "https://api.mexc.com"

  connection {
    api_key    = { required = true, sensitive = true, help = "API key of the master account that may manage sub-accounts." }
    secret_key = { required = true, sensitive = true, help = "Secret of api_key." }
  }

  role {
    sub_account = { required = true, help = "Name of the sub-account that the keys belong to." }
    permissions = {
      type    = list(string)
      default = ["SPOT_ACCOUNT_READ"]
      min     = 1
      enum    = ["SPOT_ACCOUNT_READ", "SPOT_ACCOUNT_WRITE", "SPOT_DEAL_READ", "SPOT_DEAL_WRITE", "CONTRACT_ACCOUNT_READ", "CONTRACT_ACCOUNT_WRITE", "CONTRACT_DEAL_READ", "CONTRACT_DEAL_WRITE"]
      help    = "What the keys may do; trading is SPOT_DEAL_WRITE and CONTRACT_DEAL_WRITE."
    }
    ips = { type = list(string), default = [], max = 20, binds_addresses = true, help = "IP addresses that may use the keys, beside those of a lease." }
  }

  auth "header" { headers = { X-MEXC-APIKEY = connection.api_key } }
  auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret_key
    message   = "${request.query}${request.body}"
    query     = { recvWindow = 5000, timestamp = unix_ms(request.time), signature = signature }
  }

  check { get = "/api/v3/account" }

  issue {
    post = "/api/v3/sub-account/apiKey"
    query = {
      subAccount  = role.sub_account
      note        = key.name
      permissions = join(",", role.permissions)
      ip          = length(concat(role.ips, key.ips)) > 0 ? join(",", concat(role.ips, key.ips)) : null
    }
    id         = body.apiKey
    identify   = "secret_key"
    secret     = { api_key = body.apiKey, secret_key = body.secretKey }
    expires_in = length(concat(role.ips, key.ips)) > 0 ? null : seconds("90d")
    granted    = { permissions = split(",", body.permissions) }
  }

  revoke {
    list_first = true
    delete     = "/api/v3/sub-account/apiKey"
    query      = { subAccount = role.sub_account, apiKey = key.id }
  }

  # Not paged: the answer is all keys of the sub-account.
  list {
    get   = "/api/v3/sub-account/apiKey"
    query = { subAccount = role.sub_account }
    items = body.subAccount
    item = {
      id         = item.apiKey
      name       = item.note
      created_at = item.createTime
    }
  }

  cidrs {
    single    = true
    ipv6      = false
    max_items = 20
  }

  # 10072, 700002, 700003, 700006: key, signature, time, address.
  errors {
    message      = body.msg
    unauthorized = contains([10072, 700002, 700006], body.code)
    throttled    = body.code == 510
  }
}
