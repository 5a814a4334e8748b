# Category: Crypto exchanges
#
# Sources: https://docs.whitebit.com/api-reference/authentication,
# https://docs.whitebit.com/api-reference/sub-accounts/create-sub-account-api-key,
# list-sub-account-api-keys and delete-sub-account-api-key;
# whitebit-exchange/api-docs:pages/private/http-main-v4.mdx for addresses
#
# Keys of sub-accounts, of type 1: they read and trade. WhiteBIT has no narrower type;
# keys that deposit and withdraw, its type 2, are never made. Market data need no key.
# The key that makes them needs the endpoints /api/v4/sub-account/list and
# /api/v4/sub-account/api-key/create, list and delete (and ip-address/create where keys
# are bound to addresses), and cannot be replaced by the API.
#
# A request is known by its nonce, which here is the second, so one connection asks less
# than once a second.
#
# Not confirmed: what deleting a key again is answered, so the list is read before.
#
# Rights: whitebit-exchange/api-docs:pages/private/http-main-v4.mdx (keys are restricted
# by endpoint)
provider "whitebit" {
  title    = "WhiteBIT"
  docs     = "https://docs.whitebit.com/api-reference/sub-accounts/create-sub-account-api-key"
  base_url = connection.region == "eu" ? "https://whitebit.eu" : "https://whitebit.com"

  connection {
    api_key    = { required = true, sensitive = true, help = "API key of the main account that may manage sub-accounts' keys." }
    secret_key = { required = true, sensitive = true, help = "Secret of api_key." }
    region     = { default = "com", enum = ["com", "eu"], help = "Where the account is: whitebit.com or whitebit.eu." }
  }

  role {
    sub_account_id = { required = true, help = "Id of the sub-account that the keys belong to." }
    ips            = { type = list(string), default = [], binds_addresses = true, help = "IP addresses that may use the keys, beside those of a lease; each is one more request." }
  }

  locals {
    keys = "/api/v4/sub-account/api-key"
    call = { nonce = unix_ms(now()), nonceWindow = true }
  }

  auth "signature" {
    algorithm = "hmac-sha512"
    key       = connection.secret_key
    message   = base64encode(request.body)
    headers = {
      X-TXC-APIKEY    = connection.api_key
      X-TXC-PAYLOAD   = base64encode(request.body)
      X-TXC-SIGNATURE = signature
    }
  }
  limits { requests_per_second = 0.8 }

  check {
    post = "/api/v4/sub-account/list"
    json = merge(local.call, { request = "/api/v4/sub-account/list", limit = 1 })
  }

  cidrs {
    single = true
    ipv6   = false
  }

  issue {
    step "key" {
      post = "${local.keys}/create"
      json = merge(local.call, {
        request      = "${local.keys}/create"
        type         = 1
        subAccountId = role.sub_account_id
        title        = key.name
      })
      ok   = body.type == 1
      save = { id = body.id, api_key = body.apiKey, secret_key = body.apiSecret }
      undo {
        post = "${local.keys}/delete"
        json = merge(local.call, { request = "${local.keys}/delete", apiKeyId = saved.id })
      }
    }
    step "address" {
      for_each = distinct(concat(role.ips, key.ips))
      post     = "${local.keys}/ip-address/create"
      json     = merge(local.call, { request = "${local.keys}/ip-address/create", apiKeyId = saved.id, ip = each.value })
    }
    id       = saved.id
    identify = "secret_key"
    secret   = { api_key = saved.api_key, secret_key = saved.secret_key }
  }

  revoke {
    list_first = true
    post       = "${local.keys}/delete"
    json       = merge(local.call, { request = "${local.keys}/delete", apiKeyId = key.id })
  }

  list {
    post  = "${local.keys}/list"
    json  = merge(local.call, { request = "${local.keys}/list", subAccountId = role.sub_account_id, limit = 100, offset = page.offset })
    items = body.data
    item = {
      id           = item.id
      name         = item.title
      last_used_at = item.lastActivity
    }
    pagination "offset" {}
  }

  errors {
    message   = body.message
    throttled = body.message == "Too many requests."
  }
}
