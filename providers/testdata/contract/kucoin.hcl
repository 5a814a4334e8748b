contract "keys that read" {
  document   = "kucoin.json"
  prefix     = ""
  secret     = "data.apiSecret"
  connection = { api_key = "contract", secret_key = "contract-secret", passphrase = "contract-passphrase" }
  role       = { sub_name = "sub1" }

  always        = { code = "200000" }
  makes_nothing = ["GET /api/v1/user/api-key"]
}
