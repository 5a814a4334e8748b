contract "keys for searching" {
  document   = "algolia.json"
  secret     = "key"
  connection = { application_id = "CONTRACT1", admin_key = "contract-admin-key" }
  role       = { indexes = ["dev_*"] }

  identifiers = ["CONTRACT1"]
  aliases     = { value = "key" }
}
