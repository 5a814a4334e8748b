exchange "backend tokens" {
  source     = "Unleash/unleash-server-api-go:openapi.json; https://docs.getunleash.io/reference/api-tokens-and-client-keys"
  read       = "2026-11-22"
  document   = "unleash.json"
  connection = { token = "user:admin" }
  role       = { type = "backend", environment = "production" }
  headers    = { Authorization = "user:admin" }

  step "check" {
    trip {
      request = "GET /api/admin/api-tokens/-"
      status  = 200
      answer  = { tokens = [] }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/admin/api-tokens/-"
      status  = 401
      answer = {
        id      = "9c40958a-daac-400e-98fb-3bb438567008"
        name    = "AuthenticationRequired"
        message = "You must log in to use Unleash."
        details = []
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/admin/api-tokens"
      json = {
        tokenName   = "vault-app-1"
        type        = "backend"
        environment = "production"
        projects    = ["*"]
        expiresAt   = "2026-11-22T11:00:00Z"
      }
      status = 400
      answer = {
        id      = "1"
        name    = "BadDataError"
        message = "Request validation failed"
        details = [{ message = "The `environment` does not exist", path = "environment" }]
      }
    }
  }

  step "issue" {
    id     = "vault-app-1"
    secret = { token = "*:production.0be0c6d1a2" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/admin/api-tokens"
      json = {
        tokenName   = "vault-app-1"
        type        = "backend"
        environment = "production"
        projects    = ["*"]
        expiresAt   = "2026-11-22T11:00:00Z"
      }
      status = 201
      answer = {
        secret      = "*:production.0be0c6d1a2"
        tokenName   = "vault-app-1"
        type        = "backend"
        environment = "production"
        project     = "*"
        projects    = ["*"]
        expiresAt   = "2026-11-22T11:00:00Z"
        createdAt   = "2026-11-22T10:00:00Z"
        seenAt      = null
        alias       = null
      }
    }
  }

  step "list" {
    item "vault-app-1" {
      name         = "vault-app-1"
      created_at   = "2026-11-22T10:00:00Z"
      last_used_at = "never"
      expires_at   = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "GET /api/admin/api-tokens"
      status  = 200
      answer = {
        tokens = [
          {
            secret      = "*:production.0be0c6d1a2"
            tokenName   = "vault-app-1"
            type        = "backend"
            environment = "production"
            project     = "*"
            projects    = ["*"]
            expiresAt   = "2026-11-22T11:00:00Z"
            createdAt   = "2026-11-22T10:00:00Z"
            seenAt      = null
            alias       = null
          },
        ]
      }
    }
  }

  step "extend" {
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T12:00:00Z"
    }
    trip {
      request = "PUT /api/admin/api-tokens/%2A%3Aproduction.0be0c6d1a2"
      json    = { expiresAt = "2026-11-22T12:00:00Z" }
      status  = 200
    }
  }

  # The token stands in the address; an unknown one is answered 200 too.
  step "revoke" {
    trip {
      request = "DELETE /api/admin/api-tokens/%2A%3Aproduction.0be0c6d1a2"
      status  = 200
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/admin/api-tokens/%2A%3Aproduction.0be0c6d1a2"
      status  = 404
      answer  = { id = "2", name = "NotFoundError", message = "Not found", details = [] }
    }
  }
}

