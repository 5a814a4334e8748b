contract "keys of a cluster" {
  document   = "confluent-apikeys.json"
  secret     = "spec.secret"
  connection = { api_key = "CONTRACT", api_secret = "contract-secret" }
  role       = { owner_id = "sa-l7v772", resource_id = "lkc-abc123" }

  rotation {
    credential "api_secret" {
      path  = "/iam/v2/api-keys"
      id    = "CONTRACT"
      shows = { id = "CONTRACT", display_name = "first" }
    }
  }
}
