contract "tokens that write one dataset" {
  document   = "axiom.json"
  secret     = "token"
  connection = { token = "contract-token", org_id = "acme-x1y2" }
  role       = { dataset_capabilities = { web = { ingest = ["create"] } } }
}
