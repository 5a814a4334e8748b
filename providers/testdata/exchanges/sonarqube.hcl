exchange "tokens that analyse one project" {
  source = "https://next.sonarqube.com/sonarqube/web_api/api/user_tokens"
  read   = "2026-11-27"
  connection = {
    token = "squ_admin"
  }
  role = {
    project = "web"
  }

  step "check" {
    trip {
      request = "GET /api/authentication/validate"
      status = 200
      answer = {
        valid = true
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/authentication/validate"
      status = 401
      answer = {
        errors = [
          {
            msg = "Unauthorized"
          },
        ]
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-23T00:00:00Z"
    }
    trip {
      request = "POST /api/user_tokens/generate"
      form = {
        name = "vault-app-1"
        type = "PROJECT_ANALYSIS_TOKEN"
        projectKey = "web"
        expirationDate = "2030-11-23"
      }
      status = 400
      answer = {
        errors = [
          {
            msg = "The 'projectKey' parameter is missing"
          },
        ]
      }
    }
  }

  step "issue" {
    id = "vault-app-1"
    secret = {
      token = "sqp_secret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-23T00:00:00Z"
    }
    trip {
      request = "POST /api/user_tokens/generate"
      form = {
        name = "vault-app-1"
        type = "PROJECT_ANALYSIS_TOKEN"
        projectKey = "web"
        expirationDate = "2030-11-23"
      }
      status = 200
      answer = {
        login = "ci"
        name = "vault-app-1"
        token = "sqp_secret"
        createdAt = "2030-11-22T10:00:00+0000"
        type = "PROJECT_ANALYSIS_TOKEN"
        projectKey = "web"
        expirationDate = "2030-11-23T00:00:00+0000"
      }
    }
  }

  step "list" {
    item "by hand" {
      name         = "by hand"
      created_at   = "2026-01-01T00:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "vault-app-1" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /api/user_tokens/search"
      status = 200
      answer = {
        login = "ci"
        userTokens = [
          {
            name = "by hand"
            createdAt = "2026-01-01T00:00:00+0000"
            lastConnectionDate = "2030-11-22T12:05:00+0200"
          },
          {
            name = "vault-app-1"
            createdAt = "2030-11-22T10:00:00+0000"
          },
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /api/authentication/validate"
      headers = {
        Authorization = "Bearer sqp_secret"
      }
      status = 200
      answer = {
        valid = true
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /api/user_tokens/revoke"
      form = {
        name = "vault-app-1"
      }
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "POST /api/user_tokens/revoke"
      form = {
        name = "vault-app-1"
      }
      status = 204
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /api/authentication/validate"
      headers = {
        Authorization = "Bearer sqp_secret"
      }
      status = 401
    }
  }
}
