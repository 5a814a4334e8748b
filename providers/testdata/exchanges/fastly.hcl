exchange "automation tokens in sudo mode" {
  source = "fastly/fastly-go:docs/SudoAPI.md, SudoRequest.md and SudoResponse.md"
  read   = "2026-11-28"
  connection = {
    token    = "admin-token"
    username = "root@example.com"
    password = "admin-password"
  }
  headers = { Fastly-Key = "admin-token" }

  step "check" {
    trip {
      request = "GET /tokens/self"
      status  = 200
      answer  = { id = "t0", name = "admin", scope = "global" }
    }
  }
  step "issue" {
    id     = "3krg2uUGZzb2W9Euo4moOd"
    secret = { token = "q-example-token" }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /sudo"
      json    = { username = "root@example.com", password = "admin-password" }
      status  = 200
      answer  = { expiry_time = "2030-11-22T10:05:00Z" }
    }
    trip {
      request = "POST /automation-tokens"
      json    = { name = "vault-app-1", role = "user", scope = "global:read", expires_at = "2030-11-22T11:00:00Z" }
      status  = 200
      answer  = { id = "3krg2uUGZzb2W9Euo4moOd", name = "vault-app-1", expires_at = "2030-11-22T11:00:00Z", access_token = "q-example-token" }
    }
  }
  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /sudo"
      json    = { username = "root@example.com", password = "admin-password" }
      status  = 400
      answer  = { msg = "Bad request", detail = "Incorrect password" }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /automation-tokens/3krg2uUGZzb2W9Euo4moOd"
      status  = 204
    }
  }
}

exchange "automation tokens" {
  source = "fastly/fastly-go:docs/AutomationTokensAPI.md; https://www.fastly.com/documentation/reference/api/auth-tokens/automation/"
  read   = "2026-11-27"
  connection = {
    token = "admin-token"
  }

  step "check" {
    trip {
      request = "GET /tokens/self"
      status  = 200
      answer = {
        id    = "t0"
        name  = "admin"
        scope = "global"
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /tokens/self"
      status  = 401
      answer = {
        msg = "Provided credentials are missing or invalid"
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
      request = "POST /automation-tokens"
      json = {
        name       = "vault-app-1"
        role       = "user"
        scope      = "global:read"
        expires_at = "2030-11-22T11:00:00Z"
      }
      status = 400
      answer = {
        msg    = "Bad request"
        detail = "Role is invalid"
      }
    }
  }

  step "issue" {
    id = "3krg2uUGZzb2W9Euo4moOd"
    secret = {
      token = "q-example-token"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /automation-tokens"
      json = {
        name       = "vault-app-1"
        role       = "user"
        scope      = "global:read"
        expires_at = "2030-11-22T11:00:00Z"
      }
      status = 200
      answer = {
        id           = "3krg2uUGZzb2W9Euo4moOd"
        name         = "vault-app-1"
        role         = "user"
        scope        = "global:read"
        services     = []
        created_at   = "2030-11-22T10:00:00Z"
        expires_at   = "2030-11-22T11:00:00Z"
        access_token = "q-example-token"
      }
    }
  }

  step "list" {
    item "3krg2uUGZzb2W9Euo4moOd" {
      name       = "vault-app-1"
      created_at = "2030-11-22T10:00:00Z"
    }
    item "5hLk8rVbXq2NwY7tZc1DsP" {
      name         = "by hand"
      created_at   = "2030-11-21T10:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    trip {
      request = "GET /automation-tokens?page=1&per_page=100"
      status  = 200
      answer = {
        data = [
          {
            id         = "3krg2uUGZzb2W9Euo4moOd"
            name       = "vault-app-1"
            created_at = "2030-11-22T10:00:00Z"
            expires_at = "2030-11-22T11:00:00Z"
          },
        ]
      }
    }
    trip {
      request = "GET /automation-tokens?page=2&per_page=100"
      status  = 200
      answer = {
        data = [
          {
            id           = "5hLk8rVbXq2NwY7tZc1DsP"
            name         = "by hand"
            created_at   = "2030-11-21T10:00:00Z"
            last_used_at = "2030-11-22T10:05:00Z"
          },
        ]
      }
    }
    trip {
      request = "GET /automation-tokens?page=3&per_page=100"
      status  = 200
      answer  = { data = [] }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /tokens/self"
      headers = {
        Fastly-Key = "q-example-token"
      }
      status = 200
      answer = {
        id = "3krg2uUGZzb2W9Euo4moOd"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /automation-tokens/3krg2uUGZzb2W9Euo4moOd"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /automation-tokens/3krg2uUGZzb2W9Euo4moOd"
      status  = 404
      answer = {
        msg    = "Record not found"
        detail = "Cannot find token"
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /tokens/self"
      headers = {
        Fastly-Key = "q-example-token"
      }
      status = 401
      answer = {
        msg = "Provided credentials are missing or invalid"
      }
    }
  }
}
