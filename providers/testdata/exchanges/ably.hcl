exchange "keys of an app" {
  source = "ably/open-specs:definitions/control-v1.yaml"
  read   = "2026-11-27"
  connection = {
    access_token = "admin-token"
  }
  role = {
    app_id = "28AB6x"
    capability = {
      "orders:*" = [
        "subscribe",
      ]
    }
  }
  headers = {
    Authorization = "Bearer admin-token"
  }

  step "check" {
    trip {
      request = "GET /v1/me"
      status  = 200
      answer = {
        token = {
          id = 1
        }
        account = {
          id = "a"
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/me"
      status  = 401
      answer = {
        message    = "Access denied"
        code       = 40100
        statusCode = 401
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
      request = "POST /v1/apps/28AB6x/keys"
      json = {
        name = "vault-app-1"
        capability = {
          "orders:*" = [
            "subscribe",
          ]
        }
      }
      status = 422
      answer = {
        message    = "Capability is invalid"
        code       = 42200
        statusCode = 422
      }
    }
  }

  step "issue" {
    id = "jirQPA"
    secret = {
      key = "28AB6x.jirQPA:abcdef"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v1/apps/28AB6x/keys"
      json = {
        name = "vault-app-1"
        capability = {
          "orders:*" = [
            "subscribe",
          ]
        }
      }
      status = 201
      answer = {
        id      = "jirQPA"
        appId   = "28AB6x"
        name    = "vault-app-1"
        status  = 0
        key     = "28AB6x.jirQPA:abcdef"
        created = 1921572000000
      }
    }
  }

  step "list" {
    ids = [
      "jirQPA",
    ]
    trip {
      request = "GET /v1/apps/28AB6x/keys"
      status  = 200
      answer = [
        {
          id      = "old"
          name    = "revoked"
          status  = 1
          created = 1900000000000
        },
        {
          id      = "jirQPA"
          name    = "vault-app-1"
          status  = 0
          created = 1921572000000
        },
      ]
    }
  }

  step "revoke" {
    trip {
      request = "POST /v1/apps/28AB6x/keys/jirQPA/revoke"
      status  = 200
      answer  = {}
    }
  }

  step "revoke" {
    trip {
      request = "POST /v1/apps/28AB6x/keys/jirQPA/revoke"
      status  = 404
      answer = {
        message    = "Key not found"
        code       = 40400
        statusCode = 404
      }
    }
  }
}
