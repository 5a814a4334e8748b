contract "application keys of a service account" {
  document   = "datadog-v2.json"
  secret     = "data.attributes.key"
  connection = { api_key = "contract-api-key", application_key = "contract-application-key" }
  role       = { service_account_id = "00000000-0000-1234-0000-000000000000", scopes = ["dashboards_read"] }

  rotation {
    credential "api_key" {
      path  = "/api/v2/api_keys"
      id    = "contract-api-key-id"
      shows = { last4 = "-key", name = "first" }
    }
    credential "application_key" {
      path  = "/api/v2/current_user/application_keys"
      id    = "contract-application-key-id"
      shows = { last4 = "-key", name = "first" }
    }
  }
}

contract "application keys of the user" {
  document   = "datadog-v2.json"
  secret     = "data.attributes.key"
  connection = { api_key = "contract-api-key", application_key = "contract-application-key", site = "datadoghq.eu" }
  role       = { scopes = ["dashboards_read"] }
}

contract "API keys" {
  document   = "datadog-v2.json"
  secret     = "data.attributes.key"
  connection = { api_key = "contract-api-key", application_key = "contract-application-key" }
  role       = { kind = "api_key" }
}
