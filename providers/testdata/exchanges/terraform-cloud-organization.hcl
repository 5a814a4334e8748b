exchange "the token of an organization" {
  source     = "https://developer.hashicorp.com/terraform/cloud-docs/api-docs/organization-tokens"
  read       = "2026-11-28"
  connection = { token = "user.atlasv1.admin" }
  role       = { organization = "acme" }
  headers    = { Authorization = "Bearer user.atlasv1.admin" }

  step "check" {
    trip {
      request = "GET /api/v2/account/details"
      status  = 200
      answer  = { data = { id = "user-1", type = "users" } }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v2/organizations/acme/authentication-token"
      json    = { data = { type = "authentication-tokens", attributes = { expired-at = "2030-11-22T11:00:00Z" } } }
      status  = 404
      answer  = { errors = [{ status = "404", title = "not found" }] }
    }
  }

  step "issue" {
    id     = "acme"
    secret = { token = "org.atlasv1.new" }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v2/organizations/acme/authentication-token"
      json    = { data = { type = "authentication-tokens", attributes = { expired-at = "2030-11-22T11:00:00Z" } } }
      status  = 201
      answer = {
        data = {
          id         = "at-1"
          type       = "authentication-tokens"
          attributes = { created-at = "2030-10-22T11:00:00Z", token = "org.atlasv1.new", expired-at = "2030-11-22T11:00:00Z" }
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/organizations/acme/authentication-token"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/organizations/acme/authentication-token"
      status  = 404
      answer  = { errors = [{ status = "404", title = "not found" }] }
    }
  }
}
