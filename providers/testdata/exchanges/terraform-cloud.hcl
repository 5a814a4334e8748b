exchange "tokens of a team" {
  source     = "https://developer.hashicorp.com/terraform/cloud-docs/api-docs/team-tokens; https://developer.hashicorp.com/terraform/cloud-docs/api-docs/account"
  read       = "2026-11-22"
  document   = "terraform-cloud.json"
  prefix     = "/api/v2"
  connection = { token = "org-token", organization = "acme" }
  role       = { team_id = "team-6p5jTwJQXwqZBncC" }
  headers    = { Authorization = "Bearer org-token" }

  step "check" {
    trip {
      request = "GET /api/v2/account/details"
      status  = 200
      answer = {
        data = { id = "user-V3R563qtJNcExAkN", type = "users" }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v2/account/details"
      status  = 401
      answer = {
        errors = [{ status = "401", title = "unauthorized" }]
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v2/teams/team-6p5jTwJQXwqZBncC/authentication-tokens"
      beyond  = true
      headers = { Content-Type = "application/vnd.api+json" }
      json = {
        data = {
          type       = "authentication-tokens"
          attributes = { description = "vault-app-1", expired-at = "2026-11-22T11:00:00Z" }
        }
      }
      status = 422
      answer = {
        errors = [
          {
            status = "422"
            title  = "invalid attribute"
            detail = "Description has already been taken"
          },
        ]
      }
    }
  }

  # The document has the older request alone, which replaces the one token of a team.
  step "issue" {
    id     = "at-6yEmxNAhaoQLH1Da"
    secret = { token = "QnbSxjjhVMHJgw.atlasv1.gxZ" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v2/teams/team-6p5jTwJQXwqZBncC/authentication-tokens"
      beyond  = true
      headers = { Content-Type = "application/vnd.api+json" }
      json = {
        data = {
          type       = "authentication-tokens"
          attributes = { description = "vault-app-1", expired-at = "2026-11-22T11:00:00Z" }
        }
      }
      status = 201
      answer = {
        data = {
          id   = "at-6yEmxNAhaoQLH1Da"
          type = "authentication-tokens"
          attributes = {
            created-at   = "2026-11-22T10:00:00.000Z"
            last-used-at = null
            description  = "vault-app-1"
            token        = "QnbSxjjhVMHJgw.atlasv1.gxZ"
            expired-at   = "2026-11-22T11:00:00.000Z"
          }
        }
      }
    }
  }

  # A token of the older kind has no description.
  step "list" {
    item "at-QmATJea6aWj1xR2t" {
      created_at   = "2023-11-25T22:56:10.203Z"
      last_used_at = "2026-11-22T10:05:00.500Z"
    }
    item "at-6yEmxNAhaoQLH1Da" {
      name         = "vault-app-1"
      created_at   = "2026-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /api/v2/organizations/acme/team-tokens?page%5Bnumber%5D=1&page%5Bsize%5D=100"
      status  = 200
      answer = {
        data = [
          {
            id   = "at-QmATJea6aWj1xR2t"
            type = "authentication-tokens"
            attributes = {
              created-at   = "2023-11-25T22:56:10.203Z"
              last-used-at = "2026-11-22T10:05:00.500Z"
              description  = null
              token        = null
              expired-at   = null
            }
          },
          {
            id   = "at-6yEmxNAhaoQLH1Da"
            type = "authentication-tokens"
            attributes = {
              created-at   = "2026-11-22T10:00:00.000Z"
              last-used-at = null
              description  = "vault-app-1"
              token        = null
              expired-at   = "2026-11-22T11:00:00.000Z"
            }
          },
        ]
      }
    }
    trip {
      request = "GET /api/v2/organizations/acme/team-tokens?page%5Bnumber%5D=2&page%5Bsize%5D=100"
      status  = 200
      answer  = { data = [] }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /api/v2/account/details"
      headers = { Authorization = "Bearer QnbSxjjhVMHJgw.atlasv1.gxZ" }
      status  = 200
      answer = {
        data = { id = "user-V3R563qtJNcExAkN", type = "users" }
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/authentication-tokens/at-6yEmxNAhaoQLH1Da"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/authentication-tokens/at-6yEmxNAhaoQLH1Da"
      status  = 404
      answer = {
        errors = [{ status = "404", title = "not found" }]
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /api/v2/account/details"
      headers = { Authorization = "Bearer QnbSxjjhVMHJgw.atlasv1.gxZ" }
      status  = 401
      answer = {
        errors = [{ status = "401", title = "unauthorized" }]
      }
    }
  }
}
