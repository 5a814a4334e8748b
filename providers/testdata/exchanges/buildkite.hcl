exchange "agent tokens of a cluster" {
  source = "buildkite/docs:pages/apis/rest_api/clusters/agent_tokens.md"
  read   = "2026-11-27"
  connection = {
    api_token    = "bkua_admin"
    organization = "acme"
  }
  role = {
    cluster_id = "42f1a7da-812d-4430-93d8-1cc7c33a6bcf"
  }
  headers = {
    Authorization = "Bearer bkua_admin"
  }

  step "check" {
    trip {
      request = "GET /v2/organizations/acme/clusters"
      status  = 200
      answer  = []
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v2/organizations/acme/clusters"
      status  = 401
      answer = {
        message = "Authentication required. Please supply a valid API Access Token."
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v2/organizations/acme/clusters/42f1a7da-812d-4430-93d8-1cc7c33a6bcf/tokens"
      json = {
        description = "vault-app-1"
        expires_at  = "2030-11-22T11:00:00Z"
      }
      status = 422
      answer = {
        message = "Validation failed: Reason for failure"
      }
    }
  }

  step "issue" {
    id = "b6001416-0e1e-41c6-9dbe-3d96766f451a"
    secret = {
      token = "bkct_abc"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v2/organizations/acme/clusters/42f1a7da-812d-4430-93d8-1cc7c33a6bcf/tokens"
      json = {
        description = "vault-app-1"
        expires_at  = "2030-11-22T11:00:00Z"
      }
      status = 201
      answer = {
        id          = "b6001416-0e1e-41c6-9dbe-3d96766f451a"
        description = "vault-app-1"
        token       = "bkct_abc"
        expires_at  = "2030-11-22T11:00:00Z"
        created_at  = "2030-11-22T10:00:00Z"
      }
    }
  }

  step "list" {
    ids = [
      "b6001416-0e1e-41c6-9dbe-3d96766f451a",
    ]
    trip {
      request = "GET /v2/organizations/acme/clusters/42f1a7da-812d-4430-93d8-1cc7c33a6bcf/tokens?per_page=100"
      status  = 200
      answer = [
        {
          id          = "b6001416-0e1e-41c6-9dbe-3d96766f451a"
          description = "vault-app-1"
          created_at  = "2030-11-22T10:00:00Z"
        },
      ]
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v2/organizations/acme/clusters/42f1a7da-812d-4430-93d8-1cc7c33a6bcf/tokens/b6001416-0e1e-41c6-9dbe-3d96766f451a"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v2/organizations/acme/clusters/42f1a7da-812d-4430-93d8-1cc7c33a6bcf/tokens/b6001416-0e1e-41c6-9dbe-3d96766f451a"
      status  = 404
      answer = {
        message = "No cluster token found"
      }
    }
  }
}
