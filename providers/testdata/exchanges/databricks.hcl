exchange "tokens of a service principal" {
  source = "databricks/databricks-sdk-go:service/settings/model.go; https://docs.databricks.com/api/workspace/tokenmanagement"
  read   = "2026-11-27"
  connection = {
    token = "dapi-admin"
  }
  role = {
    application_id = "8d1b5a9e-7f3c-4b7e-9a54-1c2d3e4f5a6b"
  }

  step "check" {
    trip {
      request = "GET /api/2.0/preview/scim/v2/Me"
      status  = 200
      answer = {
        id = "1"
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/2.0/preview/scim/v2/Me"
      status  = 401
      answer = {
        error_code = "401"
        message    = "Credential was not sent or was of an unsupported type for this API."
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    trip {
      request = "POST /api/2.0/token-management/on-behalf-of/tokens"
      json = {
        application_id   = "8d1b5a9e-7f3c-4b7e-9a54-1c2d3e4f5a6b"
        comment          = "vault-app-1"
        lifetime_seconds = 3600
      }
      status = 400
      answer = {
        error_code = "INVALID_PARAMETER_VALUE"
        message    = "Lifetime must be positive"
      }
    }
  }

  step "issue" {
    id = "5715498424f15ee0213be729257b53fc35a47d5953e3bdfd8ed22a0b93b339f4"
    secret = {
      token = "dapi-app-1"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    trip {
      request = "POST /api/2.0/token-management/on-behalf-of/tokens"
      json = {
        application_id   = "8d1b5a9e-7f3c-4b7e-9a54-1c2d3e4f5a6b"
        comment          = "vault-app-1"
        lifetime_seconds = 3600
      }
      status = 200
      answer = {
        token_value = "dapi-app-1"
        token_info = {
          token_id      = "5715498424f15ee0213be729257b53fc35a47d5953e3bdfd8ed22a0b93b339f4"
          creation_time = 1921572000000
          expiry_time   = 1921575600000
          comment       = "vault-app-1"
        }
      }
    }
  }

  step "list" {
    item "5715498424f15ee0213be729257b53fc35a47d5953e3bdfd8ed22a0b93b339f4" {
      name       = "vault-app-1"
      created_at = "2030-11-22T10:00:00Z"
    }
    item "other" {
      created_at   = "2030-03-17T17:46:40Z"
      last_used_at = "2030-11-22T00:00:00Z"
    }
    trip {
      request = "GET /api/2.0/token-management/tokens"
      status  = 200
      answer = {
        token_infos = [
          {
            token_id      = "5715498424f15ee0213be729257b53fc35a47d5953e3bdfd8ed22a0b93b339f4"
            creation_time = 1921572000000
            expiry_time   = 1921575600000
            comment       = "vault-app-1"
          },
          {
            token_id      = "other"
            creation_time = 1900000000000
            expiry_time   = -1
            last_used_day = 1921536000000
          },
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /api/2.0/preview/scim/v2/Me"
      headers = {
        Authorization = "Bearer dapi-app-1"
      }
      status = 200
      answer = {
        id = "2"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/2.0/token-management/tokens/5715498424f15ee0213be729257b53fc35a47d5953e3bdfd8ed22a0b93b339f4"
      status  = 200
      answer  = {}
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/2.0/token-management/tokens/5715498424f15ee0213be729257b53fc35a47d5953e3bdfd8ed22a0b93b339f4"
      status  = 404
      answer = {
        error_code = "RESOURCE_DOES_NOT_EXIST"
        message    = "Token not found"
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /api/2.0/preview/scim/v2/Me"
      headers = {
        Authorization = "Bearer dapi-app-1"
      }
      status = 403
      answer = {
        error_code = "403"
        message    = "Invalid access token."
      }
    }
  }
}
