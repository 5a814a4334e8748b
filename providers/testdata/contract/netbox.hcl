contract "tokens of a user" {
  document   = "netbox.json"
  secret     = "key"
  connection = { token = "contract-token" }
  role       = { username = "bot" }
}
