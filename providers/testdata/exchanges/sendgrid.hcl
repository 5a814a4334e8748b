exchange "rotation" {
  source     = "twilio/sendgrid-oai:spec/json/tsg_api_keys_v3.json, its examples"
  read       = "2026-11-22"
  document   = "sendgrid.json"
  prefix     = ""
  connection = { api_key = "SG.qfTQ6KG0QBiwWdJ0-pCLCA.old", on_behalf_of = "subuser" }
  role       = { scopes = ["mail.send"] }
  headers    = { Authorization = "Bearer SG.qfTQ6KG0QBiwWdJ0-pCLCA.old", On-Behalf-Of = "subuser" }

  step "stray" {
    strays = 1
    key { name = "vault-root-0" }
    trip {
      request = "GET /v3/api_keys"
      status  = 200
      answer  = { result = [{ name = "admin", api_key_id = "qfTQ6KG0QBiwWdJ0-pCLCA" }, { name = "vault-root-0", api_key_id = "lost" }] }
    }
    trip {
      request = "DELETE /v3/api_keys/lost"
      status  = 204
    }
  }

  # As the description has it, and then as the service is said to answer.
  step "rotate" {
    connection = { api_key = "SG.second.value" }
    key { name = "vault-root-1" }
    trip {
      request = "GET /v3/api_keys/qfTQ6KG0QBiwWdJ0-pCLCA"
      status  = 200
      answer  = { result = [{ api_key_id = "qfTQ6KG0QBiwWdJ0-pCLCA", name = "admin", scopes = ["mail.send", "api_keys.create", "sender_verification_eligible", "sender_verification_legacy", "2fa_required"] }] }
    }
    trip {
      request = "POST /v3/api_keys"
      json    = { name = "vault-root-1", scopes = ["mail.send", "api_keys.create"] }
      status  = 201
      answer  = { api_key = "SG.second.value", api_key_id = "second", name = "vault-root-1", scopes = ["mail.send", "api_keys.create"] }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /v3/api_keys/qfTQ6KG0QBiwWdJ0-pCLCA"
      headers = { Authorization = "Bearer SG.second.value" }
      status  = 204
    }
  }

  step "rotate" {
    connection = { api_key = "SG.third.value" }
    key { name = "vault-root-2" }
    trip {
      request = "GET /v3/api_keys/second"
      headers = { Authorization = "Bearer SG.second.value" }
      status  = 200
      answer  = { api_key_id = "second", name = "vault-root-1", scopes = ["mail.send", "api_keys.create"] }
    }
    trip {
      request = "POST /v3/api_keys"
      headers = { Authorization = "Bearer SG.second.value" }
      json    = { name = "vault-root-2", scopes = ["mail.send", "api_keys.create"] }
      status  = 201
      answer  = { api_key = "SG.third.value", api_key_id = "third", name = "vault-root-2" }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /v3/api_keys/second"
      headers = { Authorization = "Bearer SG.third.value" }
      status  = 404
      answer  = { errors = [{ field = null, message = "unable to find API Key" }] }
    }
  }
}

# Without scopes the new key would have full access.
exchange "rotation without knowing the scopes" {
  source     = "twilio/sendgrid-oai:spec/json/tsg_api_keys_v3.json"
  read       = "2026-11-22"
  document   = "sendgrid.json"
  prefix     = ""
  connection = { api_key = "SG.own.value" }
  role       = { scopes = ["mail.send"] }
  headers    = { Authorization = "Bearer SG.own.value" }

  step "rotate" {
    fails = "refused"
    key { name = "vault-root-1" }
    trip {
      request = "GET /v3/api_keys/own"
      status  = 200
      answer  = { result = [] }
    }
  }

  step "rotate" {
    connection = { api_key = "SG.second.value" }
    key { name = "vault-root-1" }
    trip {
      request = "GET /v3/api_keys/own"
      status  = 200
      answer  = { scopes = ["api_keys.create"] }
    }
    trip {
      request = "POST /v3/api_keys"
      json    = { name = "vault-root-1", scopes = ["api_keys.create"] }
      status  = 201
      answer  = { api_key = "SG.second.value", api_key_id = "second" }
    }
  }

  # What could not be removed is not gone.
  step "retire" {
    fails = "refused"
    trip {
      request = "DELETE /v3/api_keys/own"
      headers = { Authorization = "Bearer SG.second.value" }
      status  = 403
      answer  = { errors = [{ field = null, message = "access forbidden" }] }
    }
  }

  step "stray" {
    key { name = "vault-root-1x" }
    trip {
      request = "GET /v3/api_keys"
      headers = { Authorization = "Bearer SG.second.value" }
      status  = 200
      answer  = { result = [{ name = "vault-root-1", api_key_id = "second" }] }
    }
  }
}
