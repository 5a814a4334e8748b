contract "keys of the account" {
  document   = "sendgrid.json"
  secret     = "api_key"
  connection = { api_key = "SG.contract-id.contract-secret" }
  role       = { scopes = ["mail.send"] }

  beyond = {
    # Not an operation on keys, so the excerpt leaves it out.
    "GET /v3/scopes" = "https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions/retrieve-a-list-of-scopes-for-which-this-user-has-access"
  }

  rotation {
    credential "api_key" {
      path  = "/v3/api_keys"
      id    = "contract-id"
      shows = { api_key_id = "contract-id", name = "first", scopes = ["api_keys.create", "2fa_required"] }
    }
  }
}

contract "keys of a subuser" {
  document   = "sendgrid.json"
  secret     = "api_key"
  connection = { api_key = "SG.contract-id.contract-secret", on_behalf_of = "subuser" }
  role       = { scopes = ["mail.send", "alerts.read"] }

  beyond = {
    "GET /v3/scopes" = "https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions/retrieve-a-list-of-scopes-for-which-this-user-has-access"
  }
}
