exchange "a user for each key" {
  source     = "weaviate/weaviate:openapi-specs/schema.json; https://docs.weaviate.io/deploy/configuration/db-users"
  read       = "2026-11-22"
  document   = "weaviate.json"
  prefix     = "/v1"
  connection = { api_key = "k-admin-1" }
  role = {
    roles = ["viewer"]
  }
  headers = { Authorization = "Bearer k-admin-1" }

  step "check" {
    trip {
      request = "GET /v1/users/own-info"
      status  = 200
      answer  = { username = "vault", roles = [], groups = [] }
    }
  }

  # There is no such role, so the user is taken back.
  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v1/users/db/vault-app-1"
      json    = {}
      status  = 201
      answer  = { apikey = "k-app-1" }
    }
    trip {
      request = "POST /v1/authz/users/vault-app-1/assign"
      json = {
        roles    = ["viewer"]
        userType = "db"
      }
      status = 404
      answer = {
        error = [{ message = "role viewer not found" }]
      }
    }
    trip {
      request = "DELETE /v1/users/db/vault-app-1"
      status  = 204
    }
  }

  # The name is another's: that user stays.
  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v1/users/db/vault-app-1"
      json    = {}
      status  = 409
      answer = {
        error = [{ message = "user vault-app-1 already exists" }]
      }
    }
  }

  step "issue" {
    id     = "vault-app-1"
    secret = { api_key = "k-app-1" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v1/users/db/vault-app-1"
      json    = {}
      status  = 201
      answer  = { apikey = "k-app-1" }
    }
    trip {
      request = "POST /v1/authz/users/vault-app-1/assign"
      json = {
        roles    = ["viewer"]
        userType = "db"
      }
      status = 200
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/users/db/vault-app-1"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/users/db/vault-app-1"
      status  = 404
      answer = {
        error = [{ message = "user not found" }]
      }
    }
  }

  step "rotate" {
    connection = { api_key = "k-admin-2" }
    key {
      name = "vault-root-1"
    }
    trip {
      request = "GET /v1/users/own-info"
      status  = 200
      answer  = { username = "vault", roles = [], groups = [] }
    }
    trip {
      request = "POST /v1/users/db/vault/rotate-key"
      status  = 200
      answer  = { apikey = "k-admin-2" }
    }
  }
}
