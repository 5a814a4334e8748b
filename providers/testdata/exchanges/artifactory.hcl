exchange "tokens of a group" {
  source = "jfrog/vault-plugin-secrets-artifactory:artifactory.go; https://jfrog.com/help/r/jfrog-rest-apis/access-tokens"
  read   = "2026-11-27"
  connection = {
    access_token = "admin-token"
  }
  role = {
    scope = "applied-permissions/groups:readers"
  }

  step "check" {
    trip {
      request = "GET /access/api/v1/tokens/me"
      status  = 200
      answer = {
        token_id = "t0"
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /access/api/v1/tokens/me"
      status  = 401
      answer = {
        errors = [
          {
            code    = "UNAUTHORIZED"
            message = "HTTP 401 Unauthorized"
          },
        ]
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
      request = "POST /access/api/v1/tokens"
      json = {
        grant_type      = "client_credentials"
        username        = "vault-app-1"
        scope           = "applied-permissions/groups:readers"
        description     = "vault-app-1"
        expires_in      = 3600
        refreshable     = false
        force_revocable = true
      }
      status = 400
      answer = {
        errors = [
          {
            code    = "BAD_REQUEST"
            message = "Invalid scope"
          },
        ]
      }
    }
  }

  step "issue" {
    id = "ab1cd2ef"
    secret = {
      access_token = "eyJ2ZXIiOiIyIn0.app"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    trip {
      request = "POST /access/api/v1/tokens"
      json = {
        grant_type      = "client_credentials"
        username        = "vault-app-1"
        scope           = "applied-permissions/groups:readers"
        description     = "vault-app-1"
        expires_in      = 3600
        refreshable     = false
        force_revocable = true
      }
      status = 200
      answer = {
        token_id     = "ab1cd2ef"
        access_token = "eyJ2ZXIiOiIyIn0.app"
        expires_in   = 3600
        scope        = "applied-permissions/groups:readers"
        token_type   = "Bearer"
      }
    }
  }

  step "list" {
    ids = [
      "t0",
      "ab1cd2ef",
    ]
    trip {
      request = "GET /access/api/v1/tokens"
      status  = 200
      answer = {
        tokens = [
          {
            token_id    = "t0"
            subject     = "jfac@1/users/admin"
            issued_at   = 1900000000
            refreshable = false
          },
          {
            token_id    = "ab1cd2ef"
            subject     = "jfac@1/users/vault-app-1"
            description = "vault-app-1"
            issued_at   = 1921572000
            expiry      = 1921575600
            refreshable = false
          },
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /access/api/v1/tokens/me"
      headers = {
        Authorization = "Bearer eyJ2ZXIiOiIyIn0.app"
      }
      status = 200
      answer = {
        token_id = "ab1cd2ef"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /access/api/v1/tokens/ab1cd2ef"
      status  = 200
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /access/api/v1/tokens/ab1cd2ef"
      status  = 404
      answer = {
        errors = [
          {
            code    = "NOT_FOUND"
            message = "Token not found"
          },
        ]
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /access/api/v1/tokens/me"
      headers = {
        Authorization = "Bearer eyJ2ZXIiOiIyIn0.app"
      }
      status = 401
      answer = {
        errors = [
          {
            code    = "UNAUTHORIZED"
            message = "HTTP 401 Unauthorized"
          },
        ]
      }
    }
  }
}
