exchange "rotation of both keys" {
  source     = "DataDog/datadog-api-client-go:.generator/schemas/v2/openapi.yaml, its examples"
  read       = "2026-11-22"
  document   = "datadog-v2.json"
  prefix     = ""
  connection = { api_key = "api-key-1-abcd", application_key = "application-key-1-efgh" }
  headers    = { DD-API-KEY = "api-key-1-abcd", DD-APPLICATION-KEY = "application-key-1-efgh" }

  # The second key is refused, so the first is taken back.
  step "rotate" {
    fails = "refused"
    key { name = "vault-root-0" }
    trip {
      request = "GET /api/v2/api_keys?page[size]=100&sort=-created_at"
      status  = 200
      answer  = { data = [{ id = "api-1", type = "api_keys", attributes = { name = "admin", last4 = "abcd" } }] }
    }
    trip {
      request = "GET /api/v2/current_user/application_keys?page[size]=100&sort=-created_at"
      status  = 200
      answer  = { data = [{ id = "app-1", type = "application_keys", attributes = { name = "admin", last4 = "efgh", scopes = null } }] }
    }
    trip {
      request = "POST /api/v2/api_keys"
      json    = { data = { type = "api_keys", attributes = { name = "vault-root-0" } } }
      status  = 201
      answer  = { data = { id = "api-2", type = "api_keys", attributes = { name = "vault-root-0", key = "api-key-2-ijkl" } } }
    }
    trip {
      request = "POST /api/v2/current_user/application_keys"
      json    = { data = { type = "application_keys", attributes = { name = "vault-root-0" } } }
      status  = 403
      answer  = { errors = ["Forbidden"] }
    }
    trip {
      request = "DELETE /api/v2/api_keys/api-2"
      status  = 204
    }
  }

  # A crash may have left either of the two.
  step "stray" {
    strays = 2
    key { name = "vault-root-0" }
    trip {
      request = "GET /api/v2/current_user/application_keys?page[number]=0&page[size]=100"
      status  = 200
      answer  = { data = [{ id = "app-1", attributes = { name = "admin" } }, { id = "app-0", attributes = { name = "vault-root-0" } }] }
    }
    trip {
      request = "GET /api/v2/current_user/application_keys?page[number]=1&page[size]=100"
      status  = 200
      answer  = { data = [] }
    }
    trip {
      request = "GET /api/v2/api_keys?page[number]=0&page[size]=100"
      status  = 200
      answer  = { data = [{ id = "api-1", attributes = { name = "admin" } }, { id = "api-0", attributes = { name = "vault-root-0" } }] }
    }
    trip {
      request = "GET /api/v2/api_keys?page[number]=1&page[size]=100"
      status  = 200
      answer  = { data = [] }
    }
    trip {
      request = "DELETE /api/v2/current_user/application_keys/app-0"
      status  = 204
    }
    trip {
      request = "DELETE /api/v2/api_keys/api-0"
      status  = 404
      answer  = { errors = ["API key not found"] }
    }
  }

  step "rotate" {
    connection = { api_key = "api-key-2-ijkl", application_key = "application-key-2-mnop" }
    key { name = "vault-root-1" }
    trip {
      request = "GET /api/v2/api_keys?page[size]=100&sort=-created_at"
      status  = 200
      answer  = { data = [{ id = "api-1", attributes = { name = "admin", last4 = "abcd" } }, { id = "api-9", attributes = { name = "other", last4 = "zzzz" } }] }
    }
    trip {
      request = "GET /api/v2/current_user/application_keys?page[size]=100&sort=-created_at"
      status  = 200
      answer  = { data = [{ id = "app-1", attributes = { name = "admin", last4 = "efgh", scopes = ["api_keys_write", "user_app_keys"] } }] }
    }
    trip {
      request = "POST /api/v2/api_keys"
      json    = { data = { type = "api_keys", attributes = { name = "vault-root-1" } } }
      status  = 201
      answer  = { data = { id = "api-2", type = "api_keys", attributes = { name = "vault-root-1", key = "api-key-2-ijkl" } } }
    }
    trip {
      request = "POST /api/v2/current_user/application_keys"
      json    = { data = { type = "application_keys", attributes = { name = "vault-root-1", scopes = ["api_keys_write", "user_app_keys"] } } }
      status  = 201
      answer  = { data = { id = "app-2", type = "application_keys", attributes = { name = "vault-root-1", key = "application-key-2-mnop" } } }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /api/v2/current_user/application_keys/app-1"
      headers = { DD-API-KEY = "api-key-2-ijkl", DD-APPLICATION-KEY = "application-key-2-mnop" }
      status  = 204
    }
    trip {
      request = "DELETE /api/v2/api_keys/api-1"
      headers = { DD-API-KEY = "api-key-2-ijkl", DD-APPLICATION-KEY = "application-key-2-mnop" }
      status  = 204
    }
  }
}
