exchange "the password of a database" {
  source     = "https://upstash.com/docs/devops/developer-api/redis/reset_password"
  read       = "2026-11-28"
  connection = { email = "ops@example.com", api_key = "admin" }
  role       = { database_id = "96ad0856-03b1-4ee7-9666-e81abd0349e1" }
  headers    = { Authorization = "Basic b3BzQGV4YW1wbGUuY29tOmFkbWlu" }

  step "check" {
    trip {
      request = "GET /v2/redis/databases"
      status  = 200
      answer  = []
    }
  }

  step "issue" {
    id = "96ad0856-03b1-4ee7-9666-e81abd0349e1"
    secret = {
      password             = "new-password"
      rest_token           = "new-rest-token"
      read_only_rest_token = "new-read-only-token"
      endpoint             = "us1-test.upstash.io"
      port                 = 6379
    }
    key { name = "vault-app-1" }
    trip {
      request = "POST /v2/redis/reset-password/96ad0856-03b1-4ee7-9666-e81abd0349e1"
      status  = 200
      answer = {
        database_id          = "96ad0856-03b1-4ee7-9666-e81abd0349e1"
        password             = "new-password"
        rest_token           = "new-rest-token"
        read_only_rest_token = "new-read-only-token"
        endpoint             = "us1-test.upstash.io"
        port                 = 6379
      }
    }
  }

  step "issue" {
    fails = "unauthorized"
    key { name = "vault-app-1" }
    trip {
      request = "POST /v2/redis/reset-password/96ad0856-03b1-4ee7-9666-e81abd0349e1"
      status  = 401
      answer  = "Unauthorized"
    }
  }

  step "revoke" {
    trip {
      request = "POST /v2/redis/reset-password/96ad0856-03b1-4ee7-9666-e81abd0349e1"
      status  = 200
      answer  = { password = "nobody-is-told" }
    }
  }
}
