contract "tokens that read a bucket" {
  document   = "influxdb.json"
  secret     = "token"
  connection = { token = "contract-operator-token" }
  role = {
    org_id      = "0123456789abcdef"
    permissions = [{ action = "read", resource = { type = "buckets", id = "fedcba9876543210" } }]
  }
}
