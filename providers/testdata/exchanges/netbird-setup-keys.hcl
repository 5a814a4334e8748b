exchange "keys for one machine" {
  source = "netbirdio/netbird:shared/management/http/api/openapi.yml"
  read   = "2026-11-28"
  connection = {
    token = "nbp_admin"
  }
  role = {
    auto_groups = [
      "g1",
    ]
  }
  headers = {
    Authorization = "Token nbp_admin"
  }

  step "check" {
    trip {
      request = "GET /api/users/current"
      status = 200
      answer = {
        id = "u0"
        role = "admin"
        is_service_user = true
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/users/current"
      status = 401
      answer = {
        message = "token invalid"
        code = 401
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-23T10:00:00Z"
      ttl = 86400
    }
    trip {
      request = "POST /api/setup-keys"
      json = {
        name = "vault-app-1"
        type = "one-off"
        expires_in = 86400
        auto_groups = [
          "g1",
        ]
        usage_limit = 1
        ephemeral = true
      }
      status = 422
      answer = {
        message = "setup key type must be reusable or one-off"
        code = 422
      }
    }
  }

  step "issue" {
    id = "2531583362"
    secret = {
      setup_key = "A616097E-FCF0-48FA-9354-CA4A61142761"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-23T10:00:00Z"
      ttl = 86400
    }
    trip {
      request = "POST /api/setup-keys"
      json = {
        name = "vault-app-1"
        type = "one-off"
        expires_in = 86400
        auto_groups = [
          "g1",
        ]
        usage_limit = 1
        ephemeral = true
      }
      status = 200
      answer = {
        id = "2531583362"
        key = "A616097E-FCF0-48FA-9354-CA4A61142761"
        name = "vault-app-1"
        expires = "2030-11-23T10:00:00Z"
        type = "one-off"
        valid = true
        revoked = false
        used_times = 0
        state = "valid"
      }
    }
  }

  step "list" {
    item "1" {
      name         = "by hand"
      last_used_at = "2030-11-22T10:05:00.5Z"
    }
    item "2531583362" {
      name         = "vault-app-1"
      last_used_at = "never"
    }
    trip {
      request = "GET /api/setup-keys"
      status = 200
      answer = [
        {
          id = "1"
          key = "A6160****"
          name = "by hand"
          used_times = 2
          last_used = "2030-11-22T10:05:00.5Z"
        },
        {
          id = "2531583362"
          key = "A6160****"
          name = "vault-app-1"
          used_times = 0
          last_used = "0001-01-01T00:00:00Z"
        },
      ]
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/setup-keys/2531583362"
      status = 200
      answer = {}
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/setup-keys/2531583362"
      status = 404
      answer = {
        message = "setup key not found"
        code = 404
      }
    }
  }
}
