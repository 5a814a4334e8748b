# Grafana Cloud hands a stack's own API through, below /instances/NAME.
contract "by token" {
  document   = "grafana-cloud.json"
  secret     = "key"
  prefix     = ""
  connection = { base_url = "https://grafana.example/instances/contract", token = "glsa_contract" }
  role       = { service_account_id = 7 }

  # What the gateway wants for its own logs; a stack does not know it.
  ignore_parameters = ["header x-request-id"]

  beyond = {
    "GET /instances/contract/api/org" = "https://grafana.com/docs/grafana/latest/developers/http_api/org/"
  }
}
