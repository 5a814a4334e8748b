exchange "rotation" {
  source     = "https://grafana.com/docs/grafana/latest/developers/http_api/serviceaccount/"
  read       = "2026-11-22"
  connection = { token = "glsa_first", service_account_id = "7", token_id = "21" }
  role       = { service_account_id = "9" }
  headers    = { Authorization = "Bearer glsa_first" }

  step "stray" {
    strays = 1
    key { name = "vault-root-0" }
    trip {
      request = "GET /api/serviceaccounts/7/tokens"
      status  = 200
      answer  = [{ id = 21, name = "admin", created = "2026-11-22T10:00:00Z" }, { id = 22, name = "vault-root-0", created = "2026-11-22T10:00:00Z" }]
    }
    trip {
      request = "DELETE /api/serviceaccounts/7/tokens/22"
      status  = 200
      answer  = { message = "Service account token deleted" }
    }
  }

  step "rotate" {
    connection = { token = "glsa_second", token_id = "23" }
    key { name = "vault-root-1" }
    trip {
      request = "POST /api/serviceaccounts/7/tokens"
      json    = { name = "vault-root-1" }
      status  = 200
      answer  = { id = 23, name = "vault-root-1", key = "glsa_second" }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /api/serviceaccounts/7/tokens/21"
      headers = { Authorization = "Bearer glsa_second" }
      status  = 200
      answer  = { message = "Service account token deleted" }
    }
  }

  step "rotate" {
    connection = { token = "glsa_third", token_id = "24" }
    key { name = "vault-root-2" }
    trip {
      request = "POST /api/serviceaccounts/7/tokens"
      headers = { Authorization = "Bearer glsa_second" }
      json    = { name = "vault-root-2" }
      status  = 200
      answer  = { id = 24, name = "vault-root-2", key = "glsa_third" }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /api/serviceaccounts/7/tokens/23"
      headers = { Authorization = "Bearer glsa_third" }
      status  = 404
      answer  = { message = "Failed to delete service account token: service account token not found" }
    }
  }
}

# Whoever wrote the connection did not say which token it is.
exchange "rotation of a token of unknown number" {
  source     = "https://grafana.com/docs/grafana/latest/developers/http_api/serviceaccount/"
  read       = "2026-11-22"
  connection = { token = "glsa_first", service_account_id = "7" }
  role       = { service_account_id = "9" }
  headers    = { Authorization = "Bearer glsa_first" }

  step "rotate" {
    connection = { token = "glsa_second", token_id = "23" }
    key { name = "vault-root-1" }
    trip {
      request = "POST /api/serviceaccounts/7/tokens"
      json    = { name = "vault-root-1" }
      status  = 200
      answer  = { id = 23, name = "vault-root-1", key = "glsa_second" }
    }
  }

  step "retire" { by_hand = true }

  step "stray" {
    key { name = "vault-root-9" }
    trip {
      request = "GET /api/serviceaccounts/7/tokens"
      headers = { Authorization = "Bearer glsa_second" }
      status  = 200
      answer  = [{ id = 23, name = "vault-root-1" }]
    }
  }
}
