contract "application keys of a service account" {
  document   = "datadog-v2.json"
  secret     = "data.attributes.key"
  connection = { api_key = "contract-api-key", application_key = "contract-application-key" }
  role       = { service_account_id = "00000000-0000-1234-0000-000000000000", scopes = ["dashboards_read"] }
}

contract "application keys of the user" {
  document   = "datadog-v2.json"
  secret     = "data.attributes.key"
  connection = { api_key = "contract-api-key", application_key = "contract-application-key", site = "datadoghq.eu" }
}

contract "API keys" {
  document   = "datadog-v2.json"
  secret     = "data.attributes.key"
  connection = { api_key = "contract-api-key", application_key = "contract-application-key" }
  role       = { kind = "api_key" }
}
