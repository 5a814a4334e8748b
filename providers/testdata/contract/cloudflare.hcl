# The document is of 2024 and has the tokens of users only; exchanges/cloudflare.hcl
# has those of accounts.
contract "user tokens" {
  document   = "cloudflare.json"
  secret     = "result.value"
  lacks      = ["last_used_at"]
  connection = { api_token = "contract-token" }
  role = {
    policies = [{
      effect            = "allow"
      permission_groups = [{ id = "c8fed203ed3043cba015a93ad1616f1f" }]
      resources         = { "com.cloudflare.api.account.zone.22b1de5f1c0e4b3ea97bb1e963b06a43" = "*" }
    }]
  }
  # One schema of permission groups serves requests and answers; a request names
  # them by the very id that it marks as read only.
  ignore_read_only = true

  # The document leaves results open: "object". Its iam_token is what they are.
  fill = {
    "POST /user/tokens" = { "result" = "iam_token" }
    "GET /user/tokens"  = { "result[]" = "iam_token" }
  }

  # It replaces the value of a token, by the token's id.
  updates = ["PUT /user/tokens/{token_id}/value"]

  rotation {
    credential "api_token" {
      path  = "/client/v4/user/tokens"
      id    = "ed17574386854bf78a67040be0a770b0"
      shows = { name = "first", status = "active" }
    }
    secrets = { "PUT /user/tokens/{token_id}/value" = "result" }
    whoami  = ["GET /user/tokens/verify"]
  }
}
