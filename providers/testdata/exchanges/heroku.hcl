exchange "authorizations that read" {
  source = "heroku/platform-api:schema.json; https://devcenter.heroku.com/articles/platform-api-reference"
  read   = "2026-11-27"
  connection = {
    token = "HRKU-admin"
  }
  headers = {
    Accept = "application/vnd.heroku+json; version=3"
  }

  step "check" {
    trip {
      request = "GET /account"
      status  = 200
      answer = {
        id    = "u1"
        email = "ops@example.com"
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /account"
      status  = 401
      answer = {
        id      = "unauthorized"
        message = "Invalid credentials provided."
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    trip {
      request = "POST /oauth/authorizations"
      json = {
        description = "vault-app-1"
        scope = [
          "read",
        ]
        expires_in = 3600
      }
      status = 422
      answer = {
        id      = "invalid_params"
        message = "Invalid scope."
      }
    }
  }

  step "issue" {
    id = "01234567-89ab-cdef-0123-456789abcdef"
    secret = {
      token = "HRKU-e63cc7d4"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    trip {
      request = "POST /oauth/authorizations"
      json = {
        description = "vault-app-1"
        scope = [
          "read",
        ]
        expires_in = 3600
      }
      status = 201
      answer = {
        id          = "01234567-89ab-cdef-0123-456789abcdef"
        description = "vault-app-1"
        scope = [
          "read",
        ]
        created_at = "2030-11-22T10:00:00Z"
        access_token = {
          id         = "t1"
          expires_in = 3600
          token      = "HRKU-e63cc7d4"
        }
      }
    }
  }

  step "list" {
    ids = [
      "01234567-89ab-cdef-0123-456789abcdef",
    ]
    trip {
      request = "GET /oauth/authorizations"
      status  = 200
      answer = [
        {
          id          = "01234567-89ab-cdef-0123-456789abcdef"
          description = "vault-app-1"
          created_at  = "2030-11-22T10:00:00Z"
        },
      ]
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /account"
      headers = {
        Authorization = "Bearer HRKU-e63cc7d4"
      }
      status = 200
      answer = {
        id = "u1"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /oauth/authorizations/01234567-89ab-cdef-0123-456789abcdef"
      status  = 200
      answer = {
        id = "01234567-89ab-cdef-0123-456789abcdef"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /oauth/authorizations/01234567-89ab-cdef-0123-456789abcdef"
      status  = 404
      answer = {
        id      = "not_found"
        message = "Couldn't find that authorization."
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /account"
      headers = {
        Authorization = "Bearer HRKU-e63cc7d4"
      }
      status = 401
      answer = {
        id      = "unauthorized"
        message = "Invalid credentials provided."
      }
    }
  }
}
