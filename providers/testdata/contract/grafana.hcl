# Grafana Cloud hands a stack's own API through, below /instances/NAME.
contract "by token" {
  document   = "grafana-cloud.json"
  secret     = "key"
  prefix     = ""
  connection = { base_url = "https://grafana.example/instances/contract", token = "glsa_contract", service_account_id = 3, token_id = 12 }
  role       = { service_account_id = 7 }

  # What the gateway wants for its own logs; a stack does not know it.
  ignore_parameters = ["header x-request-id"]

  beyond = {
    "GET /instances/contract/api/org" = "https://grafana.com/docs/grafana/latest/developers/http_api/org/"
  }

  rotation {
    credential "token" {
      path  = "/instances/contract/api/serviceaccounts/3/tokens"
      id    = "12"
      shows = { id = 12, name = "first" }
    }
  }
}
