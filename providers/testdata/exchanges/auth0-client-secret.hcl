exchange "the secret of an application" {
  source     = "auth0/docs-v2:main/docs/oas/management/v2/management-api-oas.json"
  read       = "2026-11-28"
  connection = { domain = "acme.eu.auth0.com", client_id = "admin", client_secret = "admin-secret" }
  role       = { client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww" }

  step "check" {
    trip {
      request = "POST https://acme.eu.auth0.com/oauth/token"
      json = {
        grant_type    = "client_credentials"
        client_id     = "admin"
        client_secret = "admin-secret"
        audience      = "https://acme.eu.auth0.com/api/v2/"
      }
      status = 200
      answer = { access_token = "eyJ.a0", expires_in = 86400, token_type = "Bearer" }
    }
    trip {
      request = "GET https://acme.eu.auth0.com/api/v2/clients?fields=client_id&per_page=1"
      headers = { Authorization = "Bearer eyJ.a0" }
      status  = 200
      answer  = []
    }
  }

  step "issue" {
    id     = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
    secret = { client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww", client_secret = "new-secret" }
    key { name = "vault-app-1" }
    trip {
      request = "POST https://acme.eu.auth0.com/api/v2/clients/AaiyAPdpYdesoKnqjj8HJqRn4T5titww/rotate-secret"
      headers = { Authorization = "Bearer eyJ.a0" }
      status  = 200
      answer  = { client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww", client_secret = "new-secret", name = "billing" }
    }
  }

  step "issue" {
    fails = "refused"
    key { name = "vault-app-1" }
    trip {
      request = "POST https://acme.eu.auth0.com/api/v2/clients/AaiyAPdpYdesoKnqjj8HJqRn4T5titww/rotate-secret"
      status  = 404
      answer  = { statusCode = 404, error = "Not Found", message = "The client does not exist." }
    }
  }

  step "revoke" {
    trip {
      request = "POST https://acme.eu.auth0.com/api/v2/clients/AaiyAPdpYdesoKnqjj8HJqRn4T5titww/rotate-secret"
      status  = 200
      answer  = { client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww", client_secret = "nobody-is-told", name = "billing" }
    }
  }
}
