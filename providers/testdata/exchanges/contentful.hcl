exchange "tokens of the user" {
  source     = "contentful/contentful-management.java:src/test/resources/personal_access_token_create.json, personal_access_token_get_all.json, personal_access_token_revoke.json; contentful/contentful-management.js for expiresIn and expiresAt"
  read       = "2026-11-28"
  connection = { token = "CFPAT-admin" }
  role       = { scopes = ["content_management_read"] }
  headers    = { Authorization = "Bearer CFPAT-admin" }

  step "check" {
    trip {
      request = "GET /users/me"
      status  = 200
      answer  = { sys = { type = "User", id = "u1" } }
    }
  }
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /users/me"
      status  = 401
      answer  = { sys = { type = "Error", id = "AccessTokenInvalid" }, message = "The access token you sent could not be found or is invalid." }
    }
  }
  step "issue" {
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    id     = "04HUtX5O7XsNFdKX7BrJvo"
    secret = { token = "CFPAT-TOKEN" }
    trip {
      request = "POST /users/me/access_tokens"
      headers = { Content-Type = "application/vnd.contentful.management.v1+json" }
      json    = { name = "vault-app-1", scopes = ["content_management_read"], expiresIn = 3600 }
      status  = 201
      answer = {
        name      = "vault-app-1"
        revokedAt = null
        sys       = { type = "PersonalAccessToken", id = "04HUtX5O7XsNFdKX7BrJvo", createdAt = "2030-11-22T10:00:00Z", updatedAt = "2030-11-22T10:00:00Z", expiresAt = "2030-11-22T11:00:00Z" }
        scopes    = ["content_management_read"]
        token     = "CFPAT-TOKEN"
      }
    }
  }
  step "list" {
    item "04HUtX5O7XsNFdKX7BrJvo" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "2pVnXs8mQeWcYt0aKzRb4d" {
      name         = "vault-app-2"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /users/me/access_tokens?limit=100&skip=0"
      status  = 200
      answer = {
        total = 3
        limit = 100
        skip  = 0
        sys   = { type = "Array" }
        items = [
          { name = "vault-app-0", revokedAt = "2030-11-21T10:00:00Z", sys = { type = "PersonalAccessToken", id = "0LYG3uP7KihkEwsRsYijTo", createdAt = "2030-11-20T10:00:00Z" }, scopes = ["content_management_read"] },
          { name = "vault-app-1", revokedAt = null, sys = { type = "PersonalAccessToken", id = "04HUtX5O7XsNFdKX7BrJvo", createdAt = "2030-11-22T10:00:00Z", lastUsedAt = "2030-11-22T10:05:00Z" }, scopes = ["content_management_read"] },
          { name = "vault-app-2", revokedAt = null, sys = { type = "PersonalAccessToken", id = "2pVnXs8mQeWcYt0aKzRb4d", createdAt = "2030-11-22T10:00:00Z", lastUsedAt = null }, scopes = ["content_management_read"] },
        ]
      }
    }
    trip {
      request = "GET /users/me/access_tokens?limit=100&skip=3"
      status  = 200
      answer  = { total = 3, limit = 100, skip = 3, sys = { type = "Array" }, items = [] }
    }
  }
  step "probe" {
    alive = true
    trip {
      request = "GET /users/me"
      headers = { Authorization = "Bearer CFPAT-TOKEN" }
      status  = 200
      answer  = { sys = { type = "User", id = "u1" } }
    }
  }
  step "revoke" {
    trip {
      request = "PUT /users/me/access_tokens/04HUtX5O7XsNFdKX7BrJvo/revoked"
      status  = 200
      answer  = { name = "vault-app-1", revokedAt = "2030-11-22T10:30:00Z", sys = { type = "PersonalAccessToken", id = "04HUtX5O7XsNFdKX7BrJvo" }, scopes = ["content_management_read"] }
    }
  }
  step "revoke" {
    trip {
      request = "PUT /users/me/access_tokens/04HUtX5O7XsNFdKX7BrJvo/revoked"
      status  = 404
      answer  = { sys = { type = "Error", id = "NotFound" }, message = "The resource could not be found." }
    }
  }
  step "revoke" {
    fails = "unknown"
    trip {
      request = "PUT /users/me/access_tokens/04HUtX5O7XsNFdKX7BrJvo/revoked"
      status  = 200
      answer  = { name = "vault-app-1", sys = { type = "PersonalAccessToken", id = "04HUtX5O7XsNFdKX7BrJvo" } }
    }
  }
}
