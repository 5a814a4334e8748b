contract "tokens that read metrics" {
  document   = "grafana-cloud.json"
  secret     = "token"
  connection = { token = "contract-token", region = "eu" }
  role       = { scopes = ["metrics:read"], realms = [{ type = "stack", identifier = "123" }] }

  # A token goes with its policy.
  goes_with = { "POST /v1/tokens" = "accessPolicyId" }
  fill      = { "GET /v1/accesspolicies" = { "items[]" = "AuthAccessPolicy" } }
}
