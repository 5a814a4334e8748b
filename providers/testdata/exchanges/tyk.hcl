exchange "keys of a policy" {
  source = "TykTechnologies/tyk:swagger.yml; https://tyk.io/docs/api-reference/keys/delete-a-key"
  read   = "2026-11-27"
  connection = {
    base_url = "https://tyk.example:8080"
    secret = "gw-secret"
    org_id = "5e9d"
  }
  role = {
    policies = [
      "5ead",
    ]
  }
  headers = {
    X-Tyk-Authorization = "gw-secret"
  }

  step "check" {
    trip {
      request = "GET /tyk/apis"
      status = 200
      answer = []
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /tyk/apis"
      status = 403
      answer = {
        status = "error"
        message = "Attempted administrative access with invalid or missing key!"
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /tyk/keys"
      json = {
        org_id = "5e9d"
        alias = "vault-app-1"
        apply_policies = [
          "5ead",
        ]
        expires = 1921575600
      }
      status = 400
      answer = {
        status = "error"
        message = "Request malformed"
      }
    }
  }

  step "issue" {
    id = "5e9d20e7f7"
    secret = {
      api_key = "5e9d20e7f7"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /tyk/keys"
      json = {
        org_id = "5e9d"
        alias = "vault-app-1"
        apply_policies = [
          "5ead",
        ]
        expires = 1921575600
      }
      status = 200
      answer = {
        key = "5e9d20e7f7"
        status = "ok"
        action = "added"
        key_hash = "b13d928b"
      }
    }
  }

  step "extend" {
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "PUT /tyk/keys/5e9d20e7f7?suppress_reset=1"
      json = {
        org_id = "5e9d"
        alias = "vault-app-1"
        apply_policies = [
          "5ead",
        ]
        expires = 1921575600
      }
      status = 200
      answer = {
        key = "5e9d20e7f7"
        status = "ok"
        action = "modified"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /tyk/keys/5e9d20e7f7"
      status = 200
      answer = {
        key = "5e9d20e7f7"
        status = "ok"
        action = "deleted"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /tyk/keys/5e9d20e7f7"
      status = 404
      answer = {
        status = "error"
        message = "There is no such key found"
      }
    }
  }
}
