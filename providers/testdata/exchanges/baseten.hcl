exchange "keys that call one model" {
  source = "https://docs.baseten.co/reference/management-api/api-keys/creates-a-team-api-key, delete-an-api-key; basetenlabs/baseten-go:internal/tools/apigen/specs/management.json"
  read   = "2026-11-28"
  connection = {
    api_key = "adm1nkey.secret"
  }
  role = {
    model_ids = [
      "abcd1234",
    ]
    team_id = "team1"
  }
  headers = {
    Authorization = "Api-Key adm1nkey.secret"
  }

  step "check" {
    trip {
      request = "GET /v1/api_keys"
      status = 200
      answer = {
        keys = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/api_keys"
      status = 401
      answer = {
        error = "please check the api-key you provided"
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
      request = "POST /v1/teams/team1/api_keys"
      json = {
        name = "vault-app-1"
        type = "WORKSPACE_INVOKE"
        model_ids = [
          "abcd1234",
        ]
      }
      status = 400
      answer = {
        error = "Invalid model id"
      }
    }
  }

  step "issue" {
    id = "aBcDeFgH"
    secret = {
      api_key = "aBcDeFgH.1234567890abcdefghijABCDEFGHIJ12"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v1/teams/team1/api_keys"
      json = {
        name = "vault-app-1"
        type = "WORKSPACE_INVOKE"
        model_ids = [
          "abcd1234",
        ]
      }
      status = 200
      answer = {
        api_key = "aBcDeFgH.1234567890abcdefghijABCDEFGHIJ12"
      }
    }
  }

  step "list" {
    ids = [
  "zzz",
  "aBcDeFgH",
]
    trip {
      request = "GET /v1/api_keys"
      status = 200
      answer = {
        keys = [
          {
            prefix = "zzz"
            name = null
            type = "PERSONAL"
          },
          {
            prefix = "aBcDeFgH"
            name = "vault-app-1"
            type = "WORKSPACE_INVOKE"
            model_ids = [
              "abcd1234",
            ]
            team_name = "team one"
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/api_keys/aBcDeFgH"
      status = 200
      answer = {
        prefix = "aBcDeFgH"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/api_keys/aBcDeFgH"
      status = 404
      answer = {
        error = "Resource not found"
      }
    }
  }
}
