contract "keys that send from a domain" {
  document   = "mailgun.json"
  secret     = "key.secret"
  connection = { api_key = "contract-admin-key" }
  role       = { domain = "mg.example.com" }
}

contract "keys of the account" {
  document   = "mailgun.json"
  secret     = "key.secret"
  connection = { api_key = "contract-admin-key" }
  role       = { permission = "developer" }
}
