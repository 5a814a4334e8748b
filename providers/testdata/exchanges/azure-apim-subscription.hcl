exchange "the secondary key of a subscription" {
  source = "https://learn.microsoft.com/en-us/rest/api/apimanagement/subscription/regenerate-secondary-key"
  read   = "2026-11-28"
  connection = {
    tenant_id     = "11111111-1111-1111-1111-111111111111"
    client_id     = "22222222-2222-2222-2222-222222222222"
    client_secret = "admin-secret"
    service       = "00000000-0000-0000-0000-000000000000/rg1/apim1"
  }
  role = { subscription = "sub1", slot = "Secondary" }

  step "check" {
    trip {
      request = "POST https://login.microsoftonline.com/11111111-1111-1111-1111-111111111111/oauth2/v2.0/token"
      form = {
        grant_type    = "client_credentials"
        client_id     = "22222222-2222-2222-2222-222222222222"
        client_secret = "admin-secret"
        scope         = "https://management.azure.com/.default"
      }
      status = 200
      answer = { access_token = "eyJ.azure", token_type = "Bearer", expires_in = 3599 }
    }
    trip {
      request = "GET https://management.azure.com/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions?api-version=2024-05-01&%24top=1"
      headers = { Authorization = "Bearer eyJ.azure" }
      status  = 200
      answer  = { value = [] }
    }
  }

  step "issue" {
    id     = "sub1"
    secret = { subscription_key = "new-secondary" }
    key { name = "vault-app-1" }
    trip {
      request = "POST /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/sub1/regenerateSecondaryKey?api-version=2024-05-01"
      headers = { Authorization = "Bearer eyJ.azure" }
      status  = 204
    }
    trip {
      request = "POST /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/sub1/listSecrets?api-version=2024-05-01"
      headers = { Authorization = "Bearer eyJ.azure" }
      status  = 200
      answer  = { primaryKey = "old-primary", secondaryKey = "new-secondary" }
    }
  }

  step "issue" {
    fails = "refused"
    key { name = "vault-app-1" }
    trip {
      request = "POST /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/sub1/regenerateSecondaryKey?api-version=2024-05-01"
      status  = 404
      answer  = { error = { code = "ResourceNotFound", message = "Subscription not found." } }
    }
  }

  step "revoke" {
    trip {
      request = "POST /subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg1/providers/Microsoft.ApiManagement/service/apim1/subscriptions/sub1/regenerateSecondaryKey?api-version=2024-05-01"
      status  = 204
    }
  }
}
