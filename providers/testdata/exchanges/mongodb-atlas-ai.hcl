exchange "keys for models" {
  source = "mongodb/atlas-sdk-go:openapi/atlas-api.yaml"
  read   = "2026-11-27"
  connection = {
    client_id = "mdb_sa_id_admin"
    client_secret = "mdb_sa_sk_admin"
  }
  role = {
    project_id = "32b6e34b3d91647abb20e7b8"
  }

  step "check" {
    trip {
      request = "POST /api/oauth/token"
      headers = {
        Authorization = "Basic bWRiX3NhX2lkX2FkbWluOm1kYl9zYV9za19hZG1pbg=="
      }
      form = {
        grant_type = "client_credentials"
      }
      status = 200
      answer = {
        access_token = "eyJ.admin"
        expires_in = 3600
        token_type = "Bearer"
      }
    }
    trip {
      request = "GET /api/atlas/v2/groups?itemsPerPage=1"
      status = 200
      answer = {
        results = []
        totalCount = 0
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/atlas/v2/groups?itemsPerPage=1"
      status = 401
      answer = {
        error = 401
        errorCode = "UNAUTHORIZED"
        detail = "You are not authorized for this resource."
      }
    }
    trip {
      request = "POST /api/oauth/token"
      headers = {
        Authorization = "Basic bWRiX3NhX2lkX2FkbWluOm1kYl9zYV9za19hZG1pbg=="
      }
      form = {
        grant_type = "client_credentials"
      }
      status = 200
      answer = {
        access_token = "eyJ.admin"
        expires_in = 3600
        token_type = "Bearer"
      }
    }
    trip {
      request = "GET /api/atlas/v2/groups?itemsPerPage=1"
      status = 401
      answer = {
        error = 401
        errorCode = "UNAUTHORIZED"
        detail = "You are not authorized for this resource."
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
      request = "POST /api/atlas/v2/groups/32b6e34b3d91647abb20e7b8/aiModelApiKeys"
      headers = {
        Accept = "application/vnd.atlas.2025-03-12+json"
      }
      json = {
        name = "vault-app-1"
        cloud = "ANY"
        geography = "ANY"
      }
      status = 400
      answer = {
        error = 400
        errorCode = "INVALID_ATTRIBUTE"
        detail = "Invalid attribute cloud specified."
      }
    }
  }

  step "issue" {
    id = "65f3c0de"
    secret = {
      api_key = "al-secret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/atlas/v2/groups/32b6e34b3d91647abb20e7b8/aiModelApiKeys"
      headers = {
        Accept = "application/vnd.atlas.2025-03-12+json"
      }
      json = {
        name = "vault-app-1"
        cloud = "ANY"
        geography = "ANY"
      }
      status = 201
      answer = {
        apiKeyId = "65f3c0de"
        name = "vault-app-1"
        secret = "al-secret"
        createdAt = "2030-11-22T10:00:00Z"
        status = "ACTIVE"
      }
    }
  }

  step "list" {
    item "other" {
      name         = "by hand"
      created_at   = "2026-01-01T00:00:00Z"
      last_used_at = "never"
    }
    item "65f3c0de" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    trip {
      request = "GET /api/atlas/v2/groups/32b6e34b3d91647abb20e7b8/aiModelApiKeys?itemsPerPage=500&pageNum=1"
      headers = {
        Accept = "application/vnd.atlas.2025-03-12+json"
      }
      status = 200
      answer = {
        results = [
          {
            apiKeyId = "other"
            name = "by hand"
            createdAt = "2026-01-01T00:00:00Z"
            lastUsedAt = null
          },
          {
            apiKeyId = "65f3c0de"
            name = "vault-app-1"
            createdAt = "2030-11-22T10:00:00Z"
            lastUsedAt = "2030-11-22T10:05:00Z"
          },
        ]
        totalCount = 2
      }
    }
    trip {
      request = "GET /api/atlas/v2/groups/32b6e34b3d91647abb20e7b8/aiModelApiKeys?itemsPerPage=500&pageNum=2"
      headers = {
        Accept = "application/vnd.atlas.2025-03-12+json"
      }
      status = 200
      answer = {
        results = []
        totalCount = 2
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/atlas/v2/groups/32b6e34b3d91647abb20e7b8/aiModelApiKeys/65f3c0de"
      headers = {
        Accept = "application/vnd.atlas.2025-03-12+json"
      }
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/atlas/v2/groups/32b6e34b3d91647abb20e7b8/aiModelApiKeys/65f3c0de"
      headers = {
        Accept = "application/vnd.atlas.2025-03-12+json"
      }
      status = 404
      answer = {
        error = 404
        errorCode = "RESOURCE_NOT_FOUND"
        detail = "Cannot find resource."
      }
    }
  }
}
