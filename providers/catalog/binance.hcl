# Category: Crypto exchanges
#
# Sources: https://developers.binance.com/docs/sub_account/api-management;
# binance/binance-connector-python:clients/sub_account (api_management_api.py).
#
# Keys of sub-accounts; without permissions they may only read, and none may withdraw.
# Binance wants keys that trade to be bound to addresses, single ones: nets are refused.
# The key that makes them is one of the master account, is bound to Vault's address, and
# cannot be replaced by the API. Each call weighs 3000.
#
# Admin credential: a key of the master account with the permission for sub-accounts'
# management (Enable Spot & Margin Trading beside it where Binance asks for it), bound
# to the addresses from which Vault calls; never withdrawals.
#
# Not confirmed: what a second deletion is answered, so what is gone is seen from the
# list; whether the list is paged, so one that is not whole is no list.
#
# Rights not named in: binance/binance-connector-python:clients/sub_account, which has
# them for the master account and names no permission
provider "binance" {
  title    = "Binance"
  docs     = "https://developers.binance.com/docs/sub_account/api-management"
  base_url = "https://api.binance.com"

  connection {
    api_key    = { required = true, sensitive = true, help = "API key of the master account that may manage sub-accounts, bound to Vault's address." }
    secret_key = { required = true, sensitive = true, help = "Secret of api_key." }
  }

  role {
    email = { required = true, help = "E-mail address of the sub-account that the keys belong to." }
    permissions = {
      type    = list(string)
      default = []
      enum    = ["trade", "margin", "futures", "options"]
      help    = "What the keys may do beside reading: trade, margin, futures, options."
    }
    ips = { type = list(string), default = [], max = 30, binds_addresses = true, help = "IP addresses that may use the keys, beside those of a lease." }
  }

  auth "header" { headers = { X-MBX-APIKEY = connection.api_key } }
  auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret_key
    message   = "${request.query}${request.body}"
    query     = { recvWindow = 5000, timestamp = unix_ms(request.time), signature = signature }
  }

  check { get = "/sapi/v1/account/apiRestrictions" }

  issue {
    post = "/sapi/v1/sub-account/subAccountApi"
    query = {
      email              = role.email
      apiName            = key.name
      status             = length(concat(role.ips, key.ips)) > 0 ? 2 : 1
      ipAddress          = length(concat(role.ips, key.ips)) > 0 ? join(",", concat(role.ips, key.ips)) : null
      canTrade           = contains(role.permissions, "trade")
      canMarginLoanRepay = contains(role.permissions, "margin")
      canFuturesTrade    = contains(role.permissions, "futures")
      canVanillaOptions  = contains(role.permissions, "options")
    }
    id       = body.apiKey
    identify = "secret_key"
    secret   = { api_key = body.apiKey, secret_key = body.secretKey }
    granted = {
      permissions = [for name, held in {
        trade    = body.canTrade
        margin   = body.canMarginLoanRepay
        futures  = body.canFuturesTrade
        options  = body.canVanillaOptions
        transfer = body.canUniversalTransfer
      } : name if held]
    }
  }

  revoke {
    step "look" {
      get   = "/sapi/v1/sub-account/subAccountApi"
      query = { email = role.email }
      gone  = status == 200 && body.total == length(body.rows) && !contains([for one in body.rows : one.apikey], key.id)
    }
    step "delete" {
      delete = "/sapi/v1/sub-account/subAccountApi"
      query  = { email = role.email, subAccountApiKey = key.id }
    }
  }

  list {
    get   = "/sapi/v1/sub-account/subAccountApi"
    query = { email = role.email }
    ok    = body.total == length(body.rows)
    items = body.rows
    item  = { id = item.apikey, name = item.apiName, created_at = item.timestamp }
  }

  limits { requests_per_second = 1 }

  cidrs {
    single    = true
    ipv6      = false
    max_items = 30
  }

  # -1003: too many requests, 418 once the address is banned. -1021, -1022, -2008,
  # -2014, -2015: time, signature, key, its form, its address or permission.
  errors {
    message      = body.msg
    unauthorized = contains([-1022, -2008, -2014, -2015], body.code)
    throttled    = status == 418 || body.code == -1003
  }
}
