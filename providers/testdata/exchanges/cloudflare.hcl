# The OpenAPI document is older than tokens that an account owns.

exchange "tokens of an account" {
  source     = "https://developers.cloudflare.com/api/resources/accounts/subresources/tokens/"
  read       = "2026-11-22"
  connection = { api_token = "admin-token", account_id = "eb78d65290b24279ba6f44721b3ea3c4" }
  role = {
    policies = [{
      effect            = "allow"
      permission_groups = [{ id = "c8fed203ed3043cba015a93ad1616f1f" }]
      resources         = { "com.cloudflare.api.account.eb78d65290b24279ba6f44721b3ea3c4" = "*" }
    }]
  }
  headers = { Authorization = "Bearer admin-token" }

  step "check" {
    trip {
      request = "GET /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens/verify"
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = { id = "ed17574386854bf78a67040be0a770b0", status = "active" } }
    }
  }

  # The admin token has been disabled, and Cloudflare says so with a 200.
  step "check" {
    fails = "refused"
    trip {
      request = "GET /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens/verify"
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = { id = "ed17574386854bf78a67040be0a770b0", status = "disabled" } }
    }
  }

  step "issue" {
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
      cidrs      = ["192.0.2.0/24"]
    }
    trip {
      request = "POST /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens"
      json = {
        name       = "vault-app-1"
        expires_on = "2026-11-22T11:00:00Z"
        condition  = { "request.ip" = { "in" = ["192.0.2.0/24"] } }
        policies = [{
          effect            = "allow"
          permission_groups = [{ id = "c8fed203ed3043cba015a93ad1616f1f" }]
          resources         = { "com.cloudflare.api.account.eb78d65290b24279ba6f44721b3ea3c4" = "*" }
        }]
      }
      status = 200
      answer = {
        success  = true
        errors   = []
        messages = []
        result   = { id = "0123456789abcdef0123456789abcdef", name = "vault-app-1", status = "active", expires_on = "2026-11-22T11:00:00Z", value = "8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
      }
    }
    id     = "0123456789abcdef0123456789abcdef"
    secret = { api_token = "8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
  }

  step "list" {
    item "0123456789abcdef0123456789abcdef" {
      name       = "vault-app-1"
      created_at = "2026-11-22T10:00:00Z"
    }
    item "fedcba9876543210fedcba9876543210" {
      name         = "by hand"
      created_at   = "2026-11-01T05:20:00Z"
      last_used_at = "2026-11-20T10:05:00Z"
    }
    trip {
      request = "GET /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens?page=1&per_page=50"
      status  = 200
      answer = {
        success = true
        errors  = []
        result = [
          { id = "0123456789abcdef0123456789abcdef", name = "vault-app-1", issued_on = "2026-11-22T10:00:00Z", status = "active" },
          { id = "fedcba9876543210fedcba9876543210", name = "by hand", issued_on = "2026-11-01T05:20:00Z", last_used_on = "2026-11-20T10:05:00Z", status = "active" },
        ]
      }
    }
    trip {
      request = "GET /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens?page=2&per_page=50"
      status  = 200
      answer  = { success = true, errors = [], result = [] }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens/verify"
      headers = { Authorization = "Bearer 8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
      status  = 200
      answer  = { success = true, errors = [], result = { id = "0123456789abcdef0123456789abcdef", status = "active" } }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens/0123456789abcdef0123456789abcdef"
      json    = {}
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = { id = "0123456789abcdef0123456789abcdef" } }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens/0123456789abcdef0123456789abcdef"
      json    = {}
      status  = 404
      answer  = { success = false, errors = [{ code = 1003, message = "Token not found" }], messages = [], result = null }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens/verify"
      headers = { Authorization = "Bearer 8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
      status  = 401
      answer  = { success = false, errors = [{ code = 1000, message = "Invalid API Token" }], messages = [], result = null }
    }
  }
}

exchange "rotation of a user's token" {
  source     = "cloudflare/api-schemas:openapi.json, its examples"
  read       = "2026-11-22"
  document   = "cloudflare.json"
  prefix     = "/client/v4"
  connection = { api_token = "admin-token" }
  role       = { policies = [] }
  headers    = { Authorization = "Bearer admin-token" }

  step "rotate" {
    connection = { api_token = "8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
    key { name = "vault-root-1" }
    trip {
      request = "GET /client/v4/user/tokens/verify"
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = { id = "ed17574386854bf78a67040be0a770b0", status = "active" } }
    }
    trip {
      request = "PUT /client/v4/user/tokens/ed17574386854bf78a67040be0a770b0/value"
      json    = {}
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = "8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
    }
  }

  step "retire" {}

  step "rotate" {
    fails = "refused"
    key { name = "vault-root-2" }
    trip {
      request = "GET /client/v4/user/tokens/verify"
      headers = { Authorization = "Bearer 8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = { id = "ed17574386854bf78a67040be0a770b0", status = "active" } }
    }
    trip {
      request = "PUT /client/v4/user/tokens/ed17574386854bf78a67040be0a770b0/value"
      headers = { Authorization = "Bearer 8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
      json    = {}
      status  = 403
      answer  = { success = false, errors = [{ code = 9109, message = "Unauthorized to access requested resource" }], messages = [], result = null }
    }
  }
}

exchange "rotation of an account's token" {
  source     = "https://developers.cloudflare.com/api/resources/accounts/subresources/tokens/subresources/value/methods/update/"
  read       = "2026-11-22"
  connection = { api_token = "admin-token", account_id = "eb78d65290b24279ba6f44721b3ea3c4" }
  role       = { policies = [] }
  headers    = { Authorization = "Bearer admin-token" }

  step "rotate" {
    connection = { api_token = "8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
    key { name = "vault-root-1" }
    trip {
      request = "GET /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens/verify"
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = { id = "ed17574386854bf78a67040be0a770b0", status = "active" } }
    }
    trip {
      request = "PUT /client/v4/accounts/eb78d65290b24279ba6f44721b3ea3c4/tokens/ed17574386854bf78a67040be0a770b0/value"
      json    = {}
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = "8M7wS6hCpXVc-DoRnPPY_UCWPgy8aea4Wy6kCe5T" }
    }
  }
}
