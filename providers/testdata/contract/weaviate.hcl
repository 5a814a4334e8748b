contract "a user for each key" {
  document   = "weaviate.json"
  secret     = "apikey"
  connection = { api_key = "contract-admin-key" }
  role       = { roles = ["viewer", "editor"] }

  # They change what a user may do.
  makes_nothing = ["POST /authz/users/{id}/assign", "GET /users/own-info"]
}
