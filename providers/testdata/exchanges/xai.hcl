exchange "keys for one model" {
  source = "https://docs.x.ai/developers/management-api-guide"
  read   = "2026-11-27"
  connection = {
    management_key = "xai-token-admin"
    team_id = "11111111-1111-4111-8111-111111111111"
  }
  role = {
    models = [
      "grok-4",
    ]
    requests_per_minute = 100
    tokens_per_minute = 100000
  }
  headers = {
    Authorization = "Bearer xai-token-admin"
  }

  step "check" {
    trip {
      request = "GET /auth/management-keys/validation"
      status = 200
      answer = {
        apiKeyId = "k0"
        teamId = "11111111-1111-4111-8111-111111111111"
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /auth/management-keys/validation"
      status = 401
      answer = {
        code = 16
        message = "Invalid bearer token"
        details = []
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
      request = "POST /auth/teams/11111111-1111-4111-8111-111111111111/api-keys"
      json = {
        name = "vault-app-1"
        acls = [
          "api-key:model:grok-4",
          "api-key:endpoint:chat",
        ]
        qpm = 100
        tpm = "100000"
        expireTime = "2030-11-22T11:00:00Z"
      }
      status = 400
      answer = {
        code = 3
        message = "unknown acl"
        details = []
      }
    }
  }

  step "issue" {
    id = "ae1e1841-4326-4ee7-a8a2-8a1a2b3c4d5e"
    ends = "2030-11-22T11:00:00Z"
    secret = {
      api_key = "xai-secret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /auth/teams/11111111-1111-4111-8111-111111111111/api-keys"
      json = {
        name = "vault-app-1"
        acls = [
          "api-key:model:grok-4",
          "api-key:endpoint:chat",
        ]
        qpm = 100
        tpm = "100000"
        expireTime = "2030-11-22T11:00:00Z"
      }
      status = 200
      answer = {
        apiKey = "xai-secret"
        apiKeyId = "ae1e1841-4326-4ee7-a8a2-8a1a2b3c4d5e"
        name = "vault-app-1"
        createTime = "2030-11-22T10:00:00Z"
        expireTime = "2030-11-22T11:00:00Z"
        qpm = 100
        tpm = "100000"
        aclStrings = [
          "api-key:model:grok-4",
          "api-key:endpoint:chat",
        ]
        redactedApiKey = "xai-...cret"
      }
    }
  }

  step "list" {
    ids = [
  "k1",
  "ae1e1841-4326-4ee7-a8a2-8a1a2b3c4d5e",
]
    trip {
      request = "GET /auth/teams/11111111-1111-4111-8111-111111111111/api-keys?pageSize=100"
      status = 200
      answer = {
        apiKeys = [
          {
            apiKeyId = "k1"
            name = "by hand"
            createTime = "2026-01-01T00:00:00Z"
          },
        ]
        paginationToken = "p2"
      }
    }
    trip {
      request = "GET /auth/teams/11111111-1111-4111-8111-111111111111/api-keys?pageSize=100&paginationToken=p2"
      status = 200
      answer = {
        apiKeys = [
          {
            apiKeyId = "ae1e1841-4326-4ee7-a8a2-8a1a2b3c4d5e"
            name = "vault-app-1"
            createTime = "2030-11-22T10:00:00Z"
          },
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET https://api.x.ai/v1/api-key"
      headers = {
        Authorization = "Bearer xai-secret"
      }
      status = 200
      answer = {
        name = "vault-app-1"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /auth/api-keys/ae1e1841-4326-4ee7-a8a2-8a1a2b3c4d5e"
      status = 200
      answer = {}
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /auth/api-keys/ae1e1841-4326-4ee7-a8a2-8a1a2b3c4d5e"
      status = 404
      answer = {
        code = 5
        message = "API key not found"
        details = []
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET https://api.x.ai/v1/api-key"
      headers = {
        Authorization = "Bearer xai-secret"
      }
      status = 400
      answer = {
        code = "Client specified an invalid argument"
        error = "Incorrect API key provided: xa***et."
      }
    }
  }
}
