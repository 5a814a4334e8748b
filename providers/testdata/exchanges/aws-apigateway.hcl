exchange "keys of a usage plan" {
  source = "https://docs.aws.amazon.com/apigateway/latest/api/API_CreateApiKey.html, API_CreateUsagePlanKey.html, API_GetApiKeys.html"
  read   = "2026-11-27"
  connection = {
    access_key_id = "AKIAIOSFODNN7EXAMPLE"
    secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    region = "eu-central-1"
  }
  role = {
    usage_plan_id = "up1"
  }

  step "check" {
    trip {
      request = "GET https://apigateway.eu-central-1.amazonaws.com/apikeys?limit=1"
      status = 200
      answer = {
        item = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET https://apigateway.eu-central-1.amazonaws.com/apikeys?limit=1"
      status = 403
      answer = {
        message = "The security token included in the request is invalid."
      }
    }
  }

  step "issue" {
    id = "hzYAVO9Sg98nsNh81M84O2kyXVy6K1xwHD8"
    secret = {
      api_key = "LKJ34lkjs"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST https://apigateway.eu-central-1.amazonaws.com/apikeys"
      json = {
        name = "vault-app-1"
        description = "Leased by Vault"
        enabled = true
      }
      status = 201
      answer = {
        id = "hzYAVO9Sg98nsNh81M84O2kyXVy6K1xwHD8"
        value = "LKJ34lkjs"
        name = "vault-app-1"
        enabled = true
        createdDate = 1921572000
      }
    }
    trip {
      request = "POST https://apigateway.eu-central-1.amazonaws.com/usageplans/up1/keys"
      json = {
        keyId = "hzYAVO9Sg98nsNh81M84O2kyXVy6K1xwHD8"
        keyType = "API_KEY"
      }
      status = 201
      answer = {
        id = "hzYAVO9Sg98nsNh81M84O2kyXVy6K1xwHD8"
        type = "API_KEY"
        name = "vault-app-1"
      }
    }
  }

  step "list" {
    ids = [
  "other",
  "hzYAVO9Sg98nsNh81M84O2kyXVy6K1xwHD8",
]
    trip {
      request = "GET https://apigateway.eu-central-1.amazonaws.com/apikeys?includeValues=false&limit=500"
      status = 200
      answer = {
        item = [
          {
            id = "other"
            name = "by hand"
            createdDate = 1700000000
            enabled = true
          },
        ]
        position = "p2"
      }
    }
    trip {
      request = "GET https://apigateway.eu-central-1.amazonaws.com/apikeys?includeValues=false&limit=500&position=p2"
      status = 200
      answer = {
        item = [
          {
            id = "hzYAVO9Sg98nsNh81M84O2kyXVy6K1xwHD8"
            name = "vault-app-1"
            createdDate = 1921572000
            enabled = true
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://apigateway.eu-central-1.amazonaws.com/apikeys/hzYAVO9Sg98nsNh81M84O2kyXVy6K1xwHD8"
      status = 202
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://apigateway.eu-central-1.amazonaws.com/apikeys/hzYAVO9Sg98nsNh81M84O2kyXVy6K1xwHD8"
      status = 404
      answer = {
        message = "Invalid API Key identifier specified"
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
      request = "POST https://apigateway.eu-central-1.amazonaws.com/apikeys"
      json = {
        name = "vault-app-1"
        description = "Leased by Vault"
        enabled = true
      }
      status = 201
      answer = {
        id = "k9"
        value = "v9"
      }
    }
    trip {
      request = "POST https://apigateway.eu-central-1.amazonaws.com/usageplans/up1/keys"
      json = {
        keyId = "k9"
        keyType = "API_KEY"
      }
      status = 404
      answer = {
        message = "Invalid Usage Plan ID specified"
      }
    }
    trip {
      request = "DELETE https://apigateway.eu-central-1.amazonaws.com/apikeys/k9"
      status = 202
    }
  }
}
