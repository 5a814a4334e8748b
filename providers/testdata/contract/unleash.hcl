contract "tokens of a backend" {
  document   = "unleash.json"
  secret     = "secret"
  connection = { base_url = "https://unleash.example.com", token = "contract-token", token_id = "7" }
  role       = { type = "backend", environment = "development" }

  lists = ["GET /api/admin/api-tokens/{name}"]

  rotation {
    credential "token" {
      path  = "/api/admin/user/tokens"
      id    = "7"
      shows = { id = 7, description = "first" }
    }
  }
}
