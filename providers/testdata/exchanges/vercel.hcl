exchange "tokens for a team" {
  source = "vercel/sdk:src/models/createauthtokenop.ts, authtoken.ts, listauthtokensop.ts; vercel/vercel:packages/cli/src/commands/tokens/ls.ts; errors by https://vercel.com/docs/rest-api/errors, read on 2026-11-27"
  read   = "2026-11-28"
  connection = {
    token = "admin-token"
  }
  role = {
    team_id = "team_abc"
  }

  step "check" {
    trip {
      request = "GET /v2/user"
      status  = 200
      answer = {
        user = {
          id       = "u1"
          username = "admin"
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v2/user"
      status  = 401
      answer = {
        error = {
          code    = "unauthorized"
          message = "Not authorized"
        }
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
      request = "POST /v3/user/tokens?teamId=team_abc"
      json = {
        name      = "vault-app-1"
        expiresAt = 1921575600000
      }
      status = 400
      answer = {
        error = {
          code    = "bad_request"
          message = "Invalid request: `name` should be string."
        }
      }
    }
  }

  step "issue" {
    id = "5d9f2ebd38ddca62e5d51e9c1704c72530bdc8bfdd41e782a6687c48399e8391"
    secret = {
      token = "uRKJSTt0L4RaSkiMj41QTkxM"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v3/user/tokens?teamId=team_abc"
      json = {
        name      = "vault-app-1"
        expiresAt = 1921575600000
      }
      status = 200
      answer = {
        token = {
          id        = "5d9f2ebd38ddca62e5d51e9c1704c72530bdc8bfdd41e782a6687c48399e8391"
          name      = "vault-app-1"
          type      = "token"
          scopes    = [{ type = "team", teamId = "team_abc", origin = "manual", createdAt = 1921572000000 }]
          expiresAt = 1921575600000
          createdAt = 1921572000000
        }
        bearerToken = "uRKJSTt0L4RaSkiMj41QTkxM"
      }
    }
  }

  step "list" {
    item "5d9f2ebd38ddca62e5d51e9c1704c72530bdc8bfdd41e782a6687c48399e8391" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "other" {
      name         = "by hand"
      created_at   = "2030-03-17T17:46:40Z"
      last_used_at = "2030-03-17T17:46:40Z"
    }
    trip {
      request = "GET /v6/user/tokens?limit=100"
      status  = 200
      answer = {
        tokens = [
          {
            id        = "5d9f2ebd38ddca62e5d51e9c1704c72530bdc8bfdd41e782a6687c48399e8391"
            name      = "vault-app-1"
            type      = "token"
            createdAt = 1921572000000
            activeAt  = 1921572300000
          },
          {
            id        = "gone"
            name      = "vault-app-0"
            type      = "token"
            createdAt = 1921571000000
            activeAt  = 1921571000000
            revokedAt = 1921571500000
          },
        ]
        pagination = {
          count = 1
          next  = 1921570000000
          prev  = null
        }
      }
    }
    trip {
      request = "GET /v6/user/tokens?limit=100&until=1921570000000"
      status  = 200
      answer = {
        tokens = [
          {
            id        = "other"
            name      = "by hand"
            type      = "token"
            createdAt = 1900000000000
            activeAt  = 1900000000000
          },
        ]
        pagination = {
          count = 1
          next  = null
          prev  = null
        }
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /v2/user"
      headers = {
        Authorization = "Bearer uRKJSTt0L4RaSkiMj41QTkxM"
      }
      status = 200
      answer = {
        user = {
          id = "u1"
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v3/user/tokens/5d9f2ebd38ddca62e5d51e9c1704c72530bdc8bfdd41e782a6687c48399e8391"
      status  = 200
      answer = {
        tokenId = "5d9f2ebd38ddca62e5d51e9c1704c72530bdc8bfdd41e782a6687c48399e8391"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v3/user/tokens/5d9f2ebd38ddca62e5d51e9c1704c72530bdc8bfdd41e782a6687c48399e8391"
      status  = 404
      answer = {
        error = {
          code    = "not_found"
          message = "Token not found."
        }
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /v2/user"
      headers = {
        Authorization = "Bearer uRKJSTt0L4RaSkiMj41QTkxM"
      }
      status = 403
      answer = {
        error = {
          code         = "forbidden"
          message      = "Not authorized"
          invalidToken = true
        }
      }
    }
  }
}

# What a token of one project may not see, such as its user, says nothing of its life.
exchange "tokens for a project" {
  source     = "vercel/sdk:src/models/createauthtokenop.ts; https://vercel.com/docs/accounts/access-tokens"
  read       = "2026-11-28"
  connection = { token = "admin-token" }
  role       = { team_id = "team_abc", project_id = "prj_abc" }

  step "check" {
    trip {
      request = "GET /v2/user"
      status  = 200
      answer  = { user = { id = "u1" } }
    }
  }

  step "issue" {
    id     = "t1"
    secret = { token = "vcp_secret" }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v3/user/tokens?teamId=team_abc"
      json    = { name = "vault-app-1", expiresAt = 1921575600000, projectId = "prj_abc" }
      status  = 200
      answer = {
        token       = { id = "t1", name = "vault-app-1", type = "token", projectId = "prj_abc", createdAt = 1921572000000, activeAt = 1921572000000, expiresAt = 1921575600000 }
        bearerToken = "vcp_secret"
      }
    }
  }

  step "probe" {
    trip {
      request = "GET /v2/user"
      headers = { Authorization = "Bearer vcp_secret" }
      status  = 403
      answer  = { error = { code = "forbidden", message = "Not authorized" } }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v3/user/tokens/t1"
      status  = 200
      answer  = { tokenId = "t1" }
    }
  }
}
