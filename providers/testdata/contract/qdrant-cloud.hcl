contract "keys of a cluster" {
  document   = "qdrant-cloud.json"
  secret     = "databaseApiKey.key"
  connection = { management_key = "contract-key", account_id = "c3d4e5f6-a7b8-4c7d-8e1f-2a3b4c5d6e7f" }
  role       = { cluster_id = "a1b2c3d4-e5f6-4a5b-8c7d-9e0f1a2b3c4d" }
}