# As Unleash 8.2.0 answers with its flag secureTokenStorage.
exchange "tokens of which the server keeps a hash" {
  source     = "Unleash 8.2.0 with UNLEASH_EXPERIMENTAL_SECURE_TOKEN=true; Unleash/unleash:src/lib/authentication/authorization-token.ts"
  read       = "2026-11-22"
  document   = "unleash.json"
  connection = { token = "user:admin", token_id = "2" }
  role       = { type = "backend", environment = "development", projects = ["default"] }
  headers    = { Authorization = "user:admin" }

  step "check" {
    trip {
      request = "GET /api/admin/api-tokens/-"
      status  = 200
      answer  = { tokens = [] }
    }
  }

  # An unknown project.
  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2026-12-23T00:00:00Z"
    }
    trip {
      request = "POST /api/admin/api-tokens"
      json = {
        tokenName   = "vault-app-1"
        type        = "backend"
        environment = "development"
        projects    = ["default"]
        expiresAt   = "2026-12-23T00:00:00Z"
      }
      status = 500
      answer = {
        name    = "UnknownError"
        message = "INSERT INTO api_tokens_v2_project\n                         VALUES ($1, $2) - insert or update on table \"api_tokens_v2_project\" violates foreign key constraint \"api_tokens_v2_project_project_fkey\""
        details = [{ message = "INSERT INTO api_tokens_v2_project\n                         VALUES ($1, $2) - insert or update on table \"api_tokens_v2_project\" violates foreign key constraint \"api_tokens_v2_project_project_fkey\"" }]
      }
    }
  }

  step "issue" {
    id     = "vault-app-1"
    secret = { token = "default:development.v2_42x_dS0fC4m5QQCEGs3LhQ_Th7rI8r5NzPzFgn1wajlDnxWfttyxl59KrBsLiy3uW0" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-12-23T00:00:00Z"
    }
    trip {
      request = "POST /api/admin/api-tokens"
      json = {
        tokenName   = "vault-app-1"
        type        = "backend"
        environment = "development"
        projects    = ["default"]
        expiresAt   = "2026-12-23T00:00:00Z"
      }
      status = 201
      answer = {
        projects    = ["default"]
        tokenName   = "vault-app-1"
        type        = "backend"
        environment = "development"
        expiresAt   = "2026-12-23T00:00:00.000Z"
        createdAt   = "2026-11-22T11:45:42.384Z"
        secure      = true
        secret      = "default:development.v2_42x_dS0fC4m5QQCEGs3LhQ_Th7rI8r5NzPzFgn1wajlDnxWfttyxl59KrBsLiy3uW0"
        project     = "default"
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /api/admin/user"
      headers = { Authorization = "default:development.v2_42x_dS0fC4m5QQCEGs3LhQ_Th7rI8r5NzPzFgn1wajlDnxWfttyxl59KrBsLiy3uW0" }
      status  = 403
      answer  = { message = "invalid token: expected a different token type for this endpoint" }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/admin/api-tokens/default%3Adevelopment.v2_42x_dS0fC4m5QQCEGs3LhQ_Th7rI8r5NzPzFgn1wajlDnxWfttyxl59KrBsLiy3uW0"
      status  = 200
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /api/admin/user"
      headers = { Authorization = "default:development.v2_42x_dS0fC4m5QQCEGs3LhQ_Th7rI8r5NzPzFgn1wajlDnxWfttyxl59KrBsLiy3uW0" }
      status  = 401
      answer  = { name = "UnauthorizedError", message = "You must log in to use Unleash.", details = [{ message = "You must log in to use Unleash." }] }
    }
  }

  # A key whose issue had no answer.
  step "find" {
    item "vault-app-1" {
      name       = "vault-app-1"
      created_at = "2026-11-22T11:45:42.384Z"
      expires_at = "2026-12-23T00:00:00Z"
    }
    key { name = "vault-app-1" }
    trip {
      request = "GET /api/admin/api-tokens/vault-app-1"
      status  = 200
      answer = {
        tokens = [{
          secret      = "42x_dS0fC4m5QQCEGs3LhQ"
          tokenName   = "vault-app-1"
          type        = "backend"
          projects    = ["default"]
          project     = "default"
          environment = "development"
          expiresAt   = "2026-12-23T00:00:00.000Z"
          createdAt   = "2026-11-22T11:45:42.384Z"
          secure      = true
        }]
      }
    }
  }

  step "rotate" {
    connection = { token = "user:fbb2d517b8c239d8a39ef56f132fe56702d9b25fde420057c5e064b9", token_id = "3" }
    key { name = "vault-admin-1" }
    trip {
      request = "POST /api/admin/user/tokens"
      json    = { description = "vault-admin-1", expiresAt = "9999-12-31T23:59:59Z" }
      status  = 201
      answer = {
        id          = 3
        description = "vault-admin-1"
        expiresAt   = "9999-12-31T23:59:59.000Z"
        userId      = 1
        createdAt   = "2026-11-22T11:45:40.800Z"
        seenAt      = null
        secret      = "user:fbb2d517b8c239d8a39ef56f132fe56702d9b25fde420057c5e064b9"
      }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /api/admin/user/tokens/2"
      headers = { Authorization = "user:fbb2d517b8c239d8a39ef56f132fe56702d9b25fde420057c5e064b9" }
      status  = 200
    }
  }

  # A rotation that had no answer.
  step "stray" {
    strays = 1
    key { name = "vault-admin-2" }
    trip {
      request = "GET /api/admin/user/tokens"
      headers = { Authorization = "user:fbb2d517b8c239d8a39ef56f132fe56702d9b25fde420057c5e064b9" }
      status  = 200
      answer = {
        pats = [
          { id = 3, description = "vault-admin-1", expiresAt = "9999-12-31T23:59:59.000Z", userId = 1, createdAt = "2026-11-22T11:45:40.800Z", seenAt = null },
          { id = 4, description = "vault-admin-2", expiresAt = "9999-12-31T23:59:59.000Z", userId = 1, createdAt = "2026-11-22T11:46:40.800Z", seenAt = null },
        ]
      }
    }
    trip {
      request = "DELETE /api/admin/user/tokens/4"
      headers = { Authorization = "user:fbb2d517b8c239d8a39ef56f132fe56702d9b25fde420057c5e064b9" }
      status  = 200
    }
  }
}
