exchange "tokens of another user" {
  source     = "go-gitea/gitea:modules/structs/user_app.go and routers/api/v1/user/app.go of 1.26.0; templates/swagger/v1_json.tmpl of 1.24-dev, which knows of no use"
  read       = "2026-11-28"
  connection = { base_url = "https://gitea.example", username = "root", password = "secret" }
  role       = { username = "bot", scopes = ["read:repository"] }
  headers    = { Authorization = "Basic cm9vdDpzZWNyZXQ=" }

  step "check" {
    trip {
      request = "GET /api/v1/user"
      status  = 200
      answer  = { id = 1, login = "root" }
    }
  }

  # A new token's answer has the year 1.
  step "issue" {
    key { name = "vault-app-1" }
    id     = "7"
    secret = { token = "s3cret-7" }
    trip {
      request = "POST /api/v1/users/bot/tokens"
      json    = { name = "vault-app-1", scopes = ["read:repository"] }
      status  = 201
      answer  = { id = 7, name = "vault-app-1", sha1 = "s3cret-7", token_last_eight = "cret-7", scopes = ["read:repository"], created_at = "0001-01-01T00:00:00Z", last_used_at = "0001-01-01T00:00:00Z" }
    }
  }

  # One that was never used was last used when it was made, as Gitea tells it.
  step "list" {
    item "6" {
      name         = "by hand"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "7" {
      name         = "vault-app-1"
      last_used_at = "2030-11-22T10:00:00Z"
    }
    item "8" { name = "vault-app-2" }
    trip {
      request = "GET /api/v1/users/bot/tokens?limit=50&page=1"
      status  = 200
      answer = [
        { id = 6, name = "by hand", sha1 = "", token_last_eight = "cret-6", scopes = ["all"], created_at = "2030-11-20T10:00:00Z", last_used_at = "2030-11-22T11:05:00+01:00" },
        { id = 7, name = "vault-app-1", sha1 = "", token_last_eight = "cret-7", scopes = ["read:repository"], created_at = "2030-11-22T10:00:00Z", last_used_at = "2030-11-22T10:00:00Z" },
        { id = 8, name = "vault-app-2", sha1 = "", token_last_eight = "cret-8", scopes = ["read:repository"] },
      ]
    }
    trip {
      request = "GET /api/v1/users/bot/tokens?limit=50&page=2"
      status  = 200
      answer  = []
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v1/users/bot/tokens/7"
      status  = 204
    }
  }
}
