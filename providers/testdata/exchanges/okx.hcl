# The signatures, and the passphrase of the key, were computed apart from this
# project, with Python's hmac.

exchange "keys of a sub-account" {
  source = "burakoner/OKX.Api:OKX.Api/SubAccount/Clients/OkxSubAccountRestClient.cs @ 9a07ae8; tiagosiebler/okx-api:src/util/BaseRestClient.ts"
  read   = "2026-11-22"
  now    = "2020-12-08T09:08:57.715Z"
  connection = {
    api_key    = "master-key"
    secret_key = "master-secret"
    passphrase = "Master-Phrase1"
    demo       = true
  }
  role = {
    sub_account = "trader1"
    permissions = ["read_only", "trade"]
    ips         = ["198.51.100.7"]
  }
  headers = {
    OK-ACCESS-KEY        = "master-key"
    OK-ACCESS-PASSPHRASE = "Master-Phrase1"
    OK-ACCESS-TIMESTAMP  = "2020-12-08T09:08:57.715Z"
    x-simulated-trading  = "1"
  }

  step "check" {
    trip {
      request = "GET https://www.okx.com/api/v5/users/subaccount/list?limit=1"
      headers = { OK-ACCESS-SIGN = "y0WHoEjjCWTnDmOR9NT4fgqvSJYgYdFN1mHTeP7a7Dw=" }
      status  = 200
      answer = {
        code = "0"
        msg  = ""
        data = [{ subAcct = "trader1", enable = true, type = "1" }]
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET https://www.okx.com/api/v5/users/subaccount/list?limit=1"
      headers = { OK-ACCESS-SIGN = "y0WHoEjjCWTnDmOR9NT4fgqvSJYgYdFN1mHTeP7a7Dw=" }
      status  = 401
      answer  = { code = "50113", msg = "Invalid Sign", data = [] }
    }
  }

  # Errors come under HTTP 200.
  step "issue" {
    fails = "unauthorized"
    key {
      name       = "vault-app-1"
      expires_at = "2020-12-08T10:08:57Z"
      cidrs      = ["192.0.2.1/32"]
    }
    trip {
      request = "POST https://www.okx.com/api/v5/users/subaccount/apikey"
      headers = { OK-ACCESS-SIGN = "mkWp9OXOeIy3IU5/ATX0KZ/k0H8piwUN0q6SyM/xQS8=" }
      json = {
        subAcct    = "trader1"
        label      = "vault-app-1"
        passphrase = "Vk1!QAAm3wAvr0tVVXFhvKsOLgZIn8OO"
        perm       = "read_only,trade"
        ip         = "198.51.100.7,192.0.2.1"
      }
      status = 200
      answer = {
        code = "50110"
        msg  = "Your IP 203.0.113.9 is not included in your API key's IP whitelist."
        data = []
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2020-12-08T10:08:57Z"
      cidrs      = ["192.0.2.1/32"]
    }
    trip {
      request = "POST https://www.okx.com/api/v5/users/subaccount/apikey"
      headers = { OK-ACCESS-SIGN = "mkWp9OXOeIy3IU5/ATX0KZ/k0H8piwUN0q6SyM/xQS8=" }
      json = {
        subAcct    = "trader1"
        label      = "vault-app-1"
        passphrase = "Vk1!QAAm3wAvr0tVVXFhvKsOLgZIn8OO"
        perm       = "read_only,trade"
        ip         = "198.51.100.7,192.0.2.1"
      }
      status = 200
      answer = { code = "59501", msg = "Each account can create up to 20 API keys.", data = [] }
    }
  }

  step "issue" {
    fails = "unknown"
    key {
      name       = "vault-app-1"
      expires_at = "2020-12-08T10:08:57Z"
      cidrs      = ["192.0.2.1/32"]
    }
    trip {
      request = "POST https://www.okx.com/api/v5/users/subaccount/apikey"
      headers = { OK-ACCESS-SIGN = "mkWp9OXOeIy3IU5/ATX0KZ/k0H8piwUN0q6SyM/xQS8=" }
      json = {
        subAcct    = "trader1"
        label      = "vault-app-1"
        passphrase = "Vk1!QAAm3wAvr0tVVXFhvKsOLgZIn8OO"
        perm       = "read_only,trade"
        ip         = "198.51.100.7,192.0.2.1"
      }
      status = 200
      answer = { code = "50004", msg = "Endpoint request timeout", data = [] }
    }
  }

  step "issue" {
    id = "3f6a1f6e-0001"
    secret = {
      api_key    = "3f6a1f6e-0001"
      secret_key = "D0E1F2A3B4C5D6E7"
      passphrase = "Vk1!QAAm3wAvr0tVVXFhvKsOLgZIn8OO"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2020-12-08T10:08:57Z"
      cidrs      = ["192.0.2.1/32"]
    }
    trip {
      request = "POST https://www.okx.com/api/v5/users/subaccount/apikey"
      headers = { OK-ACCESS-SIGN = "mkWp9OXOeIy3IU5/ATX0KZ/k0H8piwUN0q6SyM/xQS8=" }
      json = {
        subAcct    = "trader1"
        label      = "vault-app-1"
        passphrase = "Vk1!QAAm3wAvr0tVVXFhvKsOLgZIn8OO"
        perm       = "read_only,trade"
        ip         = "198.51.100.7,192.0.2.1"
      }
      status = 200
      answer = {
        code = "0"
        msg  = ""
        data = [
          {
            subAcct    = "trader1"
            label      = "vault-app-1"
            apiKey     = "3f6a1f6e-0001"
            secretKey  = "D0E1F2A3B4C5D6E7"
            passphrase = "Vk1!QAAm3wAvr0tVVXFhvKsOLgZIn8OO"
            perm       = "read_only,trade"
            ip         = "192.0.2.1"
            ts         = "1597026383085"
          },
        ]
      }
    }
  }

  step "list" {
    ids = ["3f6a1f6e-0001", "3f6a1f6e-0009"]
    trip {
      request = "GET https://www.okx.com/api/v5/users/subaccount/apikey?subAcct=trader1"
      headers = { OK-ACCESS-SIGN = "q5q3qUFs+SxpS5Rcg3lL014jnU3/Goc4bL/OuovkDhM=" }
      status  = 200
      answer = {
        code = "0"
        msg  = ""
        data = [
          {
            label  = "vault-app-1"
            apiKey = "3f6a1f6e-0001"
            perm   = "read_only,trade"
            ip     = "192.0.2.1"
            ts     = "1597026383085"
          },
          {
            label  = "by hand"
            apiKey = "3f6a1f6e-0009"
            perm   = "read_only,trade"
            ip     = "192.0.2.1"
            ts     = "1597026383085"
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET https://www.okx.com/api/v5/users/subaccount/apikey?subAcct=trader1"
      headers = { OK-ACCESS-SIGN = "q5q3qUFs+SxpS5Rcg3lL014jnU3/Goc4bL/OuovkDhM=" }
      status  = 200
      answer = {
        code = "0"
        msg  = ""
        data = [
          {
            label  = "vault-app-1"
            apiKey = "3f6a1f6e-0001"
            perm   = "read_only,trade"
            ip     = "192.0.2.1"
            ts     = "1597026383085"
          },
          {
            label  = "by hand"
            apiKey = "3f6a1f6e-0009"
            perm   = "read_only,trade"
            ip     = "192.0.2.1"
            ts     = "1597026383085"
          },
        ]
      }
    }
    trip {
      request = "POST https://www.okx.com/api/v5/users/subaccount/delete-apikey"
      headers = { OK-ACCESS-SIGN = "YrntDb2P8lZmU0ZUfKpsH+QS3z058Zzc4R05VlGy780=" }
      json    = { subAcct = "trader1", apiKey = "3f6a1f6e-0001" }
      status  = 200
      answer = {
        code = "0"
        msg  = ""
        data = [{ subAcct = "trader1" }]
      }
    }
  }

  # It is in the list no more.
  step "revoke" {
    trip {
      request = "GET https://www.okx.com/api/v5/users/subaccount/apikey?subAcct=trader1"
      headers = { OK-ACCESS-SIGN = "q5q3qUFs+SxpS5Rcg3lL014jnU3/Goc4bL/OuovkDhM=" }
      status  = 200
      answer = {
        code = "0"
        msg  = ""
        data = [
          {
            label  = "by hand"
            apiKey = "3f6a1f6e-0009"
            perm   = "read_only,trade"
            ip     = "192.0.2.1"
            ts     = "1597026383085"
          },
        ]
      }
    }
  }
}
