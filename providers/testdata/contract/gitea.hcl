contract "tokens of another user" {
  document   = "gitea.json"
  secret     = "sha1"
  connection = { username = "root", password = "contract-password" }
  role       = { username = "bot", scopes = ["read:repository", "write:issue"] }
}
