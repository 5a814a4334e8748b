exchange "keys with a permission" {
  source = "unkeyed/unkey:svc/api/openapi/openapi-generated.yaml"
  read   = "2026-11-27"
  connection = {
    root_key = "unkey_admin"
    api_id = "api_1234abcd"
  }
  role = {
    permissions = [
      "documents.read",
    ]
    credits = 1000
  }

  step "check" {
    trip {
      request = "POST /v2/apis.getApi"
      json = {
        apiId = "api_1234abcd"
      }
      status = 200
      answer = {
        meta = {
          requestId = "req_1"
        }
        data = {
          id = "api_1234abcd"
          name = "mine"
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "POST /v2/apis.getApi"
      json = {
        apiId = "api_1234abcd"
      }
      status = 401
      answer = {
        meta = {
          requestId = "req_2"
        }
        error = {
          status = 401
          title = "Unauthorized"
          detail = "The root key is invalid."
          type = "about:blank"
        }
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
      request = "POST /v2/keys.createKey"
      json = {
        apiId = "api_1234abcd"
        name = "vault-app-1"
        permissions = [
          "documents.read",
        ]
        roles = []
        expires = 1921575600000
        credits = {
          remaining = 1000
        }
      }
      status = 400
      answer = {
        meta = {
          requestId = "req_2"
        }
        error = {
          status = 400
          title = "Bad Request"
          detail = "One or more fields failed validation"
          type = "about:blank"
        }
      }
    }
  }

  step "issue" {
    id = "key_2cGKbMxRyIzhCxo1Idjz8q"
    secret = {
      api_key = "prod_2cGKbMxRjIzhCxo1IdjH3arELti7Sdyc8w6XYbvtcyuBowPT"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v2/keys.createKey"
      json = {
        apiId = "api_1234abcd"
        name = "vault-app-1"
        permissions = [
          "documents.read",
        ]
        roles = []
        expires = 1921575600000
        credits = {
          remaining = 1000
        }
      }
      status = 200
      answer = {
        meta = {
          requestId = "req_1"
        }
        data = {
          keyId = "key_2cGKbMxRyIzhCxo1Idjz8q"
          key = "prod_2cGKbMxRjIzhCxo1IdjH3arELti7Sdyc8w6XYbvtcyuBowPT"
        }
      }
    }
  }

  step "list" {
    item "key_other" {
      created_at   = "2026-01-01T00:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "key_2cGKbMxRyIzhCxo1Idjz8q" {
      name       = "vault-app-1"
      created_at = "2030-11-22T10:00:00Z"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v2/apis.listKeys"
      json = {
        apiId = "api_1234abcd"
        limit = 100
      }
      status = 200
      answer = {
        meta = {
          requestId = "req_1"
        }
        data = [
          {
            keyId = "key_other"
            start = "prod_"
            enabled = true
            createdAt = 1767225600000
            lastUsedAt = 1921572300000
          },
        ]
        pagination = {
          cursor = "c2"
          hasMore = true
        }
      }
    }
    trip {
      request = "POST /v2/apis.listKeys"
      json = {
        apiId = "api_1234abcd"
        limit = 100
        cursor = "c2"
      }
      status = 200
      answer = {
        meta = {
          requestId = "req_1"
        }
        data = [
          {
            keyId = "key_2cGKbMxRyIzhCxo1Idjz8q"
            start = "prod_2cG"
            enabled = true
            name = "vault-app-1"
            createdAt = 1921572000000
            expires = 1921575600000
          },
        ]
        pagination = {
          hasMore = false
        }
      }
    }
  }

  step "extend" {
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v2/keys.updateKey"
      json = {
        keyId = "key_2cGKbMxRyIzhCxo1Idjz8q"
        expires = 1921575600000
      }
      status = 200
      answer = {
        meta = {
          requestId = "req_1"
        }
        data = {}
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /v2/keys.deleteKey"
      json = {
        keyId = "key_2cGKbMxRyIzhCxo1Idjz8q"
        permanent = true
      }
      status = 200
      answer = {
        meta = {
          requestId = "req_1"
        }
        data = {}
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /v2/keys.deleteKey"
      json = {
        keyId = "key_2cGKbMxRyIzhCxo1Idjz8q"
        permanent = true
      }
      status = 404
      answer = {
        meta = {
          requestId = "req_2"
        }
        error = {
          status = 404
          title = "Not Found"
          detail = "The requested key does not exist."
          type = "about:blank"
        }
      }
    }
  }
}
