contract "tokens of a user" {
  document   = "netbox.json"
  secret     = "key"
  base_path  = ""
  connection = { token = "contract-token" }
  role       = { username = "bot" }
}
