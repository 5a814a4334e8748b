exchange "keys of a project" {
  source = "kislerdm/neon-sdk-go:openAPIDefinition.json; https://neon.com/docs/manage/api-keys"
  read   = "2026-11-27"
  connection = {
    api_key = "napi_admin"
    org_id  = "org-cool-darkness-12345678"
  }
  role = {
    project_id = "polished-snowflake-12345678"
  }
  headers = {
    Authorization = "Bearer napi_admin"
  }

  step "check" {
    trip {
      request = "GET /api/v2/organizations/org-cool-darkness-12345678/api_keys"
      status  = 200
      answer  = []
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v2/organizations/org-cool-darkness-12345678/api_keys"
      status  = 401
      answer = {
        request_id = "r1"
        code       = ""
        message    = "supplied credentials do not pass authentication"
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
      request = "POST /api/v2/organizations/org-cool-darkness-12345678/api_keys"
      json = {
        key_name   = "vault-app-1"
        project_id = "polished-snowflake-12345678"
      }
      status = 400
      answer = {
        request_id = "r3"
        code       = ""
        message    = "key_name is too long"
      }
    }
  }

  step "issue" {
    id = "165434"
    secret = {
      api_key = "napi_9tlr13774gizljemrr133j5koy3bmsphj8iu38mh0yjl9q4r1b0jy2wuhhuxouzr"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v2/organizations/org-cool-darkness-12345678/api_keys"
      json = {
        key_name   = "vault-app-1"
        project_id = "polished-snowflake-12345678"
      }
      status = 200
      answer = {
        id         = 165434
        key        = "napi_9tlr13774gizljemrr133j5koy3bmsphj8iu38mh0yjl9q4r1b0jy2wuhhuxouzr"
        name       = "vault-app-1"
        created_at = "2030-11-22T10:00:00Z"
        created_by = "u1"
        project_id = "polished-snowflake-12345678"
      }
    }
  }

  step "list" {
    item "1" {
      name         = "by hand"
      created_at   = "2026-01-01T00:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "165434" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /api/v2/organizations/org-cool-darkness-12345678/api_keys"
      status  = 200
      answer = [
        {
          id                  = 1
          name                = "by hand"
          created_at          = "2026-01-01T00:00:00Z"
          last_used_at        = "2030-11-22T10:05:00Z"
          last_used_from_addr = "192.0.2.255"
        },
        {
          id                  = 165434
          name                = "vault-app-1"
          created_at          = "2030-11-22T10:00:00Z"
          last_used_at        = null
          last_used_from_addr = ""
        },
      ]
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/organizations/org-cool-darkness-12345678/api_keys/165434"
      status  = 200
      answer = {
        id                  = 165434
        revoked             = true
        last_used_at        = null
        last_used_from_addr = ""
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v2/organizations/org-cool-darkness-12345678/api_keys/165434"
      status  = 404
      answer = {
        request_id = "r2"
        code       = ""
        message    = "key not found"
      }
    }
  }
}
