exchange "keys of a product" {
  source = "https://learn.microsoft.com/en-us/rest/api/apimanagement/subscription/create-or-update, list, list-secrets, delete"
  read   = "2026-11-27"
  connection = {
    tenant_id = "t1"
    client_id = "app1"
    client_secret = "admin-secret"
    subscription_id = "s1"
    resource_group = "rg1"
    service_name = "apim1"
  }
  role = {
    scope = "/products/starter"
  }

  step "check" {
    trip {
      request = "POST https://login.microsoftonline.com/t1/oauth2/v2.0/token"
      form = {
        grant_type = "client_credentials"
        client_id = "app1"
        client_secret = "admin-secret"
        scope = "https://management.azure.com/.default"
      }
      status = 200
      answer = {
        token_type = "Bearer"
        expires_in = 3599
        access_token = "eyJ.az"
      }
    }
    trip {
      request = "GET /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions?%24top=1&api-version=2024-05-01"
      status = 200
      answer = {
        value = []
        count = 0
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions?%24top=1&api-version=2024-05-01"
      status = 401
      answer = {
        error = {
          code = "InvalidAuthenticationToken"
          message = "The access token is invalid."
        }
      }
    }
    trip {
      request = "POST https://login.microsoftonline.com/t1/oauth2/v2.0/token"
      form = {
        grant_type = "client_credentials"
        client_id = "app1"
        client_secret = "admin-secret"
        scope = "https://management.azure.com/.default"
      }
      status = 200
      answer = {
        token_type = "Bearer"
        expires_in = 3599
        access_token = "eyJ.az"
      }
    }
    trip {
      request = "GET /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions?%24top=1&api-version=2024-05-01"
      status = 401
      answer = {
        error = {
          code = "InvalidAuthenticationToken"
          message = "The access token is invalid."
        }
      }
    }
  }

  step "issue" {
    id = "vault-app-1"
    secret = {
      subscription_key = "00000000000000000000000000000001"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "PUT /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/vault-app-1?api-version=2024-05-01"
      json = {
        properties = {
          scope = "/products/starter"
          displayName = "vault-app-1"
          state = "active"
          allowTracing = false
        }
      }
      status = 201
      answer = {
        id = "/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/vault-app-1"
        type = "Microsoft.ApiManagement/service/subscriptions"
        name = "vault-app-1"
        properties = {
          scope = "/products/starter"
          displayName = "vault-app-1"
          state = "active"
          createdDate = "2030-11-22T10:00:00Z"
        }
      }
    }
    trip {
      request = "POST /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/vault-app-1/listSecrets?api-version=2024-05-01"
      status = 200
      answer = {
        primaryKey = "00000000000000000000000000000001"
        secondaryKey = "00000000000000000000000000000002"
      }
    }
  }

  step "list" {
    ids = [
  "master",
  "vault-app-1",
]
    trip {
      request = "GET /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions?%24top=100&api-version=2024-05-01"
      status = 200
      answer = {
        value = [
          {
            id = "/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/vault-app-1"
            type = "Microsoft.ApiManagement/service/subscriptions"
            name = "master"
            properties = {
              scope = "/products/starter"
              displayName = "Built-in all-access"
              state = "active"
              createdDate = "2030-11-22T10:00:00Z"
            }
          },
        ]
        count = 2
        nextLink = "https://management.azure.com/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions?$skip=1"
      }
    }
    trip {
      request = "GET /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions?%24skip=1&%24top=100&api-version=2024-05-01"
      status = 200
      answer = {
        value = [
          {
            id = "/subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/vault-app-1"
            type = "Microsoft.ApiManagement/service/subscriptions"
            name = "vault-app-1"
            properties = {
              scope = "/products/starter"
              displayName = "vault-app-1"
              state = "active"
              createdDate = "2030-11-22T10:00:00Z"
            }
          },
        ]
        count = 2
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/vault-app-1?api-version=2024-05-01"
      headers = {
        If-Match = "*"
      }
      status = 200
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/vault-app-1?api-version=2024-05-01"
      headers = {
        If-Match = "*"
      }
      status = 204
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "PUT /subscriptions/s1/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/vault-app-1?api-version=2024-05-01"
      json = {
        properties = {
          scope = "/products/starter"
          displayName = "vault-app-1"
          state = "active"
          allowTracing = false
        }
      }
      status = 400
      answer = {
        error = {
          code = "ValidationError"
          message = "Subscription scope is invalid."
        }
      }
    }
  }
}
