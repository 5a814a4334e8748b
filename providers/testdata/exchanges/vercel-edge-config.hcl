exchange "tokens that read one" {
  source = "https://vercel.com/docs/rest-api/edge-config/create-an-edge-config-token; get-all-tokens-of-an-edge-config; delete-one-or-more-edge-config-tokens; https://vercel.com/docs/rest-api/errors"
  read   = "2026-11-27"
  connection = {
    token = "admin"
    team_id = "team_abc"
  }
  role = {
    edge_config_id = "ecfg_abc"
  }
  headers = {
    Authorization = "Bearer admin"
  }

  step "check" {
    trip {
      request = "GET /v1/edge-config?teamId=team_abc"
      status = 200
      answer = []
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/edge-config?teamId=team_abc"
      status = 401
      answer = {
        error = {
          code = "unauthorized"
          message = "Not authorized"
        }
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
      request = "POST /v1/edge-config/ecfg_abc/token?teamId=team_abc"
      json = {
        label = "vault-app-1"
      }
      status = 404
      answer = {
        error = {
          code = "not_found"
          message = "Edge Config not found."
        }
      }
    }
  }

  step "issue" {
    id = "e5b1"
    secret = {
      token = "e5b1"
      token_id = "t1"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v1/edge-config/ecfg_abc/token?teamId=team_abc"
      json = {
        label = "vault-app-1"
      }
      status = 201
      answer = {
        token = "e5b1"
        id = "t1"
      }
    }
  }

  step "list" {
    ids = [
  "other",
  "e5b1",
]
    trip {
      request = "GET /v1/edge-config/ecfg_abc/tokens?teamId=team_abc"
      status = 200
      answer = [
        {
          id = "t0"
          token = "other"
          label = "by hand"
          edgeConfigId = "ecfg_abc"
          createdAt = 1900000000000
        },
        {
          id = "t1"
          token = "e5b1"
          label = "vault-app-1"
          edgeConfigId = "ecfg_abc"
          createdAt = 1921572000000
        },
      ]
    }
  }

  step "revoke" {
    trip {
      request = "GET /v1/edge-config/ecfg_abc/tokens?teamId=team_abc"
      status = 200
      answer = [
        {
          id = "t0"
          token = "other"
          label = "by hand"
          edgeConfigId = "ecfg_abc"
          createdAt = 1900000000000
        },
        {
          id = "t1"
          token = "e5b1"
          label = "vault-app-1"
          edgeConfigId = "ecfg_abc"
          createdAt = 1921572000000
        },
      ]
    }
    trip {
      request = "DELETE /v1/edge-config/ecfg_abc/tokens?teamId=team_abc"
      json = {
        tokens = [
          "e5b1",
        ]
      }
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "GET /v1/edge-config/ecfg_abc/tokens?teamId=team_abc"
      status = 200
      answer = [
        {
          id = "t0"
          token = "other"
          label = "by hand"
          edgeConfigId = "ecfg_abc"
          createdAt = 1900000000000
        },
      ]
    }
  }
}
