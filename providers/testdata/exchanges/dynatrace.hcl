exchange "API tokens" {
  source = "dynatrace-oss/terraform-provider-dynatrace:dynatrace/api/v2/apitokens; https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-api/environment-api/tokens-v2/api-tokens"
  read   = "2026-11-27"
  connection = {
    api_token = "dt0c01.ADMIN.SECRET"
  }
  role = {
    scopes = [
      "metrics.read",
    ]
  }

  step "check" {
    trip {
      request = "GET /api/v2/apiTokens?pageSize=100"
      status  = 200
      answer = {
        totalCount = 0
        apiTokens  = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v2/apiTokens?pageSize=100"
      status  = 401
      answer = {
        error = {
          code    = 401
          message = "Token Authentication failed"
        }
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v2/apiTokens"
      json = {
        name = "vault-app-1"
        scopes = [
          "metrics.read",
        ]
        expirationDate = "2030-11-22T11:00:00Z"
      }
      status = 400
      answer = {
        error = {
          code    = 400
          message = "Constraints violated."
        }
      }
    }
  }

  step "issue" {
    id = "dt0c01.ST2EY72KQINMH574WMNVI7YN"
    secret = {
      token = "dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWKPRVMWFASS64NFH52PX6BNDVFFM572RZM"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v2/apiTokens"
      json = {
        name = "vault-app-1"
        scopes = [
          "metrics.read",
        ]
        expirationDate = "2030-11-22T11:00:00Z"
      }
      status = 201
      answer = {
        id             = "dt0c01.ST2EY72KQINMH574WMNVI7YN"
        token          = "dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWKPRVMWFASS64NFH52PX6BNDVFFM572RZM"
        expirationDate = "2030-11-22T11:00:00Z"
      }
    }
  }

  step "list" {
    item "dt0c01.ST2EY72KQINMH574WMNVI7YN" {
      name       = "vault-app-1"
      created_at = "2030-11-22T10:00:00Z"
    }
    item "dt0c01.OTHER" {
      name         = "by hand"
      created_at   = "2026-11-22T10:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    trip {
      request = "GET /api/v2/apiTokens?pageSize=200&fields=%2BcreationDate%2C%2BlastUsedDate"
      status  = 200
      answer = {
        totalCount  = 2
        nextPageKey = "AQAAABQBAAAABQ"
        apiTokens = [
          {
            id           = "dt0c01.ST2EY72KQINMH574WMNVI7YN"
            name         = "vault-app-1"
            enabled      = true
            creationDate = "2030-11-22T10:00:00.000Z"
          },
        ]
      }
    }
    trip {
      request = "GET /api/v2/apiTokens?nextPageKey=AQAAABQBAAAABQ"
      status  = 200
      answer = {
        totalCount = 2
        apiTokens = [
          {
            id           = "dt0c01.OTHER"
            name         = "by hand"
            enabled      = true
            creationDate = "2026-11-22T10:00:00.000Z"
            lastUsedDate = "2030-11-22T10:05:00.000Z"
          },
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "POST /api/v2/apiTokens/lookup"
      json    = { token = "dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWKPRVMWFASS64NFH52PX6BNDVFFM572RZM" }
      headers = {
        Authorization = "Api-Token dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWKPRVMWFASS64NFH52PX6BNDVFFM572RZM"
      }
      status = 200
      answer = {
        id = "dt0c01.ST2EY72KQINMH574WMNVI7YN"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/apiTokens/dt0c01.ST2EY72KQINMH574WMNVI7YN"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/apiTokens/dt0c01.ST2EY72KQINMH574WMNVI7YN"
      status  = 404
      answer = {
        error = {
          code    = 404
          message = "Token does not exist"
        }
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "POST /api/v2/apiTokens/lookup"
      json    = { token = "dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWKPRVMWFASS64NFH52PX6BNDVFFM572RZM" }
      headers = {
        Authorization = "Api-Token dt0c01.ST2EY72KQINMH574WMNVI7YN.G3DFPBEJYMODIDAEX454M7YWBUVEFOWKPRVMWFASS64NFH52PX6BNDVFFM572RZM"
      }
      status = 401
      answer = {
        error = {
          code    = 401
          message = "Token Authentication failed"
        }
      }
    }
  }
}
