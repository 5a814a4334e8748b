contract "personal access tokens" {
  document   = "linode.json"
  secret     = "token"
  connection = { token = "contract-token" }
  role       = { scopes = ["linodes:read_only", "domains:read_write"] }
}
