# The answers are as hashicorp/vault v1.21.0 writes them; its OpenAPI document
# leaves them open.

exchange "orphans" {
  source     = "hashicorp/vault:vault/token_store.go and logical_token_test.go @ v1.21.0; https://developer.hashicorp.com/vault/api-docs/auth/token"
  read       = "2026-11-22"
  document   = "vault-token.json"
  prefix     = "/v1"
  connection = { token = "hvs.admin", namespace = "team-a/" }
  role       = { policies = ["app"], meta = { team = "a" } }
  headers    = { X-Vault-Token = "hvs.admin", X-Vault-Namespace = "team-a/" }

  step "check" {
    trip {
      request = "GET /v1/auth/token/lookup-self"
      status  = 200
      answer  = { data = { accessor = "admin-accessor", policies = ["root"], ttl = 0 } }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/auth/token/lookup-self"
      status  = 403
      answer  = { errors = ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"] }
    }
  }

  step "issue" {
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
      ttl        = 3600
    }
    trip {
      request = "POST /v1/auth/token/create-orphan"
      json = {
        display_name = "vault-app-1"
        policies     = ["app"]
        meta         = { team = "a", key_name = "vault-app-1" }
        ttl          = "3600s"
        renewable    = true
        type         = "service"
      }
      status = 200
      answer = {
        request_id     = "5c8f0b9c-7d9a-4e4f-8a53-6a1f1f0e8a10"
        lease_id       = ""
        renewable      = false
        lease_duration = 0
        data           = null
        warnings       = null
        auth = {
          client_token   = "hvs.app-1"
          accessor       = "0e9e354a-520f-df04-6867-ee81cae3d42d"
          policies       = ["app", "default"]
          token_policies = ["app", "default"]
          metadata       = { team = "a", key_name = "vault-app-1" }
          lease_duration = 3600
          renewable      = true
          entity_id      = ""
          token_type     = "service"
          orphan         = true
          num_uses       = 0
        }
      }
    }
    id     = "0e9e354a-520f-df04-6867-ee81cae3d42d"
    secret = { token = "hvs.app-1" }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /v1/auth/token/lookup-self"
      headers = { X-Vault-Token = "hvs.app-1" }
      status  = 200
      answer  = { data = { accessor = "0e9e354a-520f-df04-6867-ee81cae3d42d", ttl = 3590 } }
    }
  }

  step "extend" {
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T12:00:00Z"
      ttl        = 7200
    }
    trip {
      request = "POST /v1/auth/token/renew-accessor"
      json    = { accessor = "0e9e354a-520f-df04-6867-ee81cae3d42d", increment = "7200s" }
      status  = 200
      answer  = { auth = { client_token = "", accessor = "0e9e354a-520f-df04-6867-ee81cae3d42d", lease_duration = 7200, renewable = true } }
    }
  }

  # The server grants less than it was asked for, with a warning.
  step "extend" {
    ends = "2026-12-24T11:00:00Z"
    key {
      name       = "vault-app-1"
      expires_at = "2027-11-22T12:00:00Z"
      ttl        = 31536000
    }
    trip {
      request = "POST /v1/auth/token/renew-accessor"
      json    = { accessor = "0e9e354a-520f-df04-6867-ee81cae3d42d", increment = "31536000s" }
      status  = 200
      answer = {
        warnings = ["TTL of \"8760h\" exceeded the effective max_ttl of \"767h\"; TTL value is capped accordingly"]
        auth     = { client_token = "", accessor = "0e9e354a-520f-df04-6867-ee81cae3d42d", lease_duration = 2761200, renewable = true }
      }
    }
  }

  # The connection's token lacks a permission: the key lives.
  step "revoke" {
    fails = "refused"
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      json    = { accessor = "0e9e354a-520f-df04-6867-ee81cae3d42d" }
      status  = 403
      answer  = { errors = ["1 error occurred:\n\t* permission denied\n\n"] }
    }
  }

  step "revoke" {
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      json    = { accessor = "0e9e354a-520f-df04-6867-ee81cae3d42d" }
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      json    = { accessor = "0e9e354a-520f-df04-6867-ee81cae3d42d" }
      status  = 200
      answer  = { auth = null, data = null, warnings = ["No token found with this accessor"] }
    }
  }

  # Earlier versions.
  step "revoke" {
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      json    = { accessor = "0e9e354a-520f-df04-6867-ee81cae3d42d" }
      status  = 400
      answer  = { errors = ["invalid accessor"] }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /v1/auth/token/lookup-self"
      headers = { X-Vault-Token = "hvs.app-1" }
      status  = 403
      answer  = { errors = ["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"] }
    }
  }

  # A token that may not look itself up is answered this, alive or dead.
  step "probe" {
    trip {
      request = "GET /v1/auth/token/lookup-self"
      headers = { X-Vault-Token = "hvs.app-1" }
      status  = 403
      answer  = { errors = ["1 error occurred:\n\t* permission denied\n\n"] }
    }
  }
}

