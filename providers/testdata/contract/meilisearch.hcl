contract "keys for searching" {
  document   = "meilisearch.json"
  secret     = "key"
  connection = { api_key = "contract-master-key" }
  role       = { indexes = ["movies"] }
  chosen_ids = ["uid"]
}
