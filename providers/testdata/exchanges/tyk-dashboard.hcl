exchange "keys of a policy" {
  source = "https://tyk.io/docs/tyk-apis/tyk-dashboard-api/api-keys; https://tyk.io/docs/api-reference/keys/list-all-the-keys-info"
  read   = "2026-11-27"
  connection = {
    base_url = "https://dashboard.example"
    api_key = "admin"
  }
  role = {
    policies = [
      "5ead",
    ]
  }
  headers = {
    Authorization = "admin"
  }

  step "check" {
    trip {
      request = "GET /api/keys/detailed?p=1"
      status = 200
      answer = {
        keys = []
        pages = 0
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/keys/detailed?p=1"
      status = 401
      answer = {
        Status = "Error"
        Message = "Not authorised"
        Meta = null
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
      request = "POST /api/keys"
      json = {
        alias = "vault-app-1"
        apply_policies = [
          "5ead",
        ]
        expires = 1921575600
      }
      status = 400
      answer = {
        Status = "Error"
        Message = "policy not found"
        Meta = null
      }
    }
  }

  step "issue" {
    id = "b13d928b"
    secret = {
      api_key = "5e9d20e7f7"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/keys"
      json = {
        alias = "vault-app-1"
        apply_policies = [
          "5ead",
        ]
        expires = 1921575600
      }
      status = 200
      answer = {
        api_model = {}
        key_id = "5e9d20e7f7"
        data = {
          alias = "vault-app-1"
          apply_policies = [
            "5ead",
          ]
          expires = 1921575600
        }
        key_hash = "b13d928b"
      }
    }
  }

  step "list" {
    ids = [
  "b13d928b",
  "other",
]
    trip {
      request = "GET /api/keys/detailed?p=1"
      status = 200
      answer = {
        keys = [
          {
            key_id = ""
            key_hash = "b13d928b"
            data = {
              alias = "vault-app-1"
            }
          },
          {
            key_id = "other"
            data = {
              alias = ""
            }
          },
        ]
        pages = 1
      }
    }
    trip {
      request = "GET /api/keys/detailed?p=2"
      status = 200
      answer = {
        keys = []
        pages = 1
      }
    }
  }

  step "extend" {
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T12:00:00Z"
    }
    trip {
      request = "PUT /api/keys/b13d928b?auto_guess=true&suppress_reset=1"
      json = {
        alias = "vault-app-1"
        apply_policies = [
          "5ead",
        ]
        expires = 1921579200
      }
      status = 200
      answer = {
        api_model = {}
        key_id = ""
        key_hash = "b13d928b"
        data = {
          alias = "vault-app-1"
          expires = 1921579200
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/keys/b13d928b?auto_guess=true"
      status = 200
      answer = {
        Status = "OK"
        Message = "Key deleted"
        Meta = null
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/keys/b13d928b?auto_guess=true"
      status = 404
      answer = {
        Status = "Error"
        Message = "Key not found"
        Meta = null
      }
    }
  }
}
