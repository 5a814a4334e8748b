exchange "keys that join as one machine" {
  source = "juanfont/headscale:gen/openapiv2/headscale/v1/headscale.swagger.json; answers of Headscale 0.26.1"
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
    ids = [
  "bb46bf",
  "aaaa",
]
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
