contract "a service account for each key" {
  document   = "openai.json"
  secret     = "api_key.value"
  connection = { admin_key = "sk-admin-contract" }
  role       = { project_id = "proj_contract" }

  beyond = {
    # Not an administrator's operation, so the excerpt leaves it out.
    "GET /v1/models" = "https://platform.openai.com/docs/api-reference/models/list"
  }

  rotation {
    credential "admin_key" {
      path  = "/v1/organization/admin_api_keys"
      id    = "key_contract"
      shows = { name = "first", redacted_value = "sk-admin...ract" }
    }
    secrets = { "POST /organization/admin_api_keys" = "value" }
  }
}
