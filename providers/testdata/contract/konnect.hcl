contract "tokens of a system account" {
  document   = "konnect.json"
  secret     = "token"
  connection = { token = "contract-token" }
  role       = { account_id = "7f9fd312-a987-4628-b4c5-bb4f4fddd5f7" }
}
