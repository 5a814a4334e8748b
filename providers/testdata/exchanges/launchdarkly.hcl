exchange "service tokens" {
  source = "launchdarkly/api-client-go:api/openapi.yaml; https://launchdarkly.com/docs/api"
  read   = "2026-11-27"
  connection = {
    access_token = "api-admin"
  }
  headers = {
    LD-API-Version = "20240415"
    Authorization  = "api-admin"
  }

  step "check" {
    trip {
      request = "GET /api/v2/caller-identity"
      status  = 200
      answer = {
        accountId = "a1"
        tokenKind = "auth"
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v2/caller-identity"
      status  = 401
      answer = {
        code    = "unauthorized"
        message = "Invalid access token"
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
      request = "POST /api/v2/tokens"
      json = {
        name         = "vault-app-1"
        serviceToken = true
        role         = "reader"
      }
      status = 400
      answer = {
        code    = "invalid_request"
        message = "Invalid role"
      }
    }
  }

  step "issue" {
    id = "61095542756dba551110ae21"
    secret = {
      access_token = "api-12345678"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v2/tokens"
      json = {
        name         = "vault-app-1"
        serviceToken = true
        role         = "reader"
      }
      status = 201
      answer = {
        _id          = "61095542756dba551110ae21"
        name         = "vault-app-1"
        role         = "reader"
        token        = "api-12345678"
        serviceToken = true
        creationDate = 1921572000000
        lastModified = 1921572000000
      }
    }
  }

  step "list" {
    item "1" {
      name         = "by hand"
      created_at   = "2030-03-17T17:46:40Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "61095542756dba551110ae21" {
      name       = "vault-app-1"
      created_at = "2030-11-22T10:00:00Z"
    }
    trip {
      request = "GET /api/v2/tokens?showAll=true&limit=25&offset=0"
      status  = 200
      answer = {
        items = [
          {
            _id          = "1"
            name         = "by hand"
            creationDate = 1900000000000
            lastUsed     = 1921572300000
          },
          {
            _id          = "61095542756dba551110ae21"
            name         = "vault-app-1"
            creationDate = 1921572000000
          },
        ]
        totalCount = 2
      }
    }
    trip {
      request = "GET /api/v2/tokens?showAll=true&limit=25&offset=2"
      status  = 200
      answer = {
        items      = []
        totalCount = 2
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /api/v2/caller-identity"
      headers = {
        Authorization  = "api-12345678"
        LD-API-Version = ""
      }
      status = 200
      answer = {
        accountId = "a1"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/tokens/61095542756dba551110ae21"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/tokens/61095542756dba551110ae21"
      status  = 404
      answer = {
        code    = "not_found"
        message = "Unknown token id"
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /api/v2/caller-identity"
      headers = {
        Authorization  = "api-12345678"
        LD-API-Version = ""
      }
      status = 401
      answer = {
        code    = "unauthorized"
        message = "Invalid access token"
      }
    }
  }
}

exchange "tokens of a policy" {
  source     = "launchdarkly/api-client-go:api/openapi.yaml (AccessTokenPost, StatementPost)"
  read       = "2026-11-28"
  connection = { access_token = "api-admin" }
  role       = { policy = [{ effect = "allow", resources = ["proj/web:env/production:flag/*"], actions = ["updateOn"] }] }
  headers    = { Authorization = "api-admin", LD-API-Version = "20240415" }

  step "check" {
    trip {
      request = "GET /api/v2/caller-identity"
      status  = 200
      answer  = { accountId = "a1" }
    }
  }
  step "issue" {
    id     = "61095542756dba551110ae22"
    secret = { access_token = "api-87654321" }
    key { name = "vault-app-1" }
    ends = "never"
    trip {
      request = "POST /api/v2/tokens"
      json    = { name = "vault-app-1", serviceToken = true, inlineRole = [{ effect = "allow", resources = ["proj/web:env/production:flag/*"], actions = ["updateOn"] }] }
      status  = 201
      answer  = { _id = "61095542756dba551110ae22", name = "vault-app-1", token = "api-87654321", serviceToken = true }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /api/v2/tokens/61095542756dba551110ae22"
      status  = 204
    }
  }
}
