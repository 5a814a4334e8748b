# Category: Crypto exchanges
#
# Sources: burakoner/OKX.Api:OKX.Api/SubAccount/Clients/OkxSubAccountRestClient.cs,
# tiagosiebler/okx-api:src/util/BaseRestClient.ts and
# https://www.okx.com/docs-v5/en/#sub-account-rest-api
#
# Keys belong to sub-accounts. The key that makes them must be bound to the IP addresses
# from which Vault calls, and cannot be replaced by the API.
#
# Admin credential: a key of the master account with the permission trade, which OKX
# demands for managing sub-accounts' keys; not withdraw.
#
# Rights not named in: the sources above, which demand that the key is bound to
# addresses
provider "okx" {
  title    = "OKX"
  docs     = "https://www.okx.com/docs-v5/en/#sub-account-rest-api-create-an-api-key-for-a-sub-account"
  base_url = "https://www.okx.com"

  connection {
    api_key    = { required = true, sensitive = true, help = "API key of the master account, bound to the IP addresses from which Vault calls." }
    secret_key = { required = true, sensitive = true, help = "Secret of api_key." }
    passphrase = { required = true, sensitive = true, help = "Passphrase that was chosen for api_key." }
    demo       = { type = bool, default = false, help = "The key is one for demo trading." }
  }

  role {
    sub_account = { required = true, help = "Name of the sub-account that the keys belong to." }
    permissions = { type = list(string), default = ["read_only"], help = "What the keys may do: read_only, trade or both." }
    ips = {
      type            = list(string)
      binds_addresses = true
      help            = "IP addresses that may use the keys, beside those of a lease; at most 20 in all. A key that may trade and has none ends after 14 days without use."
    }
  }

  auth "signature" {
    algorithm = "hmac-sha256"
    key       = connection.secret_key
    encoding  = "base64"
    message   = "${request.time}${request.method}${request.target}${request.body}"
    headers = {
      OK-ACCESS-KEY        = connection.api_key
      OK-ACCESS-PASSPHRASE = connection.passphrase
      OK-ACCESS-TIMESTAMP  = request.time
      OK-ACCESS-SIGN       = signature
    }
  }
  auth "header" {
    when    = connection.demo
    headers = { x-simulated-trading = "1" }
  }

  requests { ok = body.code == "0" }

  check {
    get   = "/api/v5/users/subaccount/list"
    query = { limit = 1 }
  }

  # The passphrase is ours to choose: 8 to 32 characters with a capital, a small
  # letter, a digit and a sign among them.
  issue {
    post = "/api/v5/users/subaccount/apikey"
    json = {
      subAcct    = role.sub_account
      label      = key.name
      passphrase = "Vk1!${derived_password(key.name, 28)}"
      perm       = join(",", role.permissions)
      ip         = length(concat(coalesce(role.ips, []), key.ips)) > 0 ? join(",", concat(coalesce(role.ips, []), key.ips)) : null
    }
    id     = body.data[0].apiKey
    secret = { secret_key = body.data[0].secretKey, api_key = body.data[0].apiKey, passphrase = body.data[0].passphrase }

    # Every key may read, whether that was asked for or not.
    granted = { permissions = [for one in split(",", body.data[0].perm) : one if one != "read_only" || contains(role.permissions, one)] }
  }

  cidrs {
    single    = true
    ipv6      = false # no example shows one
    max_items = 20
  }

  # What a second deletion is answered is not documented, so that a key is gone
  # is seen from the list.
  revoke {
    list_first = true
    post       = "/api/v5/users/subaccount/delete-apikey"
    json       = { subAcct = role.sub_account, apiKey = key.id }
  }

  list {
    get   = "/api/v5/users/subaccount/apikey"
    query = { subAcct = role.sub_account }
    items = body.data
    item  = { id = item.apiKey, name = item.label, created_at = item.ts }
  }

  # 50100 to 50119 are about key, signature, passphrase and address. 50001,
  # 50004, 50013 and 50026 are failures inside: the key may have been made.
  errors {
    message      = body.msg
    unauthorized = can(regex("^501[01][0-9]$", body.code))
    refused      = status == 200 && !contains(["50001", "50004", "50013", "50026"], body.code)
  }
}
