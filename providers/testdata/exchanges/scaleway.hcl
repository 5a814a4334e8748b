exchange "keys of an application" {
  source = "scaleway/scaleway-sdk-go:api/iam/v1alpha1/iam_sdk.go; https://www.scaleway.com/en/developers/api/iam/"
  read   = "2026-11-27"
  connection = {
    secret_key      = "admin-secret"
    organization_id = "11111111-1111-4111-8111-111111111111"
  }
  role = {
    application_id = "22222222-2222-4222-8222-222222222222"
  }
  headers = {
    X-Auth-Token = "admin-secret"
  }

  step "check" {
    trip {
      request = "GET /iam/v1alpha1/api-keys?organization_id=11111111-1111-4111-8111-111111111111&page_size=1"
      status  = 200
      answer = {
        api_keys    = []
        total_count = 0
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /iam/v1alpha1/api-keys?organization_id=11111111-1111-4111-8111-111111111111&page_size=1"
      status  = 401
      answer = {
        message = "authentication is denied"
        method  = "api_key"
        reason  = "invalid_argument"
        type    = "denied_authentication"
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
      request = "POST /iam/v1alpha1/api-keys"
      json = {
        application_id = "22222222-2222-4222-8222-222222222222"
        description    = "vault-app-1"
        expires_at     = "2030-11-22T11:00:00Z"
      }
      status = 400
      answer = {
        message = "invalid argument(s)"
        type    = "invalid_arguments"
      }
    }
  }

  step "issue" {
    id = "SCWXXXXXXXXXXXXXXXXX"
    secret = {
      secret_key = "33333333-3333-4333-8333-333333333333"
      access_key = "SCWXXXXXXXXXXXXXXXXX"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /iam/v1alpha1/api-keys"
      json = {
        application_id = "22222222-2222-4222-8222-222222222222"
        description    = "vault-app-1"
        expires_at     = "2030-11-22T11:00:00Z"
      }
      status = 200
      answer = {
        access_key     = "SCWXXXXXXXXXXXXXXXXX"
        secret_key     = "33333333-3333-4333-8333-333333333333"
        application_id = "22222222-2222-4222-8222-222222222222"
        description    = "vault-app-1"
        created_at     = "2030-11-22T10:00:00Z"
        expires_at     = "2030-11-22T11:00:00Z"
      }
    }
  }

  step "list" {
    item "SCWXXXXXXXXXXXXXXXXX" {
      name       = "vault-app-1"
      created_at = "2030-11-22T10:00:00Z"
      expires_at = "2030-11-22T11:00:00Z"
    }
    item "SCWYYYYYYYYYYYYYYYYY" {
      name       = "by hand"
      created_at = "2030-11-22T09:00:00Z"
    }
    trip {
      request = "GET /iam/v1alpha1/api-keys?organization_id=11111111-1111-4111-8111-111111111111&bearer_id=22222222-2222-4222-8222-222222222222&page=1&page_size=100"
      status  = 200
      answer = {
        api_keys = [
          {
            access_key  = "SCWXXXXXXXXXXXXXXXXX"
            description = "vault-app-1"
            created_at  = "2030-11-22T10:00:00Z"
            expires_at  = "2030-11-22T11:00:00Z"
          },
          {
            access_key  = "SCWYYYYYYYYYYYYYYYYY"
            description = "by hand"
            created_at  = "2030-11-22T09:00:00Z"
            expires_at  = null
          },
        ]
        total_count = 2
      }
    }
    trip {
      request = "GET /iam/v1alpha1/api-keys?organization_id=11111111-1111-4111-8111-111111111111&bearer_id=22222222-2222-4222-8222-222222222222&page=2&page_size=100"
      status  = 200
      answer = {
        api_keys    = []
        total_count = 2
      }
    }
  }

  step "extend" {
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "PATCH /iam/v1alpha1/api-keys/SCWXXXXXXXXXXXXXXXXX"
      json = {
        expires_at = "2030-11-22T11:00:00Z"
      }
      status = 200
      answer = {
        access_key = "SCWXXXXXXXXXXXXXXXXX"
        expires_at = "2030-11-22T11:00:00Z"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /iam/v1alpha1/api-keys/SCWXXXXXXXXXXXXXXXXX"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /iam/v1alpha1/api-keys/SCWXXXXXXXXXXXXXXXXX"
      status  = 404
      answer = {
        message  = "resource is not found"
        resource = "api_key"
        type     = "not_found"
      }
    }
  }
}
