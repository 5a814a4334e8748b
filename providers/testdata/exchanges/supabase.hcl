exchange "secret keys" {
  source = "supabase/cli:packages/api/src/generated/openapi.json; https://supabase.com/docs/reference/api/v1-create-project-api-key"
  read   = "2026-11-27"
  connection = {
    access_token = "sbp_admin"
  }
  role = {
    project = "abcdefghijklmnopqrst"
    type = "secret"
    database_role = "reporting"
  }

  step "check" {
    trip {
      request = "GET /v1/projects"
      status = 200
      answer = []
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/projects"
      status = 401
      answer = {
        message = "Unauthorized"
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault_app_1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v1/projects/abcdefghijklmnopqrst/api-keys?reveal=true"
      json = {
        type = "secret"
        name = "v_vault_app_1"
        description = "Leased by Vault"
        secret_jwt_template = {
          role = "reporting"
        }
      }
      status = 400
      answer = {
        message = "Invalid role"
      }
    }
  }

  step "issue" {
    id = "8f5a1d2c-0000-4000-8000-000000000001"
    secret = {
      api_key = "sb_secret_x"
    }
    key {
      name = "vault_app_1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v1/projects/abcdefghijklmnopqrst/api-keys?reveal=true"
      json = {
        type = "secret"
        name = "v_vault_app_1"
        description = "Leased by Vault"
        secret_jwt_template = {
          role = "reporting"
        }
      }
      status = 201
      answer = {
        id = "8f5a1d2c-0000-4000-8000-000000000001"
        type = "secret"
        name = "v_vault_app_1"
        api_key = "sb_secret_x"
        prefix = "sb_s"
        inserted_at = "2030-11-22T10:00:00Z"
      }
    }
  }

  step "list" {
    ids = [
  "anon",
  "8f5a1d2c-0000-4000-8000-000000000001",
]
    trip {
      request = "GET /v1/projects/abcdefghijklmnopqrst/api-keys?reveal=false"
      status = 200
      answer = [
        {
          id = "anon"
          type = "legacy"
          name = "anon"
          prefix = null
        },
        {
          id = "8f5a1d2c-0000-4000-8000-000000000001"
          type = "secret"
          name = "v_vault_app_1"
          inserted_at = "2030-11-22T10:00:00Z"
        },
      ]
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/projects/abcdefghijklmnopqrst/api-keys/8f5a1d2c-0000-4000-8000-000000000001"
      status = 200
      answer = {
        id = "8f5a1d2c-0000-4000-8000-000000000001"
        name = "v_vault_app_1"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/projects/abcdefghijklmnopqrst/api-keys/8f5a1d2c-0000-4000-8000-000000000001"
      status = 404
      answer = {
        message = "API key not found"
      }
    }
  }
}
