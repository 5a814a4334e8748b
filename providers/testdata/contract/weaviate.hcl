contract "a user for each key" {
  document   = "weaviate.json"
  secret     = "apikey"
  connection = { api_key = "contract-admin-key" }
  role       = { roles = ["viewer", "editor"] }

  # They change what a user may do.
  makes_nothing = ["POST /authz/users/{id}/assign", "GET /users/own-info"]

  # It replaces the value of a user's key.
  updates = ["POST /users/db/{user_id}/rotate-key"]

  rotation {
    credential "api_key" {
      path  = "/v1/users/db"
      id    = "root"
      shows = { userId = "root", username = "root" }
    }
    secrets = { "POST /users/db/{user_id}/rotate-key" = "apikey" }
    whoami  = ["GET /users/own-info"]
  }
}
