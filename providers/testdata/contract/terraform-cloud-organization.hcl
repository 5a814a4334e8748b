contract "the organization's token" {
  document   = "terraform-cloud.json"
  secret     = "data.attributes.token"
  prefix     = "/api/v2"
  connection = { token = "contract-token" }
  role       = { organization = "acme" }

  makes_nothing = ["GET /account/details"]
}
