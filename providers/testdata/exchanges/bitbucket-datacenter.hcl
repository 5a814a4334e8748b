exchange "tokens of a user" {
  source     = "the article and the class that the definition names; what it says is not confirmed is from general knowledge"
  read       = "2026-11-28"
  connection = { username = "ci", password = "secret", base_url = "https://bitbucket.example" }
  role       = { permissions = ["REPO_READ"] }
  headers    = { Authorization = "Basic Y2k6c2VjcmV0" }

  step "check" {
    trip {
      request = "GET /rest/access-tokens/latest/users/ci?limit=1"
      status  = 200
      answer  = { size = 0, limit = 1, isLastPage = true, values = [], start = 0 }
    }
  }
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /rest/access-tokens/latest/users/ci?limit=1"
      status  = 401
      answer  = { errors = [{ context = null, message = "Authentication failed. Please check your credentials and try again." }] }
    }
  }
  step "issue" {
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-24T10:00:00Z"
      ttl        = 172800
    }
    id     = "252973515069"
    secret = { token = "MjUyOTczNTE1MDY5Ooq" }
    ends   = "2030-11-24T10:00:00Z"
    trip {
      request = "PUT /rest/access-tokens/latest/users/ci"
      json    = { name = "vault-app-1", permissions = ["REPO_READ"], expiryDays = 2 }
      status  = 200
      answer  = { id = "252973515069", name = "vault-app-1", permissions = ["REPO_READ"], createdDate = 1921399200000, expiryDate = 1921744800000, token = "MjUyOTczNTE1MDY5Ooq" }
    }
  }
  step "list" {
    item "1" {
      name       = "another"
      created_at = "2030-11-20T10:00:00Z"
    }
    item "252973515069" {
      name         = "vault-app-1"
      created_at   = "2030-11-20T10:00:00Z"
      last_used_at = "2030-11-20T10:01:40Z"
    }
    trip {
      request = "GET /rest/access-tokens/latest/users/ci?limit=100"
      status  = 200
      answer  = { size = 1, limit = 1, isLastPage = false, start = 0, nextPageStart = 1, values = [{ id = "1", name = "another", permissions = ["REPO_READ"], createdDate = 1921399200000 }] }
    }
    trip {
      request = "GET /rest/access-tokens/latest/users/ci?limit=100&start=1"
      status  = 200
      answer  = { size = 1, limit = 1, isLastPage = true, start = 1, values = [{ id = "252973515069", name = "vault-app-1", permissions = ["REPO_READ"], createdDate = 1921399200000, lastAuthenticated = 1921399300000 }] }
    }
  }
  step "probe" {
    alive = true
    trip {
      request = "GET /rest/api/latest/profile/recent/repos"
      headers = { Authorization = "Bearer MjUyOTczNTE1MDY5Ooq" }
      status  = 200
      answer  = { size = 0, values = [], isLastPage = true }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /rest/access-tokens/latest/users/ci/252973515069"
      status  = 204
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /rest/access-tokens/latest/users/ci/252973515069"
      status  = 404
      answer  = { errors = [{ message = "No such token" }] }
    }
  }
}
