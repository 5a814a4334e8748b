exchange "keys that send" {
  source = "resend/resend-openapi:resend.json; https://resend.com/docs/api-reference/errors"
  read   = "2026-11-27"
  connection = {
    api_key = "re_admin"
  }
  headers = {
    Authorization = "Bearer re_admin"
  }

  step "check" {
    trip {
      request = "GET /api-keys?limit=1"
      status  = 200
      answer = {
        object   = "list"
        has_more = false
        data     = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api-keys?limit=1"
      status  = 401
      answer = {
        statusCode = 401
        name       = "missing_api_key"
        message    = "Missing API key in the authorization header."
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
      request = "POST /api-keys"
      json = {
        name       = "vault-app-1"
        permission = "sending_access"
      }
      status = 422
      answer = {
        statusCode = 422
        name       = "validation_error"
        message    = "Invalid permission."
      }
    }
  }

  step "issue" {
    id = "dacf4072-4119-4d88-932f-6202748ac7c8"
    secret = {
      api_key = "re_c1tpEyD8_NKFusih9vKVQknRAQfmFcWCv"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api-keys"
      json = {
        name       = "vault-app-1"
        permission = "sending_access"
      }
      status = 201
      answer = {
        id    = "dacf4072-4119-4d88-932f-6202748ac7c8"
        token = "re_c1tpEyD8_NKFusih9vKVQknRAQfmFcWCv"
      }
    }
  }

  step "list" {
    item "91f3200a-df72-4654-b0cd-f202395f5354" {
      name         = "Production"
      created_at   = "2023-04-08T00:11:13.110779Z"
      last_used_at = "2030-11-22T10:05:00.25Z"
    }
    item "dacf4072-4119-4d88-932f-6202748ac7c8" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00.110779Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /api-keys?limit=100"
      status  = 200
      answer = {
        object   = "list"
        has_more = true
        data = [
          {
            id           = "91f3200a-df72-4654-b0cd-f202395f5354"
            name         = "Production"
            created_at   = "2023-04-08 00:11:13.110779+00"
            last_used_at = "2030-11-22 10:05:00.25+00"
          },
        ]
      }
    }
    trip {
      request = "GET /api-keys?limit=100&after=91f3200a-df72-4654-b0cd-f202395f5354"
      status  = 200
      answer = {
        object   = "list"
        has_more = false
        data = [
          {
            id           = "dacf4072-4119-4d88-932f-6202748ac7c8"
            name         = "vault-app-1"
            created_at   = "2030-11-22 10:00:00.110779+00"
            last_used_at = null
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api-keys/dacf4072-4119-4d88-932f-6202748ac7c8"
      status  = 200
      answer  = {}
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api-keys/dacf4072-4119-4d88-932f-6202748ac7c8"
      status  = 404
      answer = {
        statusCode = 404
        name       = "not_found"
        message    = "API key not found"
      }
    }
  }
}
