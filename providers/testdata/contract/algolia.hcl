contract "keys for searching" {
  document   = "algolia.json"
  secret     = "key"
  base_path  = ""
  connection = { application_id = "CONTRACT1", admin_key = "contract-admin-key" }
  role       = { indexes = ["dev_*"] }

  identifiers = ["CONTRACT1"]
  aliases     = { value = "key" }
}
