exchange "tokens that read" {
  source = "aiven/go-client-codegen:handler/user; https://api.aiven.io/doc/#tag/User/operation/AccessTokenCreate"
  read   = "2026-11-27"
  connection = {
    token = "admin-token"
  }

  step "check" {
    trip {
      request = "GET /v1/me"
      status = 200
      answer = {
        user = {
          user = "ops@acme.test"
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/me"
      status = 401
      answer = {
        errors = [
          {
            message = "Invalid token"
            status = 401
          },
        ]
        message = "Invalid token"
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
      request = "POST /v1/access_token"
      json = {
        description = "vault-app-1"
        max_age_seconds = 3600
        extend_when_used = false
        scopes = [
          "projects:read",
          "services:read",
        ]
      }
      status = 400
      answer = {
        message = "Invalid scope"
      }
    }
  }

  step "issue" {
    id = "aB2c3+xQ=="
    secret = {
      token = "AVNS_bound"
    }
    key {
      name = "vault-app-2"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
      cidrs = ["198.51.100.0/24"]
    }
    trip {
      request = "POST /v1/access_token"
      json = {
        description = "vault-app-2"
        max_age_seconds = 3600
        extend_when_used = false
        scopes = [
          "projects:read",
          "services:read",
        ]
        ip_allowlist = [
          "198.51.100.0/24",
        ]
      }
      status = 200
      answer = {
        full_token = "AVNS_bound"
        token_prefix = "aB2c3+xQ=="
        create_time = "2030-11-22T10:00:00Z"
        expiry_time = "2030-11-22T11:00:00Z"
        max_age_seconds = 3600
        scopes = [
          "projects:read",
          "services:read",
        ]
        ip_allowlist = [
          "198.51.100.0/24",
        ]
      }
    }
  }

  step "issue" {
    id = "nOb1+xQ=="
    secret = {
      token = "AVNS_secret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
    }
    trip {
      request = "POST /v1/access_token"
      json = {
        description = "vault-app-1"
        max_age_seconds = 3600
        extend_when_used = false
        scopes = [
          "projects:read",
          "services:read",
        ]
      }
      status = 200
      answer = {
        full_token = "AVNS_secret"
        token_prefix = "nOb1+xQ=="
        create_time = "2030-11-22T10:00:00Z"
        expiry_time = "2030-11-22T11:00:00Z"
        max_age_seconds = 3600
        scopes = [
          "projects:read",
          "services:read",
        ]
      }
    }
  }

  step "list" {
    item "other" {
      name         = "by hand"
      created_at   = "2026-01-01T00:00:00Z"
      last_used_at = "2026-11-22T10:05:00Z"
    }
    item "nOb1+xQ==" {
      name       = "vault-app-1"
      created_at = "2030-11-22T10:00:00Z"
    }
    trip {
      request = "GET /v1/access_token"
      status = 200
      answer = {
        tokens = [
          {
            token_prefix = "other"
            description = "by hand"
            create_time = "2026-01-01T00:00:00Z"
            last_used_time = "2026-11-22T10:05:00Z"
            currently_active = true
          },
          {
            token_prefix = "nOb1+xQ=="
            description = "vault-app-1"
            create_time = "2030-11-22T10:00:00Z"
            expiry_time = "2030-11-22T11:00:00Z"
          },
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /v1/project"
      headers = {
        Authorization = "aivenv1 AVNS_secret"
      }
      status = 200
      answer = {
        projects = []
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/access_token/nOb1+xQ=="
      status = 200
      answer = {
        message = "revoked"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/access_token/nOb1+xQ=="
      status = 404
      answer = {
        errors = [
          {
            message = "Token not found"
            status = 404
          },
        ]
        message = "Token not found"
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /v1/project"
      headers = {
        Authorization = "aivenv1 AVNS_secret"
      }
      status = 401
      answer = {
        message = "Invalid token"
      }
    }
  }
}
