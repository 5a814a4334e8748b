exchange "keys of an organization" {
  source = "the OpenAPI document of ClickHouse Cloud, by api-evangelist/clickhouse:openapi/clickhouse-api-keys-api-openapi.yml"
  read   = "2026-11-28"
  connection = {
    organization_id = "2ab8a8d8-0c2e-4a33-9d2a-6b1f3c1d9c11"
    key_id          = "adminId"
    key_secret      = "4b1dadmin"
  }
  role    = { role_ids = ["3c90c3cc-0d44-4b50-8888-8dd25736052a"] }
  headers = { Authorization = "Basic YWRtaW5JZDo0YjFkYWRtaW4=" }

  step "check" {
    trip {
      request = "GET /v1/organizations/2ab8a8d8-0c2e-4a33-9d2a-6b1f3c1d9c11"
      status  = 200
      answer  = { status = 200, result = { id = "2ab8a8d8-0c2e-4a33-9d2a-6b1f3c1d9c11", name = "Acme" } }
    }
  }
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/organizations/2ab8a8d8-0c2e-4a33-9d2a-6b1f3c1d9c11"
      status  = 401
      answer  = { status = 401, error = "Unauthorized" }
    }
  }
  step "issue" {
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      cidrs      = ["203.0.113.1/32", "203.0.113.0/24"]
    }
    id     = "9d5a1f2e-5c63-4a1a-8f0e-4a3c8f6f1f10"
    secret = { key_id = "leasedId", key_secret = "4b1dleased" }
    trip {
      request = "POST /v1/organizations/2ab8a8d8-0c2e-4a33-9d2a-6b1f3c1d9c11/keys"
      json = {
        name            = "vault-app-1"
        expireAt        = "2030-11-22T11:00:00Z"
        state           = "enabled"
        assignedRoleIds = ["3c90c3cc-0d44-4b50-8888-8dd25736052a"]
        ipAccessList    = [{ source = "203.0.113.1" }, { source = "203.0.113.0/24" }]
      }
      status = 200
      answer = {
        status    = 200
        requestId = "8c0b2c53-7a3a-4b8a-9a1b-0f0e5f7d1a22"
        result = {
          key = {
            id            = "9d5a1f2e-5c63-4a1a-8f0e-4a3c8f6f1f10"
            name          = "vault-app-1"
            state         = "enabled"
            assignedRoles = [{ roleId = "3c90c3cc-0d44-4b50-8888-8dd25736052a", roleName = "Developer", roleType = "system" }]
            keySuffix     = "edId"
            createdAt     = "2030-11-22T10:00:00Z"
            expireAt      = "2030-11-22T11:00:00Z"
          }
          keyId     = "leasedId"
          keySecret = "4b1dleased"
        }
      }
    }
  }
  step "list" {
    item "9d5a1f2e-5c63-4a1a-8f0e-4a3c8f6f1f10" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
      expires_at   = "2030-11-22T11:00:00Z"
    }
    item "0c1e7a34-8f5d-4a57-9b0e-7f2d6c4b1a90" {
      name         = "vault-app-2"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /v1/organizations/2ab8a8d8-0c2e-4a33-9d2a-6b1f3c1d9c11/keys"
      status  = 200
      answer  = { status = 200, result = [{ id = "9d5a1f2e-5c63-4a1a-8f0e-4a3c8f6f1f10", name = "vault-app-1", state = "enabled", createdAt = "2030-11-22T10:00:00Z", expireAt = "2030-11-22T11:00:00Z", usedAt = "2030-11-22T10:05:00Z" }, { id = "0c1e7a34-8f5d-4a57-9b0e-7f2d6c4b1a90", name = "vault-app-2", state = "enabled", createdAt = "2030-11-22T10:00:00Z" }] }
    }
  }
  step "extend" {
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T12:00:00Z"
    }
    trip {
      request = "PATCH /v1/organizations/2ab8a8d8-0c2e-4a33-9d2a-6b1f3c1d9c11/keys/9d5a1f2e-5c63-4a1a-8f0e-4a3c8f6f1f10"
      json    = { expireAt = "2030-11-22T12:00:00Z" }
      status  = 200
      answer  = { status = 200, result = { id = "9d5a1f2e-5c63-4a1a-8f0e-4a3c8f6f1f10", expireAt = "2030-11-22T12:00:00Z" } }
    }
  }
  step "probe" {
    alive = true
    trip {
      request = "GET /v1/organizations"
      headers = { Authorization = "Basic bGVhc2VkSWQ6NGIxZGxlYXNlZA==" }
      status  = 200
      answer  = { status = 200, result = [] }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /v1/organizations/2ab8a8d8-0c2e-4a33-9d2a-6b1f3c1d9c11/keys/9d5a1f2e-5c63-4a1a-8f0e-4a3c8f6f1f10"
      status  = 200
      answer  = { status = 200, requestId = "8c0b2c53-7a3a-4b8a-9a1b-0f0e5f7d1a22" }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /v1/organizations/2ab8a8d8-0c2e-4a33-9d2a-6b1f3c1d9c11/keys/9d5a1f2e-5c63-4a1a-8f0e-4a3c8f6f1f10"
      status  = 404
      answer  = { status = 404, error = "NOT_FOUND" }
    }
  }
}
