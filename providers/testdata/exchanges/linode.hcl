exchange "personal access tokens" {
  source     = "linode/linode-api-docs:openapi.yaml; linode/linodego:profile_tokens.go"
  read       = "2026-11-22"
  document   = "linode.json"
  prefix     = ""
  connection = { token = "0123456789abcdefadmin" }
  role       = { scopes = ["linodes:read_only", "domains:read_write"] }
  headers    = { Authorization = "Bearer 0123456789abcdefadmin" }

  step "check" {
    trip {
      request = "GET /v4/profile"
      status  = 200
      answer  = { username = "admin" }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v4/profile"
      status  = 401
      answer  = { errors = [{ reason = "Invalid Token" }] }
    }
  }

  step "issue" {
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v4/profile/tokens"
      beyond  = true # the description's format wants a zone, its examples and clients have none
      json = {
        label  = "vault-app-1"
        scopes = "linodes:read_only domains:read_write"
        expiry = "2026-11-22T11:00:00"
      }
      status = 200
      answer = { id = 123, label = "vault-app-1", scopes = "linodes:read_only domains:read_write", created = "2026-11-22T10:00:00", expiry = "2026-11-22T11:00:00", token = "fedcba9876543210app-1" }
    }
    id     = "123"
    secret = { token = "fedcba9876543210app-1" }
  }

  step "list" {
    ids = ["122", "123"]
    trip {
      request = "GET /v4/profile/tokens?page=1&page_size=500"
      beyond  = true # pages are described in one place for all lists
      status  = 200
      answer = {
        data    = [{ id = 122, label = "admin", created = "2026-01-01T00:00:00", token = "0123456789abcdef" }]
        page    = 1
        pages   = 2
        results = 2
      }
    }
    trip {
      request = "GET /v4/profile/tokens?page=2&page_size=500"
      beyond  = true # pages are described in one place for all lists
      status  = 200
      answer = {
        data    = [{ id = 123, label = "vault-app-1", created = "2026-11-22T10:00:00", token = "fedcba9876543210" }]
        page    = 2
        pages   = 2
        results = 2
      }
    }
  }

  # A token without a scope for the profile lives.
  step "probe" {
    alive = true
    trip {
      request = "GET /v4/profile"
      headers = { Authorization = "Bearer fedcba9876543210app-1" }
      status  = 401
      answer  = { errors = [{ reason = "Your OAuth token is not authorized to use this endpoint." }] }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v4/profile/tokens/123"
      status  = 200
      answer  = {}
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v4/profile/tokens/123"
      status  = 404
      answer  = { errors = [{ reason = "Not found" }] }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /v4/profile"
      headers = { Authorization = "Bearer fedcba9876543210app-1" }
      status  = 401
      answer  = { errors = [{ reason = "Invalid Token" }] }
    }
  }
}

exchange "rotation" {
  source     = "linode/linode-api-docs:openapi.yaml: lists show the first 16 characters of a token; scopes \"*\" are those of the acting token"
  read       = "2026-11-22"
  document   = "linode.json"
  prefix     = ""
  connection = { token = "0123456789abcdefadmin" }
  role       = { scopes = ["*"] }
  headers    = { Authorization = "Bearer 0123456789abcdefadmin" }

  # None of the tokens listed is ours: nothing is made.
  step "rotate" {
    fails = "refused"
    key { name = "vault-root-0" }
    trip {
      request = "GET /v4/profile/tokens?page_size=500"
      beyond  = true # pages are described in one place for all lists
      status  = 200
      answer  = { data = [{ id = 121, token = "another-token-16" }], page = 1, pages = 1 }
    }
  }

  step "stray" {
    strays = 1
    key { name = "vault-root-0" }
    trip {
      request = "GET /v4/profile/tokens?page=1&page_size=500"
      beyond  = true # pages are described in one place for all lists
      status  = 200
      answer  = { data = [{ id = 122, label = "admin", token = "0123456789abcdef" }, { id = 130, label = "vault-root-0", token = "aaaaaaaaaaaaaaaa" }], page = 1, pages = 1 }
    }
    trip {
      request = "DELETE /v4/profile/tokens/130"
      status  = 200
      answer  = {}
    }
  }

  step "rotate" {
    connection = { token = "fedcba9876543210admin" }
    key {
      name       = "vault-root-1"
      expires_at = "2222-11-22T11:00:00Z"
    }
    trip {
      request = "GET /v4/profile/tokens?page_size=500"
      beyond  = true # pages are described in one place for all lists
      status  = 200
      answer  = { data = [{ id = 121, token = "another-token-16" }, { id = 122, token = "0123456789abcdef" }], page = 1, pages = 1 }
    }
    trip {
      request = "POST /v4/profile/tokens"
      beyond  = true # as above
      json    = { label = "vault-root-1", scopes = "*", expiry = "2222-11-22T11:00:00" }
      status  = 200
      answer  = { id = 123, label = "vault-root-1", scopes = "*", token = "fedcba9876543210admin" }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /v4/profile/tokens/122"
      headers = { Authorization = "Bearer fedcba9876543210admin" }
      status  = 200
      answer  = {}
    }
  }

  step "retire" {
    trip {
      request = "DELETE /v4/profile/tokens/122"
      headers = { Authorization = "Bearer fedcba9876543210admin" }
      status  = 404
      answer  = { errors = [{ reason = "Not found" }] }
    }
  }
}