exchange "against a token role" {
  source     = "https://developer.hashicorp.com/vault/api-docs/auth/token#create-token"
  read       = "2026-11-22"
  document   = "vault-token.json"
  prefix     = "/v1"
  connection = { token = "hvs.admin" }
  role       = { token_role = "ci/jobs" }
  headers    = { X-Vault-Token = "hvs.admin", X-Vault-Namespace = "" }

  step "check" {
    trip {
      request = "GET /v1/auth/token/lookup-self"
      status  = 200
      answer  = { data = { accessor = "admin-accessor" } }
    }
  }

  # A slash in the role's name stays within its one segment of the path.
  step "issue" {
    key {
      name       = "vault-ci-1"
      expires_at = "2026-11-22T11:00:00Z"
      ttl        = 60
    }
    trip {
      request = "POST /v1/auth/token/create/ci%2Fjobs"
      json = {
        display_name = "vault-ci-1"
        meta         = { key_name = "vault-ci-1" }
        ttl          = "60s"
        renewable    = true
        type         = "service"
      }
      status = 200
      answer = { auth = { client_token = "hvs.ci-1", accessor = "accessor-ci-1", lease_duration = 60 } }
    }
    id     = "accessor-ci-1"
    secret = { token = "hvs.ci-1" }
  }

  step "revoke" {
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      json    = { accessor = "accessor-ci-1" }
      status  = 204
    }
  }
}

exchange "no policies but default" {
  source     = "hashicorp/vault:vault/token_store.go @ v1.21.0: without policies a token has those of its parent"
  read       = "2026-11-22"
  document   = "vault-token.json"
  prefix     = "/v1"
  connection = { token = "hvs.admin" }
  role       = { orphan = false }
  headers    = { X-Vault-Token = "hvs.admin" }

  step "check" {
    trip {
      request = "GET /v1/auth/token/lookup-self"
      status  = 200
      answer  = { data = { accessor = "admin-accessor" } }
    }
  }

  step "issue" {
    key {
      name       = "vault-app-2"
      expires_at = "2026-11-22T11:00:00Z"
      ttl        = 60
    }
    trip {
      request = "POST /v1/auth/token/create"
      json = {
        display_name = "vault-app-2"
        policies     = ["default"]
        meta         = { key_name = "vault-app-2" }
        ttl          = "60s"
        renewable    = true
        type         = "service"
      }
      status = 200
      answer = { auth = { client_token = "hvs.app-2", accessor = "accessor-app-2", lease_duration = 60 } }
    }
    id     = "accessor-app-2"
    secret = { token = "hvs.app-2" }
  }

  step "revoke" {
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      json    = { accessor = "accessor-app-2" }
      status  = 204
    }
  }
}

