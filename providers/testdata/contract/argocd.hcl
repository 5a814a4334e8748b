contract "tokens of an account" {
  document   = "argocd.json"
  prefix     = ""
  secret     = "token"
  connection = { base_url = "https://argocd.example", token = "contract-token" }
  role       = { account = "deploy" }

  # An account shows its tokens.
  lists      = ["GET /api/v1/account/{name}"]
  kinds      = { "GET /api/v1/account/{name}" = "token" }
  chosen_ids = ["id"]

  makes_nothing = ["GET /api/v1/session/userinfo"]
}
