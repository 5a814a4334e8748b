contract "tokens of an organization" {
  document   = "pulumi-cloud.json"
  secret     = "tokenValue"
  connection = { access_token = "pul-contract", organization = "acme" }
}

contract "tokens of a team" {
  document   = "pulumi-cloud.json"
  secret     = "tokenValue"
  connection = { access_token = "pul-contract", organization = "acme" }
  role       = { team = "platform" }
}
