exchange "applications for one API" {
  source = "auth0/docs-v2:main/docs/oas/management/v2/management-api-oas.json"
  read   = "2026-11-27"
  connection = {
    domain = "acme.eu.auth0.com"
    client_id = "admin"
    client_secret = "admin-secret"
  }
  role = {
    audience = "https://api.acme.test"
    scopes = [
      "read:orders",
    ]
    tokens_per_hour = 60
  }

  step "check" {
    trip {
      request = "POST https://acme.eu.auth0.com/oauth/token"
      json = {
        grant_type = "client_credentials"
        client_id = "admin"
        client_secret = "admin-secret"
        audience = "https://acme.eu.auth0.com/api/v2/"
      }
      status = 200
      answer = {
        access_token = "eyJ.a0"
        expires_in = 86400
        token_type = "Bearer"
      }
    }
    trip {
      request = "GET https://acme.eu.auth0.com/api/v2/clients?fields=client_id&per_page=1"
      status = 200
      answer = []
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET https://acme.eu.auth0.com/api/v2/clients?fields=client_id&per_page=1"
      status = 401
      answer = {
        statusCode = 401
        error = "Unauthorized"
        message = "Invalid token"
      }
    }
    trip {
      request = "POST https://acme.eu.auth0.com/oauth/token"
      json = {
        grant_type = "client_credentials"
        client_id = "admin"
        client_secret = "admin-secret"
        audience = "https://acme.eu.auth0.com/api/v2/"
      }
      status = 200
      answer = {
        access_token = "eyJ.a0"
        expires_in = 86400
        token_type = "Bearer"
      }
    }
    trip {
      request = "GET https://acme.eu.auth0.com/api/v2/clients?fields=client_id&per_page=1"
      status = 401
      answer = {
        statusCode = 401
        error = "Unauthorized"
        message = "Invalid token"
      }
    }
  }

  step "issue" {
    id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
    secret = {
      client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
      client_secret = "MG_TNT2ver"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST https://acme.eu.auth0.com/api/v2/clients"
      json = {
        name = "vault-app-1"
        description = "Leased by Vault"
        app_type = "non_interactive"
        grant_types = [
          "client_credentials",
        ]
        token_quota = {
          client_credentials = {
            enforce = true
            per_hour = 60
          }
        }
      }
      status = 201
      answer = {
        client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
        name = "vault-app-1"
        client_secret = "MG_TNT2ver"
        app_type = "non_interactive"
      }
    }
    trip {
      request = "POST https://acme.eu.auth0.com/api/v2/client-grants"
      json = {
        client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
        audience = "https://api.acme.test"
        scope = [
          "read:orders",
        ]
      }
      status = 201
      answer = {
        id = "cgr_1"
        client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
        audience = "https://api.acme.test"
        scope = [
          "read:orders",
        ]
      }
    }
  }

  step "list" {
    ids = [
  "other",
  "AaiyAPdpYdesoKnqjj8HJqRn4T5titww",
]
    trip {
      request = "GET https://acme.eu.auth0.com/api/v2/clients?fields=client_id%2Cname&page=0&per_page=100"
      status = 200
      answer = [
        {
          client_id = "other"
          name = "by hand"
        },
        {
          client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
          name = "vault-app-1"
        },
      ]
    }
    trip {
      request = "GET https://acme.eu.auth0.com/api/v2/clients?fields=client_id%2Cname&page=1&per_page=100"
      status = 200
      answer = []
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://acme.eu.auth0.com/api/v2/clients/AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://acme.eu.auth0.com/api/v2/clients/AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
      status = 404
      answer = {
        statusCode = 404
        error = "Not Found"
        message = "Client not found"
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
      request = "POST https://acme.eu.auth0.com/api/v2/clients"
      json = {
        name = "vault-app-1"
        description = "Leased by Vault"
        app_type = "non_interactive"
        grant_types = [
          "client_credentials",
        ]
        token_quota = {
          client_credentials = {
            enforce = true
            per_hour = 60
          }
        }
      }
      status = 201
      answer = {
        client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
        name = "vault-app-1"
        client_secret = "MG_TNT2ver"
        app_type = "non_interactive"
      }
    }
    trip {
      request = "POST https://acme.eu.auth0.com/api/v2/client-grants"
      json = {
        client_id = "AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
        audience = "https://api.acme.test"
        scope = [
          "read:orders",
        ]
      }
      status = 400
      answer = {
        statusCode = 400
        error = "Bad Request"
        message = "Scope is not allowed"
      }
    }
    trip {
      request = "DELETE https://acme.eu.auth0.com/api/v2/clients/AaiyAPdpYdesoKnqjj8HJqRn4T5titww"
      status = 204
    }
  }

  step "rotate" {
    connection = { client_secret = "n3w-secret" }
    key {
      name = "vault-root-1"
    }
    trip {
      request = "POST https://acme.eu.auth0.com/api/v2/clients/admin/rotate-secret"
      status = 200
      answer = {
        client_id = "admin"
        client_secret = "n3w-secret"
      }
    }
  }

  step "retire" {}
}
