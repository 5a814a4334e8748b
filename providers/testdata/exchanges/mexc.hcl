exchange "keys that read" {
  source = "https://www.mexc.com/api-docs/spot-v3/subaccount-endpoints, general-info (signatures computed apart, with Python's hmac)"
  read   = "2026-11-27"
  connection = {
    api_key = "admin-key"
    secret_key = "admin-secret"
  }
  role = {
    sub_account = "bot1"
  }
  headers = {
    X-MEXC-APIKEY = "admin-key"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /api/v3/account?recvWindow=5000&timestamp=1921572000000&signature=e9c9f9a39403296dcafe713048f4bae5397620ae2070ab98979e406c9bb55240"
      status = 200
      answer = {
        canTrade = true
        balances = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v3/account?recvWindow=5000&timestamp=1921572000000&signature=e9c9f9a39403296dcafe713048f4bae5397620ae2070ab98979e406c9bb55240"
      status = 401
      answer = {
        code = 10072
        msg = "Api key info invalid"
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v3/sub-account/apiKey?note=vault-app-1&permissions=SPOT_ACCOUNT_READ&subAccount=bot1&recvWindow=5000&timestamp=1921572000000&signature=204527d0f2eacf3bd131f5c3915826c0b0302b4ff330db95bbbfabba3821e515"
      status = 400
      answer = {
        code = 140002
        msg = "sub account does not exist"
      }
    }
  }

  step "issue" {
    id = "mx0new"
    ends = "2031-02-20T11:00:00Z"
    secret = {
      api_key = "mx0new"
      secret_key = "d3b07384"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v3/sub-account/apiKey?note=vault-app-1&permissions=SPOT_ACCOUNT_READ&subAccount=bot1&recvWindow=5000&timestamp=1921572000000&signature=204527d0f2eacf3bd131f5c3915826c0b0302b4ff330db95bbbfabba3821e515"
      status = 200
      answer = {
        subAccount = "bot1"
        note = "vault-app-1"
        apiKey = "mx0new"
        secretKey = "d3b07384"
        permissions = "SPOT_ACCOUNT_READ"
        ip = ""
        createTime = 1921572000000
      }
    }
  }

  step "list" {
    ids = [
  "mx0other",
  "mx0new",
]
    trip {
      request = "GET /api/v3/sub-account/apiKey?subAccount=bot1&recvWindow=5000&timestamp=1921572000000&signature=681a05bd52d8747e2d48234a750797706afff68def10f9a466d7c721f95a4354"
      status = 200
      answer = {
        subAccount = [
          {
            note = "by hand"
            apiKey = "mx0other"
            permissions = "SPOT_ACCOUNT_READ"
            ip = ""
            createTime = 1900000000000
          },
          {
            note = "vault-app-1"
            apiKey = "mx0new"
            permissions = "SPOT_ACCOUNT_READ"
            ip = ""
            createTime = 1921572000000
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v3/sub-account/apiKey?subAccount=bot1&recvWindow=5000&timestamp=1921572000000&signature=681a05bd52d8747e2d48234a750797706afff68def10f9a466d7c721f95a4354"
      status = 200
      answer = {
        subAccount = [
          {
            note = "by hand"
            apiKey = "mx0other"
            permissions = "SPOT_ACCOUNT_READ"
            ip = ""
            createTime = 1900000000000
          },
          {
            note = "vault-app-1"
            apiKey = "mx0new"
            permissions = "SPOT_ACCOUNT_READ"
            ip = ""
            createTime = 1921572000000
          },
        ]
      }
    }
    trip {
      request = "DELETE /api/v3/sub-account/apiKey?apiKey=mx0new&subAccount=bot1&recvWindow=5000&timestamp=1921572000000&signature=3ddcde545c23d99b0b6177953a29058638001b434c8ba25115e61574712dd92f"
      status = 200
      answer = {
        subAccount = "bot1"
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v3/sub-account/apiKey?subAccount=bot1&recvWindow=5000&timestamp=1921572000000&signature=681a05bd52d8747e2d48234a750797706afff68def10f9a466d7c721f95a4354"
      status = 200
      answer = {
        subAccount = [
          {
            note = "by hand"
            apiKey = "mx0other"
            permissions = "SPOT_ACCOUNT_READ"
            ip = ""
            createTime = 1900000000000
          },
        ]
      }
    }
  }
}
