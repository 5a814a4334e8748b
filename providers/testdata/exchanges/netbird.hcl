exchange "tokens of a service user" {
  source = "netbirdio/netbird:shared/management/http/api/openapi.yml"
  read   = "2026-11-28"
  connection = {
    token = "nbp_admin"
  }
  role = {
    user_id = "google-oauth2|2774"
  }
  headers = {
    Authorization = "Token nbp_admin"
  }

  step "check" {
    trip {
      request = "GET /api/users/current"
      status = 200
      answer = {
        id = "u0"
        role = "admin"
        is_service_user = true
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/users/current"
      status = 401
      answer = {
        message = "token invalid"
        code = 401
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-12-22T10:00:00Z"
      ttl = 2592000
    }
    trip {
      request = "POST /api/users/google-oauth2%7C2774/tokens"
      json = {
        name = "vault-app-1"
        expires_in = 30
      }
      status = 422
      answer = {
        message = "expiration has to be between 1 and 365"
        code = 422
      }
    }
  }

  step "issue" {
    id = "ch8i54g6lnn4g9hqv7n0"
    secret = {
      token = "nbp_secret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-12-22T10:00:00Z"
      ttl = 2592000
    }
    trip {
      request = "POST /api/users/google-oauth2%7C2774/tokens"
      json = {
        name = "vault-app-1"
        expires_in = 30
      }
      status = 200
      answer = {
        plain_token = "nbp_secret"
        personal_access_token = {
          id = "ch8i54g6lnn4g9hqv7n0"
          name = "vault-app-1"
          expiration_date = "2030-12-22T10:00:00Z"
          created_by = "u0"
          created_at = "2030-11-22T10:00:00Z"
        }
      }
    }
  }

  step "list" {
    item "other" {
      name         = "by hand"
      created_at   = "2026-01-01T00:00:00Z"
      last_used_at = "2030-11-22T10:05:00.972Z"
    }
    item "ch8i54g6lnn4g9hqv7n0" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /api/users/google-oauth2%7C2774/tokens"
      status = 200
      answer = [
        {
          id = "other"
          name = "by hand"
          expiration_date = "2031-01-01T00:00:00Z"
          created_by = "u1"
          created_at = "2026-01-01T00:00:00Z"
          last_used = "2030-11-22T10:05:00.972Z"
        },
        {
          id = "ch8i54g6lnn4g9hqv7n0"
          name = "vault-app-1"
          expiration_date = "2030-12-22T10:00:00Z"
          created_by = "u0"
          created_at = "2030-11-22T10:00:00Z"
        },
      ]
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /api/users/current"
      headers = {
        Authorization = "Token nbp_secret"
      }
      status = 200
      answer = {
        id = "u2"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/users/google-oauth2%7C2774/tokens/ch8i54g6lnn4g9hqv7n0"
      status = 200
      answer = {}
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/users/google-oauth2%7C2774/tokens/ch8i54g6lnn4g9hqv7n0"
      status = 404
      answer = {
        message = "PAT not found"
        code = 404
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /api/users/current"
      headers = {
        Authorization = "Token nbp_secret"
      }
      status = 401
      answer = {
        message = "token invalid"
        code = 401
      }
    }
  }
}

exchange "the admin token is replaced" {
  source     = "netbirdio/netbird:shared/management/http/api/openapi.yml"
  read       = "2026-11-28"
  connection = { token = "nbp_admin", token_id = "old1" }
  role       = { user_id = "u1" }
  headers    = { Authorization = "Token nbp_admin" }

  step "check" {
    trip {
      request = "GET /api/users/current"
      status  = 200
      answer  = { id = "u0", role = "admin" }
    }
  }

  step "issue" {
    id     = "t1"
    secret = { token = "nbp_one" }
    key {
      name       = "vault-app-1"
      expires_at = "2030-12-22T10:00:00Z"
      ttl        = 2592000
    }
    trip {
      request = "POST /api/users/u1/tokens"
      json    = { name = "vault-app-1", expires_in = 30 }
      status  = 200
      answer = {
        plain_token           = "nbp_one"
        personal_access_token = { id = "t1", name = "vault-app-1", expiration_date = "2030-12-22T10:00:00Z" }
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/users/u1/tokens/t1"
      status  = 200
      answer  = {}
    }
  }

  step "stray" {
    strays = 1
    key { name = "vault-root-1" }
    trip {
      request = "GET /api/users/current"
      status  = 200
      answer  = { id = "u0" }
    }
    trip {
      request = "GET /api/users/u0/tokens"
      status  = 200
      answer  = [{ id = "old1", name = "by hand" }, { id = "lost1", name = "vault-root-1" }]
    }
    trip {
      request = "DELETE /api/users/u0/tokens/lost1"
      status  = 200
      answer  = {}
    }
  }

  step "rotate" {
    connection = { token = "nbp_new", token_id = "new1" }
    key { name = "vault-root-2" }
    trip {
      request = "GET /api/users/current"
      status  = 200
      answer  = { id = "u0" }
    }
    trip {
      request = "POST /api/users/u0/tokens"
      json    = { name = "vault-root-2", expires_in = 365 }
      status  = 200
      answer = {
        plain_token           = "nbp_new"
        personal_access_token = { id = "new1", name = "vault-root-2" }
      }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /api/users/u0/tokens/old1"
      headers = { Authorization = "Token nbp_new" }
      status  = 200
      answer  = {}
    }
  }
}
