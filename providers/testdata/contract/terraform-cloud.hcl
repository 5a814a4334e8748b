contract "tokens of a user" {
  document   = "terraform-cloud.json"
  secret     = "data.attributes.token"
  prefix     = "/api/v2"
  connection = { token = "contract-token", organization = "acme" }
  role       = { user_id = "user-MA4GL63FmYRpSFxa" }

  makes_nothing = ["GET /account/details"]
}
