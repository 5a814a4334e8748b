exchange "tokens that read" {
  source = "https://docs.strapi.io/cms/features/api-tokens; strapi/strapi:packages/core/admin/server/src/controllers/api-token.ts"
  read   = "2026-11-27"
  connection = {
    email = "ops@acme.test"
    password = "admin-password"
  }

  step "check" {
    trip {
      request = "POST /admin/login"
      json = {
        email = "ops@acme.test"
        password = "admin-password"
      }
      status = 200
      answer = {
        data = {
          token = "eyJ.jwt"
          user = {
            id = 1
          }
        }
      }
    }
    trip {
      request = "GET /admin/api-tokens"
      status = 200
      answer = {
        data = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /admin/api-tokens"
      status = 401
      answer = {
        data = null
        error = {
          status = 401
          name = "UnauthorizedError"
          message = "Missing or invalid credentials"
        }
      }
    }
    trip {
      request = "POST /admin/login"
      json = {
        email = "ops@acme.test"
        password = "admin-password"
      }
      status = 200
      answer = {
        data = {
          token = "eyJ.jwt"
          user = {
            id = 1
          }
        }
      }
    }
    trip {
      request = "GET /admin/api-tokens"
      status = 401
      answer = {
        data = null
        error = {
          status = 401
          name = "UnauthorizedError"
          message = "Missing or invalid credentials"
        }
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-29T10:00:00Z"
      ttl = 604800
    }
    trip {
      request = "POST /admin/api-tokens"
      json = {
        name = "vault-app-1"
        description = "Leased by Vault"
        type = "read-only"
        lifespan = 604800000
      }
      status = 400
      answer = {
        data = null
        error = {
          status = 400
          name = "ApplicationError"
          message = "Name already taken"
        }
      }
    }
  }

  step "issue" {
    id = "4"
    secret = {
      token = "a1b2c3"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-29T10:00:00Z"
      ttl = 604800
    }
    trip {
      request = "POST /admin/api-tokens"
      json = {
        name = "vault-app-1"
        description = "Leased by Vault"
        type = "read-only"
        lifespan = 604800000
      }
      status = 201
      answer = {
        data = {
          id = 4
          name = "vault-app-1"
          type = "read-only"
          createdAt = "2030-11-22T10:00:00Z"
          lastUsedAt = null
          expiresAt = "2030-11-29T10:00:00.000Z"
          lifespan = "604800000"
          permissions = []
          accessKey = "a1b2c3"
        }
      }
    }
  }

  step "list" {
    item "1" {
      name         = "by hand"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "4" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /admin/api-tokens"
      status = 200
      answer = {
        data = [
          {
            id = 1
            name = "by hand"
            type = "read-only"
            createdAt = "2030-11-22T10:00:00Z"
            lastUsedAt = "2030-11-22T10:05:00Z"
            expiresAt = "2030-11-29T10:00:00.000Z"
            lifespan = "604800000"
          },
          {
            id = 4
            name = "vault-app-1"
            type = "read-only"
            createdAt = "2030-11-22T10:00:00Z"
            lastUsedAt = null
            expiresAt = "2030-11-29T10:00:00.000Z"
            lifespan = "604800000"
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /admin/api-tokens"
      status = 200
      answer = {
        data = [
          {
            id = 1
            name = "by hand"
            type = "read-only"
            createdAt = "2030-11-22T10:00:00Z"
            lastUsedAt = null
            expiresAt = "2030-11-29T10:00:00.000Z"
            lifespan = "604800000"
          },
          {
            id = 4
            name = "vault-app-1"
            type = "read-only"
            createdAt = "2030-11-22T10:00:00Z"
            lastUsedAt = null
            expiresAt = "2030-11-29T10:00:00.000Z"
            lifespan = "604800000"
          },
        ]
      }
    }
    trip {
      request = "DELETE /admin/api-tokens/4"
      status = 200
      answer = {
        data = {
          id = 4
          name = "vault-app-1"
          type = "read-only"
          createdAt = "2030-11-22T10:00:00Z"
          lastUsedAt = null
          expiresAt = "2030-11-29T10:00:00.000Z"
          lifespan = "604800000"
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /admin/api-tokens"
      status = 200
      answer = {
        data = [
          {
            id = 1
            name = "by hand"
            type = "read-only"
            createdAt = "2030-11-22T10:00:00Z"
            lastUsedAt = null
            expiresAt = "2030-11-29T10:00:00.000Z"
            lifespan = "604800000"
          },
        ]
      }
    }
  }
}
