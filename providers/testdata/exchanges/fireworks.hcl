exchange "keys of a service account" {
  source = "https://docs.fireworks.ai/api-reference/create-api-key, list-api-keys, delete-api-key"
  read   = "2026-11-27"
  connection = {
    api_key = "fw_admin"
    account_id = "acme"
  }
  role = {
    user_id = "bot"
  }

  step "check" {
    trip {
      request = "GET /v1/accounts/acme/users"
      status = 200
      answer = {
        users = []
        nextPageToken = ""
        totalSize = 0
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/accounts/acme/users"
      status = 401
      answer = {
        code = 16
        message = "unauthorized"
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
      request = "POST /v1/accounts/acme/users/bot/apiKeys"
      json = {
        apiKey = {
          displayName = "vault-app-1"
          expireTime = "2030-11-22T11:00:00Z"
        }
      }
      status = 400
      answer = {
        code = 3
        message = "invalid expire time"
        details = []
      }
    }
  }

  step "issue" {
    id = "3sYqrD1m"
    ends = "2030-11-22T11:00:00Z"
    secret = {
      api_key = "fw_3ZSecret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v1/accounts/acme/users/bot/apiKeys"
      json = {
        apiKey = {
          displayName = "vault-app-1"
          expireTime = "2030-11-22T11:00:00Z"
        }
      }
      status = 200
      answer = {
        keyId = "3sYqrD1m"
        displayName = "vault-app-1"
        key = "fw_3ZSecret"
        createTime = "2030-11-22T10:00:00Z"
        secure = true
        email = "bot@acme"
        prefix = "fw_3Z"
        expireTime = "2030-11-22T11:00:00Z"
      }
    }
  }

  step "list" {
    item "old" {
      name         = "by hand"
      created_at   = "2026-01-01T00:00:00Z"
      last_used_at = "2026-11-22T10:00:00Z"
    }
    item "3sYqrD1m" {
      name       = "vault-app-1"
      created_at = "2030-11-22T10:00:00Z"
    }
    trip {
      request = "GET /v1/accounts/acme/users/bot/apiKeys?pageSize=200"
      status = 200
      answer = {
        apiKeys = [
          {
            keyId = "old"
            displayName = "by hand"
            createTime = "2026-01-01T00:00:00Z"
            lastUsed = "2026-11-22T10:00:00Z"
          },
        ]
        nextPageToken = "t2"
        totalSize = 2
      }
    }
    trip {
      request = "GET /v1/accounts/acme/users/bot/apiKeys?pageSize=200&pageToken=t2"
      status = 200
      answer = {
        apiKeys = [
          {
            keyId = "3sYqrD1m"
            displayName = "vault-app-1"
            createTime = "2030-11-22T10:00:00Z"
            expireTime = "2030-11-22T11:00:00Z"
          },
        ]
        nextPageToken = ""
        totalSize = 2
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /inference/v1/models"
      headers = {
        Authorization = "Bearer fw_3ZSecret"
      }
      status = 200
      answer = {
        data = []
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /v1/accounts/acme/users/bot/apiKeys:delete"
      json = {
        keyId = "3sYqrD1m"
      }
      status = 200
      answer = {}
    }
  }

  step "revoke" {
    trip {
      request = "POST /v1/accounts/acme/users/bot/apiKeys:delete"
      json = {
        keyId = "3sYqrD1m"
      }
      status = 404
      answer = {
        code = 5
        message = "api key not found"
        details = []
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /inference/v1/models"
      headers = {
        Authorization = "Bearer fw_3ZSecret"
      }
      status = 401
      answer = {
        error = {
          message = "The API key you provided is invalid."
          type = "invalid_request_error"
        }
      }
    }
  }
}
