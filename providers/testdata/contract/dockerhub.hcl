contract "tokens of a user" {
  document   = "dockerhub.json"
  secret     = "token"
  connection = { username = "acme", password = "contract-password" }

  logins = { "POST /v2/auth/token" = "access_token" }
}
