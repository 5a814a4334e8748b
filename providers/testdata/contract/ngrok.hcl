contract "authtokens" {
  document   = "ngrok.json"
  secret     = "token"
  connection = { api_key = "contract-key" }
  role       = { acl = ["bind:app.example.com"] }
}

contract "API keys" {
  document   = "ngrok.json"
  secret     = "token"
  connection = { api_key = "contract-key" }
  role       = { kind = "api_key" }
}
