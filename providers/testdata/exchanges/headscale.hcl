exchange "keys that join as one machine, before 0.28" {
  source = "juanfont/headscale:gen/openapiv2/headscale/v1/headscale.swagger.json; answers of Headscale 0.26.1"
  read   = "2026-11-27"
  connection = {
    base_url = "https://headscale.example"
    api_key = "ZDFnLk6.old"
  }
  role = {
    user_id = "1"
    tags = [
      "tag:ci",
    ]
  }
  headers = {
    Authorization = "Bearer ZDFnLk6.old"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /api/v1/apikey"
      status = 200
      answer = {
        apiKeys = [
          {
            id = "1"
            prefix = "ZDFnLk6"
            expiration = "2030-11-22T11:00:00Z"
            createdAt = "2030-11-22T11:00:00Z"
            lastSeen = null
          },
        ]
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v1/apikey"
      status = 401
      answer = "Unauthorized"
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "site1-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v1/preauthkey"
      json = {
        user = "1"
        reusable = false
        ephemeral = false
        expiration = "2030-11-22T11:00:00Z"
        aclTags = [
          "tag:ci",
          "tag:key-site1-app-1",
        ]
      }
      status = 400
      answer = {
        code = 3
        message = "tag should be lowercase"
        details = []
      }
    }
  }

  step "issue" {
    id = "bb46bf"
    secret = {
      auth_key = "bb46bf"
    }
    key {
      name = "site1-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v1/preauthkey"
      json = {
        user = "1"
        reusable = false
        ephemeral = false
        expiration = "2030-11-22T11:00:00Z"
        aclTags = [
          "tag:ci",
          "tag:key-site1-app-1",
        ]
      }
      status = 200
      answer = {
        preAuthKey = {
          user = {
            id = "1"
            name = "ci"
          }
          id = "2"
          key = "bb46bf"
          reusable = false
          ephemeral = false
          used = false
          expiration = "2030-11-22T11:00:00Z"
          createdAt = "2030-11-22T10:00:00.469734487Z"
          aclTags = [
            "tag:key-site1-app-1",
            "tag:ci",
          ]
        }
      }
    }
  }

  step "list" {
    item "bb46bf" {
      name       = "site1-app-1"
      created_at = "2030-11-22T10:00:00.469734487Z"
      saved      = { number = "2" }
    }
    item "aaaa" {
      created_at = "2030-11-22T10:00:00.469734487Z"
      saved      = { number = "3" }
    }
    trip {
      request = "GET /api/v1/preauthkey?user=1"
      status = 200
      answer = {
        preAuthKeys = [
          {
            user = {
              id = "1"
              name = "ci"
            }
            id = "1"
            key = "c7f476"
            reusable = false
            ephemeral = false
            used = false
            expiration = "2030-11-22T09:00:00Z"
            createdAt = "2030-11-22T10:00:00.469734487Z"
            aclTags = [
              "tag:key-ended",
            ]
          },
          {
            user = {
              id = "1"
              name = "ci"
            }
            id = "2"
            key = "bb46bf"
            reusable = false
            ephemeral = false
            used = false
            expiration = "2030-11-22T11:00:00Z"
            createdAt = "2030-11-22T10:00:00.469734487Z"
            aclTags = [
              "tag:key-site1-app-1",
              "tag:ci",
            ]
          },
          {
            user = {
              id = "1"
              name = "ci"
            }
            id = "3"
            key = "aaaa"
            reusable = false
            ephemeral = false
            used = false
            expiration = "2031-01-01T00:00:00Z"
            createdAt = "2030-11-22T10:00:00.469734487Z"
            aclTags = []
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /api/v1/preauthkey/expire"
      json = {
        id = "2"
        user = "1"
        key = "bb46bf"
      }
      status = 200
      answer = {}
    }
  }

  step "rotate" {
    connection = { api_key = "7VAr8Qk.new" }
    key {
      name = "vault-root-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v1/apikey"
      json = {
        expiration = "2030-11-22T11:00:00Z"
      }
      status = 200
      answer = {
        apiKey = "7VAr8Qk.new"
      }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /api/v1/apikey/ZDFnLk6"
      headers = {
        Authorization = "Bearer 7VAr8Qk.new"
      }
      status = 200
      answer = {}
    }
  }
}

exchange "keys that are shown once, since 0.28" {
  source     = "juanfont/headscale:gen/openapiv2/headscale/v1/headscale.swagger.json, hscontrol/grpcv1.go, hscontrol/types/preauth_key.go and api_key.go of 0.29.2"
  read       = "2026-11-28"
  connection = { base_url = "https://headscale.example", api_key = "hskey-api-0123456789ab-old" }
  role       = { user_id = "1", tags = ["tag:ci"] }
  headers    = { Authorization = "Bearer hskey-api-0123456789ab-old" }
  now        = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /api/v1/apikey"
      status  = 200
      answer  = { apiKeys = [{ id = "1", prefix = "hskey-api-0123456789ab-***", expiration = "2031-02-26T10:26:38Z", createdAt = "2030-11-20T10:26:38Z", lastSeen = null }] }
    }
  }
  step "issue" {
    key {
      name       = "site1-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    id     = "2"
    secret = { auth_key = "hskey-auth-ba9876543210-s3cret" }
    trip {
      request = "POST /api/v1/preauthkey"
      json    = { user = "1", reusable = false, ephemeral = false, expiration = "2030-11-22T11:00:00Z", aclTags = ["tag:ci", "tag:key-site1-app-1"] }
      status  = 200
      answer = { preAuthKey = {
        user       = { id = "1", name = "ci" }
        id         = "2"
        key        = "hskey-auth-ba9876543210-s3cret"
        reusable   = false
        ephemeral  = false
        used       = false
        expiration = "2030-11-22T11:00:00Z"
        createdAt  = "2030-11-22T10:00:00.469734487Z"
        aclTags    = ["tag:ci", "tag:key-site1-app-1"]
      } }
    }
  }
  step "list" {
    item "2" {
      name       = "site1-app-1"
      created_at = "2030-11-22T10:00:00.469734487Z"
      saved      = { number = "2" }
    }
    item "c7f476" {
      name       = "site1-app-0"
      created_at = "2030-10-22T10:00:00Z"
      saved      = { number = "3" }
    }
    trip {
      request = "GET /api/v1/preauthkey"
      status  = 200
      answer = { preAuthKeys = [
        { user = { id = "1" }, id = "1", key = "hskey-auth-aaaaaaaaaaaa-***", used = false, expiration = "2030-11-22T09:00:00Z", createdAt = "2030-11-21T10:00:00Z", aclTags = ["tag:key-ended"] },
        { user = { id = "1" }, id = "2", key = "hskey-auth-ba9876543210-***", used = false, expiration = "2030-11-22T11:00:00Z", createdAt = "2030-11-22T10:00:00.469734487Z", aclTags = ["tag:ci", "tag:key-site1-app-1"] },
        { user = { id = "1" }, id = "3", key = "c7f476", used = false, expiration = "2030-11-22T12:00:00Z", createdAt = "2030-10-22T10:00:00Z", aclTags = ["tag:ci", "tag:key-site1-app-0"] },
      ] }
    }
  }
  step "revoke" {
    trip {
      request = "POST /api/v1/preauthkey/expire"
      json    = { id = "2" }
      status  = 200
      answer  = {}
    }
  }
  step "revoke" {
    trip {
      request = "POST /api/v1/preauthkey/expire"
      json    = { id = "2" }
      status  = 404
      answer  = { title = "Not Found", status = 404, detail = "expiring pre-auth key" }
    }
  }
  step "rotate" {
    connection = { api_key = "hskey-api-ba9876543210-new" }
    key {
      name       = "vault-root-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v1/apikey"
      json    = { expiration = "2030-11-22T11:00:00Z" }
      status  = 200
      answer  = { apiKey = "hskey-api-ba9876543210-new" }
    }
  }
  step "retire" {
    trip {
      request = "DELETE /api/v1/apikey/0123456789ab"
      headers = { Authorization = "Bearer hskey-api-ba9876543210-new" }
      status  = 200
      answer  = {}
    }
  }
}
