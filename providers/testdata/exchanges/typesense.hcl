exchange "keys for searching" {
  source = "https://typesense.org/docs/latest/api/api-keys.html"
  read   = "2026-11-27"
  connection = {
    api_key = "bootstrap-key"
  }
  role = {
    collections = [
      "products",
    ]
  }
  headers = {
    X-TYPESENSE-API-KEY = "bootstrap-key"
  }

  step "check" {
    trip {
      request = "GET /keys"
      status  = 200
      answer = {
        keys = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /keys"
      status  = 401
      answer = {
        message = "Forbidden - a valid `x-typesense-api-key` header must be sent."
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
      request = "POST /keys"
      json = {
        description = "vault-app-1"
        actions = [
          "documents:search",
        ]
        collections = [
          "products",
        ]
        expires_at = 1921575600
      }
      status = 400
      answer = {
        message = "Wrong format for `actions`. It should be an array of string."
      }
    }
  }

  step "issue" {
    id = "1"
    secret = {
      api_key = "k8pX5hD0793d8YQC5aD1aEPd7VleSuGP"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /keys"
      json = {
        description = "vault-app-1"
        actions = [
          "documents:search",
        ]
        collections = [
          "products",
        ]
        expires_at = 1921575600
      }
      status = 201
      answer = {
        id          = 1
        description = "vault-app-1"
        actions = [
          "documents:search",
        ]
        collections = [
          "products",
        ]
        expires_at = 1921575600
        value      = "k8pX5hD0793d8YQC5aD1aEPd7VleSuGP"
      }
    }
  }

  step "list" {
    ids = [
      "0",
      "1",
    ]
    trip {
      request = "GET /keys"
      status  = 200
      answer = {
        keys = [
          {
            id          = 0
            description = "by hand"
            actions = [
              "*",
            ]
            collections = [
              "*",
            ]
            value_prefix = "vxpx"
          },
          {
            id          = 1
            description = "vault-app-1"
            actions = [
              "documents:search",
            ]
            collections = [
              "products",
            ]
            value_prefix = "k8pX"
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /keys/1"
      status  = 200
      answer = {
        id = 1
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /keys/1"
      status  = 404
      answer = {
        message = "Not found."
      }
    }
  }
}
