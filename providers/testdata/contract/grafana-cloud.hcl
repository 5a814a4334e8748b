contract "tokens that read metrics" {
  document   = "grafana-cloud.json"
  secret     = "token"
  connection = { token = "contract-token", region = "eu", policy_id = "c45485b6-8321-4cf2-bcec-12006df755ff", token_id = "a1b2c3d4-0000-4000-8000-000000000001" }
  role       = { scopes = ["metrics:read"], realms = [{ type = "stack", identifier = "123" }] }

  # A token goes with its policy.
  goes_with = { "POST /v1/tokens" = "accessPolicyId" }
  fill = {
    "GET /v1/accesspolicies" = { "items[]" = "AuthAccessPolicy" }
    "GET /v1/tokens"         = { "items[]" = "AuthToken" }
  }

  rotation {
    # The policy that the token belongs to is there as well, and stays.
    credential "policy_id" {
      path  = "/api/v1/accesspolicies"
      id    = "c45485b6-8321-4cf2-bcec-12006df755ff"
      shows = { id = "c45485b6-8321-4cf2-bcec-12006df755ff", name = "vault" }
    }
    credential "token" {
      path  = "/api/v1/tokens"
      id    = "a1b2c3d4-0000-4000-8000-000000000001"
      shows = { id = "a1b2c3d4-0000-4000-8000-000000000001", name = "first" }
    }
  }
}
