exchange "keys that read, behind a second factor" {
  source = "https://docs.deribit.com/articles/security-keys; https://docs.deribit.com/api-reference/account-management/private-create_api_key"
  read   = "2026-11-27"
  connection = {
    client_id = "admin"
    client_secret = "admin-secret"
    totp_seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
  }
  headers = {
    Authorization = "Bearer tok"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /api/v2/public/auth?grant_type=client_credentials&client_id=admin&client_secret=admin-secret"
      headers = {
        Authorization = ""
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        result = {
          access_token = "tok"
          expires_in = 900
          token_type = "bearer"
          scope = "account:read_write"
        }
      }
    }
    trip {
      request = "GET /api/v2/private/list_api_keys"
      status = 200
      answer = {
        jsonrpc = "2.0"
        id = 1
        result = []
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
    }
    trip {
      request = "POST /api/v2/private/create_api_key"
      json = {
        jsonrpc = "2.0"
        id = 1
        method = "private/create_api_key"
        params = {
          name = "aae6f8ceef4495c6"
          max_scope = "account:read wallet:none"
        }
      }
      status = 400
      answer = {
        jsonrpc = "2.0"
        error = {
          code = -32602
          message = "Invalid params"
          data = {
            reason = "wrong format"
            param = "max_scope"
          }
        }
      }
    }
  }

  step "issue" {
    id = "3"
    ends = "never"
    secret = {
      client_id = "1sXMQBhM"
      client_secret = "B6RsF9rr"
    }
    key {
      name = "vault-app-1"
    }
    trip {
      request = "POST /api/v2/private/create_api_key"
      json = {
        jsonrpc = "2.0"
        id = 1
        method = "private/create_api_key"
        params = {
          name = "aae6f8ceef4495c6"
          max_scope = "account:read wallet:none"
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        id = 1
        result = {
          security_key_authorization_required = true
          challenge = "Qb2k"
          security_keys = [
            {
              type = "tfa"
              name = "tfa"
            },
          ]
          rp_id = "www.deribit.com"
        }
      }
    }
    trip {
      request = "POST /api/v2/private/create_api_key"
      json = {
        jsonrpc = "2.0"
        id = 1
        method = "private/create_api_key"
        params = {
          name = "aae6f8ceef4495c6"
          max_scope = "account:read wallet:none"
          challenge = "Qb2k"
          authorization_data = "323977"
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        id = 1
        result = {
          timestamp = 1921572000000
          max_scope = "account:read wallet:none"
          id = 3
          enabled = true
          default = false
          client_secret = "B6RsF9rr"
          client_id = "1sXMQBhM"
          name = "aae6f8ceef4495c6"
          enabled_features = []
        }
      }
    }
  }

  step "find" {
    ids = [
  "3",
]
    key {
      name = "vault-app-1"
    }
    trip {
      request = "GET /api/v2/private/list_api_keys"
      status = 200
      answer = {
        jsonrpc = "2.0"
        id = 1
        result = [
          {
            timestamp = 1921572000000
            max_scope = "account:read wallet:none"
            id = 1
            enabled = true
            default = false
            client_secret = "B6RsF9rr"
            client_id = "1sXMQBhM"
            name = "by_hand"
            enabled_features = []
          },
          {
            timestamp = 1921572000000
            max_scope = "account:read wallet:none"
            id = 3
            enabled = true
            default = false
            client_secret = "B6RsF9rr"
            client_id = "1sXMQBhM"
            name = "aae6f8ceef4495c6"
            enabled_features = []
          },
        ]
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /api/v2/public/auth?grant_type=client_credentials&client_id=1sXMQBhM&client_secret=B6RsF9rr"
      headers = {
        Authorization = ""
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        id = 1
        result = {
          access_token = "t2"
          expires_in = 900
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v2/private/list_api_keys"
      status = 200
      answer = {
        jsonrpc = "2.0"
        id = 1
        result = [
          {
            timestamp = 1921572000000
            max_scope = "account:read wallet:none"
            id = 3
            enabled = true
            default = false
            client_secret = "B6RsF9rr"
            client_id = "1sXMQBhM"
            name = "aae6f8ceef4495c6"
            enabled_features = []
          },
        ]
      }
    }
    trip {
      request = "POST /api/v2/private/remove_api_key"
      json = {
        jsonrpc = "2.0"
        id = 1
        method = "private/remove_api_key"
        params = {
          id = 3
        }
      }
      status = 200
      answer = {
        jsonrpc = "2.0"
        id = 1
        result = "ok"
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v2/private/list_api_keys"
      status = 200
      answer = {
        jsonrpc = "2.0"
        id = 1
        result = []
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /api/v2/public/auth?grant_type=client_credentials&client_id=1sXMQBhM&client_secret=B6RsF9rr"
      headers = {
        Authorization = ""
      }
      status = 400
      answer = {
        jsonrpc = "2.0"
        error = {
          message = "invalid_credentials"
          code = 13004
        }
      }
    }
  }
}
