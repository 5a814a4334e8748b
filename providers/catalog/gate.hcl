# Category: Crypto exchanges
#
# Sources: gateio/gateapi-go:docs/SubAccountApi.md, SubAccountKey.md, client.go;
# https://www.gate.com/docs/developers/apiv4/#create-api-key-of-the-sub-account
#
# Keys of sub-accounts; a role that names no product gets keys that may read spot
# balances. None may withdraw. Without addresses a key ends after 90 days. The key that
# makes them belongs to the main account and cannot be replaced by the API.
#
# Admin credential: a key of the main account with sub-accounts' management alone, bound
# to the addresses from which Vault calls; it needs no right to trade or withdraw.
#
# Not confirmed: that the answer holds the secret (the SDK's model leaves it out);
# without it nothing is handed out and the key is deleted again.
#
# Rights not named in: gateio/gateapi-go:docs/SubAccountApi.md
provider "gate" {
  title    = "Gate"
  docs     = "https://www.gate.com/docs/developers/apiv4/#create-api-key-of-the-sub-account"
  base_url = "https://api.gateio.ws"

  connection {
    api_key    = { required = true, sensitive = true, help = "API key of the main account with the permission for sub-accounts." }
    secret_key = { required = true, sensitive = true, help = "Secret of api_key." }
  }

  role {
    user_id = { required = true, pattern = "^[0-9]+$", help = "Number of the sub-account that the keys belong to." }
    products = {
      type    = list(string)
      default = ["spot"]
      min     = 1
      enum    = ["wallet", "spot", "futures", "delivery", "earn", "custody", "options", "account", "loan", "margin", "unified", "copy"]
      help    = "Products that the keys may use."
    }
    access = { default = "read", enum = ["read", "trade"], help = "What the keys may do with the products: read, or trade." }
    mode   = { type = number, default = 1, enum = [1, 2], help = "Kind of account: 1 for a classic one, 2 for a portfolio." }
    ips    = { type = list(string), default = [], max = 20, binds_addresses = true, help = "IP addresses that may use the keys, beside those of a lease." }
  }

  auth "signature" {
    algorithm = "hmac-sha512"
    key       = connection.secret_key
    message   = "${request.method}\n${request.path}\n${urldecode(request.query)}\n${sha512(request.body)}\n${unix(request.time)}"
    headers   = { KEY = connection.api_key, Timestamp = unix(request.time), SIGN = signature }
  }

  check { get = "/api/v4/account/detail" }

  issue {
    post = "/api/v4/sub_accounts/${role.user_id}/keys"
    json = {
      mode         = role.mode
      name         = key.name
      perms        = [for product in role.products : { name = product, read_only = role.access == "read" }]
      ip_whitelist = length(concat(role.ips, key.ips)) > 0 ? concat(role.ips, key.ips) : null
    }
    id         = body.key
    identify   = "secret_key"
    secret     = { api_key = body.key, secret_key = body.secret }
    expires_in = length(concat(role.ips, key.ips)) > 0 ? null : seconds("90d")
  }

  revoke {
    delete = "/api/v4/sub_accounts/${role.user_id}/keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys of the sub-account.
  list {
    get   = "/api/v4/sub_accounts/${role.user_id}/keys"
    items = body
    item = {
      id         = item.key
      name       = item.name
      created_at = item.created_at

      last_used_at = item.last_access
    }
  }

  cidrs {
    single    = true
    ipv6      = false
    max_items = 20
  }

  errors {
    message      = body.message
    unauthorized = contains(["INVALID_KEY", "INVALID_SIGNATURE", "MISSING_REQUIRED_HEADER", "REQUEST_EXPIRED", "IP_FORBIDDEN"], body.label)
    throttled    = body.label == "TOO_MANY_REQUESTS"
  }
}
