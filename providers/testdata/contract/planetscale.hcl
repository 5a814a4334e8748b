contract "passwords of a branch" {
  document   = "planetscale.json"
  secret     = "plain_text"
  connection = { token_id = "contract-id", token = "contract-token", organization = "acme" }
  role       = { database = "shop" }
}
