exchange "keys that read data" {
  source = "pinecone-io/pinecone-api:2026-04/admin_2026-04.oas.yaml, oauth_2026-04.oas.yaml"
  read   = "2026-11-27"
  connection = {
    client_id = "sa"
    client_secret = "admin-secret"
  }
  role = {
    project_id = "5b1c1031-fa9d-4dd3-88c1-9ae4a5f5a5e5"
  }
  headers = {
    X-Pinecone-Api-Version = "2026-04"
  }

  step "check" {
    trip {
      request = "POST https://login.pinecone.io/oauth/token"
      headers = {
        X-Pinecone-Api-Version = "2026-04"
      }
      json = {
        client_id = "sa"
        client_secret = "admin-secret"
        grant_type = "client_credentials"
        audience = "https://api.pinecone.io/"
      }
      status = 200
      answer = {
        access_token = "eyJ.pc"
        token_type = "Bearer"
        expires_in = 1800
      }
    }
    trip {
      request = "GET /admin/projects"
      status = 200
      answer = {
        data = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /admin/projects"
      status = 401
      answer = {
        error = {
          code = "UNAUTHENTICATED"
          message = "Invalid API key"
        }
        status = 401
      }
    }
    trip {
      request = "POST https://login.pinecone.io/oauth/token"
      headers = {
        X-Pinecone-Api-Version = "2026-04"
      }
      json = {
        client_id = "sa"
        client_secret = "admin-secret"
        grant_type = "client_credentials"
        audience = "https://api.pinecone.io/"
      }
      status = 200
      answer = {
        access_token = "eyJ.pc"
        token_type = "Bearer"
        expires_in = 1800
      }
    }
    trip {
      request = "GET /admin/projects"
      status = 401
      answer = {
        error = {
          code = "UNAUTHENTICATED"
          message = "Invalid API key"
        }
        status = 401
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
      request = "POST /admin/projects/5b1c1031-fa9d-4dd3-88c1-9ae4a5f5a5e5/api-keys"
      json = {
        name = "vault-app-1"
        roles = [
          "DataPlaneViewer",
        ]
      }
      status = 400
      answer = {
        error = {
          code = "INVALID_ARGUMENT"
          message = "Invalid role"
        }
        status = 400
      }
    }
  }

  step "issue" {
    id = "c4e2f5aa-0000-4000-8000-000000000001"
    secret = {
      api_key = "pcsk_secret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /admin/projects/5b1c1031-fa9d-4dd3-88c1-9ae4a5f5a5e5/api-keys"
      json = {
        name = "vault-app-1"
        roles = [
          "DataPlaneViewer",
        ]
      }
      status = 201
      answer = {
        key = {
          id = "c4e2f5aa-0000-4000-8000-000000000001"
          name = "vault-app-1"
          project_id = "5b1c1031-fa9d-4dd3-88c1-9ae4a5f5a5e5"
          roles = [
            "DataPlaneViewer",
          ]
        }
        value = "pcsk_secret"
      }
    }
  }

  step "list" {
    ids = [
  "other",
  "c4e2f5aa-0000-4000-8000-000000000001",
]
    trip {
      request = "GET /admin/projects/5b1c1031-fa9d-4dd3-88c1-9ae4a5f5a5e5/api-keys"
      status = 200
      answer = {
        data = [
          {
            id = "other"
            name = "by hand"
            roles = [
              "ProjectEditor",
            ]
          },
          {
            id = "c4e2f5aa-0000-4000-8000-000000000001"
            name = "vault-app-1"
            roles = [
              "DataPlaneViewer",
            ]
          },
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /indexes"
      headers = {
        Api-Key = "pcsk_secret"
      }
      status = 200
      answer = {
        indexes = []
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /admin/api-keys/c4e2f5aa-0000-4000-8000-000000000001"
      status = 202
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /admin/api-keys/c4e2f5aa-0000-4000-8000-000000000001"
      status = 404
      answer = {
        error = {
          code = "NOT_FOUND"
          message = "API key not found"
        }
        status = 404
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /indexes"
      headers = {
        Api-Key = "pcsk_secret"
      }
      status = 401
      answer = {
        error = {
          code = "UNAUTHENTICATED"
          message = "Invalid API Key"
        }
        status = 401
      }
    }
  }
}
