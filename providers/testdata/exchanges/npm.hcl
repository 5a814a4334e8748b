exchange "tokens that read a scope" {
  source = "npm/api-documentation:api/registry.npmjs.com/token.yaml"
  read   = "2026-11-28"
  connection = {
    token = "npm_login"
    password = "pw"
    totp_seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
  }
  role = {
    scopes = [
      "@acme",
    ]
  }
  headers = {
    Authorization = "Bearer npm_login"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /-/npm/v1/tokens?perPage=1"
      status = 200
      answer = {
        objects = []
        total = 0
        urls = {}
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /-/npm/v1/tokens?perPage=1"
      status = 401
      answer = {
        error = "Unauthorized"
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
      request = "POST /-/npm/v1/tokens"
      headers = {
        npm-otp = "323977"
      }
      json = {
        password = "pw"
        name = "vault-app-1"
        expires = "2030-11-22T11:00:00Z"
        scopes = [
          "@acme",
        ]
        packages_and_scopes_permission = "read-only"
      }
      status = 400
      answer = {
        error = "Read-write tokens cannot have expiration longer than 90 days"
      }
    }
  }

  step "issue" {
    id = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
    secret = {
      token = "npm_aBcDeF"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /-/npm/v1/tokens"
      headers = {
        npm-otp = "323977"
      }
      json = {
        password = "pw"
        name = "vault-app-1"
        expires = "2030-11-22T11:00:00Z"
        scopes = [
          "@acme",
        ]
        packages_and_scopes_permission = "read-only"
      }
      status = 201
      answer = {
        key = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
        name = "vault-app-1"
        description = null
        token = "npm_aBcDeF"
        expiry = "2030-11-22T11:00:00Z"
        cidr = null
        bypass_2fa = false
        revoked = null
        created = "2030-11-22T10:00:00Z"
        updated = null
        accessed = null
        permissions = [
          {
            name = "package"
            action = "read"
          },
        ]
        scopes = [
          {
            type = "package"
            name = "@acme"
          },
        ]
      }
    }
  }

  step "list" {
    item "a1b2c3d4-e5f6-7890-abcd-ef1234567890" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "2030-11-22T10:30:00Z"
    }
    item "b2c3d4e5-f6a7-8901-bcde-f12345678901" {
      name         = "vault-app-2"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /-/npm/v1/tokens?page=0&perPage=100"
      status = 200
      answer = {
        objects = [
          {
            key = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
            name = "vault-app-1"
            description = null
            token = "npm_aBcD...90"
            expiry = "2030-11-22T11:00:00Z"
            cidr = null
            bypass_2fa = false
            revoked = null
            created = "2030-11-22T10:00:00Z"
            updated = null
            accessed = "2030-11-22T10:30:00Z"
            permissions = [
              {
                name = "package"
                action = "read"
              },
            ]
            scopes = [
              {
                type = "package"
                name = "@acme"
              },
            ]
          },
          {
            key = "b2c3d4e5-f6a7-8901-bcde-f12345678901"
            name = "vault-app-2"
            description = null
            token = "npm_eFgH...12"
            expiry = "2030-11-22T11:00:00Z"
            cidr = null
            bypass_2fa = false
            revoked = null
            created = "2030-11-22T10:00:00Z"
            updated = null
            accessed = null
            permissions = [
              {
                name = "package"
                action = "read"
              },
            ]
            scopes = [
              {
                type = "package"
                name = "@acme"
              },
            ]
          },
          {
            key = "old"
            name = "gone"
            description = null
            token = "npm_aBcDeF"
            expiry = "2030-11-22T11:00:00Z"
            cidr = null
            bypass_2fa = false
            revoked = "2026-01-01T00:00:00Z"
            created = "2030-11-22T10:00:00Z"
            updated = null
            accessed = "2030-11-22T10:30:00Z"
            permissions = [
              {
                name = "package"
                action = "read"
              },
            ]
            scopes = [
              {
                type = "package"
                name = "@acme"
              },
            ]
          },
        ]
        total = 2
        urls = {}
      }
    }
    trip {
      request = "GET /-/npm/v1/tokens?page=1&perPage=100"
      status = 200
      answer = {
        objects = []
        total = 2
        urls = {}
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /-/whoami"
      headers = {
        Authorization = "Bearer npm_aBcDeF"
      }
      status = 200
      answer = {
        username = "acme"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /-/npm/v1/tokens/token/a1b2c3d4-e5f6-7890-abcd-ef1234567890"
      headers = {
        npm-otp = "323977"
      }
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /-/npm/v1/tokens/token/a1b2c3d4-e5f6-7890-abcd-ef1234567890"
      headers = {
        npm-otp = "323977"
      }
      status = 404
      answer = {
        message = "token not found"
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /-/whoami"
      headers = {
        Authorization = "Bearer npm_aBcDeF"
      }
      status = 401
      answer = {
        error = "Unauthorized"
      }
    }
  }
}
