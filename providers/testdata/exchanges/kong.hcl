exchange "keys of a consumer" {
  source = "https://developer.konghq.com/plugins/key-auth/; https://developer.konghq.com/api/gateway/admin-ee/; Kong/kong:kong/db/strategies/postgres/init.lua"
  read   = "2026-11-28"
  now = "2030-11-22T10:00:00Z"
  connection = {
    admin_token = "kong-admin"
    workspace = "default"
  }
  role = {
    consumer = "web"
  }
  headers = {
    Kong-Admin-Token = "kong-admin"
  }

  step "check" {
    trip {
      request = "GET /default/consumers"
      status = 200
      answer = {
        data = []
        next = null
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /default/consumers"
      status = 401
      answer = {
        message = "Invalid RBAC credentials. Token or User credentials required"
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
    }
    trip {
      request = "POST /default/consumers/web/key-auth"
      json = {
        ttl = 3600
        tags = [
          "vault-app-1",
        ]
      }
      status = 404
      answer = {
        message = "Not found"
      }
    }
  }

  step "issue" {
    id = "5c3275ba-8bc8-4def-86ba-8d79107cc002"
    secret = {
      api_key = "Ok1zUvyRYSnHR2F8OTqJP5QO8qHOHbZe"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
    }
    trip {
      request = "POST /default/consumers/web/key-auth"
      json = {
        ttl = 3600
        tags = [
          "vault-app-1",
        ]
      }
      status = 201
      answer = {
        id = "5c3275ba-8bc8-4def-86ba-8d79107cc002"
        key = "Ok1zUvyRYSnHR2F8OTqJP5QO8qHOHbZe"
        ttl = 3600
        tags = [
          "vault-app-1",
        ]
        created_at = 1921572000
        consumer = {
          id = "c1"
        }
      }
    }
  }

  step "list" {
    ids = [
  "other",
  "5c3275ba-8bc8-4def-86ba-8d79107cc002",
]
    trip {
      request = "GET /default/consumers/web/key-auth?size=1000"
      status = 200
      answer = {
        data = [
          {
            id = "other"
            key = "x"
            tags = null
            created_at = 1900000000
          },
        ]
        next = "/default/consumers/web/key-auth?offset=WyJ4Il0"
        offset = "WyJ4Il0"
      }
    }
    trip {
      request = "GET /default/consumers/web/key-auth?offset=WyJ4Il0&size=1000"
      status = 200
      answer = {
        data = [
          {
            id = "5c3275ba-8bc8-4def-86ba-8d79107cc002"
            key = "y"
            tags = [
              "vault-app-1",
            ]
            created_at = 1921572000
          },
        ]
        next = null
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /default/consumers/web/key-auth/5c3275ba-8bc8-4def-86ba-8d79107cc002"
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /default/consumers/web/key-auth/5c3275ba-8bc8-4def-86ba-8d79107cc002"
      status = 404
      answer = {
        message = "Not found"
      }
    }
  }
}