exchange "rotation" {
  source     = "hashicorp/vault:vault/token_store.go @ v1.21.0; https://developer.hashicorp.com/vault/api-docs/auth/token"
  read       = "2026-11-22"
  document   = "vault-token.json"
  prefix     = "/v1"
  connection = { token = "hvs.first", namespace = "team-a/" }
  headers    = { X-Vault-Token = "hvs.first", X-Vault-Namespace = "team-a/" }

  step "rotate" {
    connection = { token = "hvs.second" }
    key { name = "vault-root-1" }
    trip {
      request = "GET /v1/auth/token/lookup-self"
      status  = 200
      answer  = { data = { accessor = "accessor-1", creation_ttl = 2764800, explicit_max_ttl = 0, orphan = true, period = 86400, policies = ["apikeys", "default"] } }
    }
    trip {
      request = "POST /v1/auth/token/create-orphan"
      json = {
        display_name      = "vault-root-1"
        policies          = ["apikeys", "default"]
        no_default_policy = false
        meta              = { key_name = "vault-root-1" }
        ttl               = "2764800s"
        period            = "86400s"
        renewable         = true
        type              = "service"
      }
      status = 200
      answer = { auth = { client_token = "hvs.second", accessor = "accessor-2", orphan = true } }
    }
    trip {
      request = "GET /v1/auth/token/lookup-self"
      headers = { X-Vault-Token = "hvs.second" }
      status  = 200
      answer  = { data = { accessor = "accessor-2", orphan = true } }
    }
  }

  step "retire" {
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      headers = { X-Vault-Token = "hvs.second" }
      json    = { accessor = "accessor-1" }
      status  = 204
    }
  }

  step "retire" {
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      headers = { X-Vault-Token = "hvs.second" }
      json    = { accessor = "accessor-1" }
      status  = 400
      answer  = { errors = ["invalid accessor"] }
    }
  }
}

# The token role makes children, which would end with the old token.
exchange "rotation against a token role" {
  source     = "https://developer.hashicorp.com/vault/api-docs/auth/token#create-token"
  read       = "2026-11-22"
  document   = "vault-token.json"
  prefix     = "/v1"
  connection = { token = "hvs.first", rotation_token_role = "apikeys" }
  headers    = { X-Vault-Token = "hvs.first" }

  step "rotate" {
    fails = "refused"
    key { name = "vault-root-1" }
    trip {
      request = "GET /v1/auth/token/lookup-self"
      status  = 200
      answer  = { data = { accessor = "accessor-1", creation_ttl = 2764800, explicit_max_ttl = 0, orphan = true, period = 86400, policies = ["apikeys", "default"] } }
    }
    trip {
      request = "POST /v1/auth/token/create/apikeys"
      json    = { display_name = "vault-root-1", meta = { key_name = "vault-root-1" }, renewable = true, type = "service" }
      status  = 200
      answer  = { auth = { client_token = "hvs.child", accessor = "accessor-child", orphan = false } }
    }
    trip {
      request = "GET /v1/auth/token/lookup-self"
      headers = { X-Vault-Token = "hvs.child" }
      status  = 200
      answer  = { data = { accessor = "accessor-child", orphan = false } }
    }
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      json    = { accessor = "accessor-child" }
      status  = 204
    }
  }

  step "rotate" {
    connection = { token = "hvs.second" }
    key { name = "vault-root-2" }
    trip {
      request = "GET /v1/auth/token/lookup-self"
      status  = 200
      answer  = { data = { accessor = "accessor-1", creation_ttl = 2764800, explicit_max_ttl = 0, orphan = true, period = 86400, policies = ["apikeys", "default"] } }
    }
    trip {
      request = "POST /v1/auth/token/create/apikeys"
      json    = { display_name = "vault-root-2", meta = { key_name = "vault-root-2" }, renewable = true, type = "service" }
      status  = 200
      answer  = { auth = { client_token = "hvs.second", accessor = "accessor-2", orphan = true } }
    }
    trip {
      request = "GET /v1/auth/token/lookup-self"
      headers = { X-Vault-Token = "hvs.second" }
      status  = 200
      answer  = { data = { accessor = "accessor-2", orphan = true } }
    }
  }

  step "retire" {
    trip {
      request = "POST /v1/auth/token/revoke-accessor"
      headers = { X-Vault-Token = "hvs.second" }
      json    = { accessor = "accessor-1" }
      status  = 200
      answer  = { warnings = ["No token found with this accessor"] }
    }
  }
}
