exchange "a user's keys" {
  source     = "https://miniflux.app/docs/api.html#endpoint-create-api-key, #endpoint-get-api-keys; answers of Miniflux 2.3.5"
  read       = "2026-11-28"
  connection = { base_url = "https://reader.example", token = "admin-token" }
  headers    = { X-Auth-Token = "admin-token" }

  step "check" {
    trip {
      request = "GET /v1/api-keys"
      status  = 200
      answer  = []
    }
  }

  step "issue" {
    key { name = "vault-app-1" }
    id     = "2"
    secret = { token = "s3cret-2" }
    trip {
      request = "POST /v1/api-keys"
      json    = { description = "vault-app-1" }
      status  = 201
      answer  = { id = 2, user_id = 1, token = "s3cret-2", description = "vault-app-1", last_used_at = null, created_at = "2030-11-22T10:00:00.5Z" }
    }
  }

  step "list" {
    item "1" {
      name         = "by hand"
      created_at   = "2030-11-21T10:00:00Z"
      last_used_at = "2030-11-22T10:05:00.25Z"
    }
    item "2" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00.5Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /v1/api-keys"
      status  = 200
      answer = [
        { id = 1, user_id = 1, token = "admin-token", description = "by hand", last_used_at = "2030-11-22T11:05:00.25+01:00", created_at = "2030-11-21T10:00:00Z" },
        { id = 2, user_id = 1, token = "s3cret-2", description = "vault-app-1", last_used_at = null, created_at = "2030-11-22T10:00:00.5Z" },
      ]
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/api-keys/2"
      status  = 204
    }
  }
}
