contract "keys for searching" {
  document   = "meilisearch.json"
  secret     = "key"
  base_path  = ""
  connection = { api_key = "contract-master-key" }
  role       = { indexes = ["movies"] }
  chosen_ids = ["uid"]
}
