contract "service keys of a workspace" {
  document   = "portkey.json"
  secret     = "key"
  connection = { api_key = "contract-admin-key" }
  role       = { workspace_id = "ws-contract", usage_limits = { credit_limit = 5 } }

  first_page    = 0
  makes_unnamed = ["POST /api-keys/{type}/{sub-type}"]
}
