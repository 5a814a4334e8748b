# There is no document at hand; the answers are those of the documentation.

exchange "project access tokens" {
  source     = "https://docs.gitlab.com/api/project_access_tokens/; https://docs.gitlab.com/api/personal_access_tokens/"
  read       = "2026-11-22"
  connection = { token = "glpat-admin" }
  role       = { project = "group/app", scopes = ["read_repository", "api"] }
  headers    = { PRIVATE-TOKEN = "glpat-admin" }

  step "check" {
    trip {
      request = "GET /api/v4/personal_access_tokens/self"
      status  = 200
      answer  = { id = 4, name = "admin", revoked = false, scopes = ["api"], user_id = 3, active = true, expires_at = "2027-01-31" }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v4/personal_access_tokens/self"
      status  = 401
      answer  = { message = "401 Unauthorized" }
    }
  }

  # A path stays within its one segment; the end is a day.
  step "issue" {
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-23T00:00:00Z"
    }
    trip {
      request = "POST /api/v4/projects/group%2Fapp/access_tokens"
      json = {
        name         = "vault-app-1"
        scopes       = ["read_repository", "api"]
        access_level = 30
        expires_at   = "2026-11-23"
      }
      status = 201
      answer = { scopes = ["read_repository", "api"], active = true, name = "vault-app-1", revoked = false, created_at = "2026-11-22T10:00:00.000Z", user_id = 166, id = 58, expires_at = "2026-11-23", token = "glpat-app-1", access_level = 30 }
    }
    id     = "58"
    secret = { token = "glpat-app-1" }
  }

  step "list" {
    item "42" {
      name         = "by hand"
      created_at   = "2026-11-01T10:00:00Z"
      last_used_at = "2026-11-20T08:15:30.500Z"
    }
    item "58" {
      name         = "vault-app-1"
      created_at   = "2026-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /api/v4/projects/group%2Fapp/access_tokens?state=active&page=1&per_page=100"
      status  = 200
      answer = [
        { id = 41, name = "revoked", active = false, revoked = true, created_at = "2026-11-01T10:00:00.000Z" },
        { id = 42, name = "by hand", active = true, revoked = false, created_at = "2026-11-01T10:00:00.000Z", last_used_at = "2026-11-20T08:15:30.500Z" },
        { id = 58, name = "vault-app-1", active = true, revoked = false, created_at = "2026-11-22T10:00:00.000Z", last_used_at = null },
      ]
    }
    trip {
      request = "GET /api/v4/projects/group%2Fapp/access_tokens?state=active&page=2&per_page=100"
      status  = 200
      answer  = []
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /api/v4/personal_access_tokens/self"
      headers = { PRIVATE-TOKEN = "glpat-app-1" }
      status  = 200
      answer  = { id = 58, active = true }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v4/projects/group%2Fapp/access_tokens/58"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v4/projects/group%2Fapp/access_tokens/58"
      status  = 404
      answer  = { message = "404 Could not find project access token with token_id: 58 Not Found" }
    }
  }

  step "revoke" {
    fails = "refused"
    trip {
      request = "DELETE /api/v4/projects/group%2Fapp/access_tokens/58"
      status  = 400
      answer  = { message = "400 Bad request - Failed to revoke" }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /api/v4/personal_access_tokens/self"
      headers = { PRIVATE-TOKEN = "glpat-app-1" }
      status  = 401
      answer  = { error = "invalid_token", error_description = "Token was revoked. You have to re-authorize from the user." }
    }
  }
}

exchange "group access tokens" {
  source     = "https://docs.gitlab.com/api/group_access_tokens/"
  read       = "2026-11-22"
  connection = { token = "glpat-admin" }
  role       = { group = "7", scopes = ["read_api"], access_level = "20" }
  headers    = { PRIVATE-TOKEN = "glpat-admin" }

  step "check" {
    fails = "refused"
    trip {
      request = "GET /api/v4/personal_access_tokens/self"
      status  = 200
      answer  = { id = 4, active = false }
    }
  }

  step "issue" {
    key {
      name       = "vault-ci-1"
      expires_at = "2026-11-23T00:00:00Z"
    }
    trip {
      request = "POST /api/v4/groups/7/access_tokens"
      json    = { name = "vault-ci-1", scopes = ["read_api"], access_level = 20, expires_at = "2026-11-23" }
      status  = 201
      answer  = { id = 59, name = "vault-ci-1", expires_at = "2026-11-23", token = "glpat-ci-1" }
    }
    id     = "59"
    secret = { token = "glpat-ci-1" }
  }

  step "find" {
    item "59" {
      name       = "vault-ci-1"
      created_at = "2026-11-22T10:00:00Z"
    }
    trip {
      request = "GET /api/v4/groups/7/access_tokens?state=active&page=1&per_page=100"
      status  = 200
      answer  = [{ id = 59, name = "vault-ci-1", active = true, revoked = false, created_at = "2026-11-22T10:00:00.000Z" }]
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v4/groups/7/access_tokens/59"
      status  = 204
    }
  }
}

exchange "rotation" {
  source     = "https://docs.gitlab.com/api/personal_access_tokens/#rotate-a-personal-access-token"
  read       = "2026-11-22"
  connection = { token = "glpat-admin" }
  role       = { project = "7", scopes = ["api"] }
  headers    = { PRIVATE-TOKEN = "glpat-admin" }

  step "rotate" {
    connection = { token = "glpat-second" }
    key {
      name       = "vault-root-1"
      expires_at = "2222-11-23T00:00:00Z"
    }
    trip {
      request = "POST /api/v4/personal_access_tokens/self/rotate"
      json    = { expires_at = "2222-11-23" }
      status  = 200
      answer  = { id = 42, name = "admin", revoked = false, active = true, expires_at = "2222-11-23", token = "glpat-second" }
    }
  }

  step "retire" {}

  step "rotate" {
    fails = "refused"
    key { name = "vault-root-2" }
    trip {
      request = "POST /api/v4/personal_access_tokens/self/rotate"
      headers = { PRIVATE-TOKEN = "glpat-second" }
      json    = {}
      status  = 400
      answer  = { message = "400 Bad request - Token already revoked" }
    }
  }
}
