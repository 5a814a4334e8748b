exchange "tokens of an account" {
  source = "argoproj/argo-cd:assets/swagger.json"
  read   = "2026-11-27"
  connection = {
    token = "eyJ.admin"
  }
  document = "argocd.json"
  role = {
    account = "deploy"
  }

  step "check" {
    trip {
      request = "GET /api/v1/session/userinfo"
      status = 200
      answer = {
        loggedIn = true
        username = "vault"
        iss = "argocd"
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v1/session/userinfo"
      status = 401
      answer = {
        error = "invalid session"
        code = 16
        message = "invalid session"
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
    }
    trip {
      request = "POST /api/v1/account/deploy/token"
      json = {
        name = "deploy"
        id = "vault-app-1"
        expiresIn = 3600
      }
      status = 403
      answer = {
        error = "permission denied"
        code = 7
        message = "permission denied"
      }
    }
  }

  step "issue" {
    id = "vault-app-1"
    secret = {
      token = "eyJ.app"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
    }
    trip {
      request = "POST /api/v1/account/deploy/token"
      json = {
        name = "deploy"
        id = "vault-app-1"
        expiresIn = 3600
      }
      status = 200
      answer = {
        token = "eyJ.app"
      }
    }
  }

  step "list" {
    ids = [
  "byhand",
  "vault-app-1",
]
    trip {
      request = "GET /api/v1/account/deploy"
      status = 200
      answer = {
        name = "deploy"
        enabled = true
        capabilities = [
          "apiKey",
        ]
        tokens = [
          {
            id = "byhand"
            issuedAt = 1921572000
            expiresAt = 1921575600
          },
          {
            id = "vault-app-1"
            issuedAt = 1921572000
            expiresAt = 1921575600
          },
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /api/v1/session/userinfo"
      headers = {
        Authorization = "Bearer eyJ.app"
      }
      status = 200
      answer = {
        loggedIn = true
        username = "deploy"
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v1/account/deploy"
      status = 200
      answer = {
        name = "deploy"
        enabled = true
        capabilities = [
          "apiKey",
        ]
        tokens = [
          {
            id = "byhand"
            issuedAt = 1921572000
            expiresAt = 1921575600
          },
          {
            id = "vault-app-1"
            issuedAt = 1921572000
            expiresAt = 1921575600
          },
        ]
      }
    }
    trip {
      request = "DELETE /api/v1/account/deploy/token/vault-app-1"
      status = 200
      answer = {}
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v1/account/deploy"
      status = 200
      answer = {
        name = "deploy"
        enabled = true
        capabilities = [
          "apiKey",
        ]
        tokens = [
          {
            id = "byhand"
            issuedAt = 1921572000
            expiresAt = 1921575600
          },
        ]
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /api/v1/session/userinfo"
      headers = {
        Authorization = "Bearer eyJ.app"
      }
      status = 401
      answer = {
        error = "invalid session"
        code = 16
        message = "invalid session"
      }
    }
  }
}
