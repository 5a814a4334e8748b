exchange "keys that sign for private videos" {
  source     = "https://developers.cloudflare.com/api/resources/stream/subresources/keys/"
  read       = "2026-11-28"
  connection = { api_token = "Sn3lZJTBX6kkg7OdcBUAxOO963GEIyGQqnFTOFYY", account_id = "023e105f4ecef8ad9ca31a8372d0c353" }
  headers    = { Authorization = "Bearer Sn3lZJTBX6kkg7OdcBUAxOO963GEIyGQqnFTOFYY" }

  step "check" {
    trip {
      request = "GET /client/v4/accounts/023e105f4ecef8ad9ca31a8372d0c353/stream/keys"
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = [] }
    }
  }
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /client/v4/accounts/023e105f4ecef8ad9ca31a8372d0c353/stream/keys"
      status  = 401
      answer  = { success = false, errors = [{ code = 10000, message = "Authentication error" }], messages = [], result = null }
    }
  }
  step "issue" {
    key { name = "vault-app-1" }
    id     = "5213cfa121f70b8c1380686ffc371ba3"
    secret = { pem = "LS0tLS1CRUdJTi", jwk = "eyJ1c2UiOiJzaWciLCJrdHki", key_id = "5213cfa121f70b8c1380686ffc371ba3" }
    trip {
      request = "POST /client/v4/accounts/023e105f4ecef8ad9ca31a8372d0c353/stream/keys"
      status  = 200
      answer = { success = true, errors = [], messages = [], result = {
        id      = "5213cfa121f70b8c1380686ffc371ba3"
        pem     = "LS0tLS1CRUdJTi"
        jwk     = "eyJ1c2UiOiJzaWciLCJrdHki"
        created = "2021-06-15T21:06:54.763937286Z"
      } }
    }
  }
  step "list" {
    ids = ["5213cfa121f70b8c1380686ffc371ba3"]
    trip {
      request = "GET /client/v4/accounts/023e105f4ecef8ad9ca31a8372d0c353/stream/keys"
      status  = 200
      answer = { success = true, errors = [], messages = [], result = [
        { id = "5213cfa121f70b8c1380686ffc371ba3", created = "2021-06-15T21:06:54.763937286Z" },
      ] }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /client/v4/accounts/023e105f4ecef8ad9ca31a8372d0c353/stream/keys/5213cfa121f70b8c1380686ffc371ba3"
      status  = 200
      answer  = { success = true, errors = [], messages = [], result = "" }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /client/v4/accounts/023e105f4ecef8ad9ca31a8372d0c353/stream/keys/5213cfa121f70b8c1380686ffc371ba3"
      status  = 404
      answer  = { success = false, errors = [{ code = 10003, message = "Not found" }], messages = [], result = null }
    }
  }
}
