exchange "keys that read" {
  source = "tiagosiebler/bitget-api:src/rest-client-v3.ts, src/util/BaseRestClient.ts; https://www.bitget.com/api-doc/uta/account/sub-account/SubAccount-API-Create, SubAccount-API-Get (signatures computed apart, with Python's hmac)"
  read   = "2026-11-28"
  connection = {
    api_key = "admin-key"
    secret_key = "admin-secret"
    passphrase = "admin-phrase"
  }
  role = {
    sub_uid = "1234567890"
    ips = [
      "198.51.100.7",
    ]
  }
  headers = {
    ACCESS-KEY = "admin-key"
    ACCESS-PASSPHRASE = "admin-phrase"
    ACCESS-TIMESTAMP = "1921572000000"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /api/v3/account/settings"
      status = 200
      answer = {
        code = "00000"
        msg = "success"
        requestTime = 1921572000000
        data = {
          uid = "1"
          accountMode = "unified"
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v3/account/settings"
      status = 400
      answer = {
        code = "40009"
        msg = "sign signature error"
        requestTime = 1921572000000
        data = null
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
      request = "POST /api/v3/user/create-sub-api"
      json = {
        subUid = "1234567890"
        note = "vault-app-1"
        type = "read_only"
        passphrase = "1621a73e4dbefc09ef9f5ef4afbfb9ca"
        permissions = [
          "uta_mgt",
        ]
        ips = [
          "198.51.100.7",
        ]
      }
      status = 200
      answer = {
        code = "40017"
        msg = "Parameter verification failed"
        requestTime = 1
        data = null
      }
    }
  }

  step "issue" {
    fails = "unknown"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v3/user/create-sub-api"
      json = {
        subUid = "1234567890"
        note = "vault-app-1"
        type = "read_only"
        passphrase = "1621a73e4dbefc09ef9f5ef4afbfb9ca"
        permissions = [
          "uta_mgt",
        ]
        ips = [
          "198.51.100.7",
        ]
      }
      status = 200
      answer = {
        code = "40725"
        msg = "service return an error"
        requestTime = 1
        data = null
      }
    }
  }

  step "issue" {
    id = "bg_new"
    secret = {
      api_key = "bg_new"
      secret_key = "5d0c8a"
      passphrase = "1621a73e4dbefc09ef9f5ef4afbfb9ca"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v3/user/create-sub-api"
      json = {
        subUid = "1234567890"
        note = "vault-app-1"
        type = "read_only"
        passphrase = "1621a73e4dbefc09ef9f5ef4afbfb9ca"
        permissions = [
          "uta_mgt",
        ]
        ips = [
          "198.51.100.7",
        ]
      }
      status = 200
      answer = {
        code = "00000"
        msg = "success"
        requestTime = 1921572000000
        data = {
          apiKey = "bg_new"
          note = "vault-app-1"
          type = "read_only"
          permissions = [
            "uta_mgt",
          ]
          ips = []
          secret = "5d0c8a"
        }
      }
    }
  }

  step "list" {
    ids = [
  "bg_other",
  "bg_new",
]
    trip {
      request = "GET /api/v3/user/sub-api-list?limit=100&subUid=1234567890"
      headers = {
        ACCESS-KEY = "admin-key"
        ACCESS-PASSPHRASE = "admin-phrase"
        ACCESS-TIMESTAMP = "1921572000000"
        ACCESS-SIGN = "QG7qovGsg3WWBtXn/pJvhh4/xQi/de3W22vJnjIHIuY="
      }
      status = 200
      answer = {
        code = "00000"
        msg = "success"
        requestTime = 1921572000000
        data = {
          items = [
            {
              apiKey = "bg_other"
              note = "by hand"
              type = "read_only"
              permissions = [
                "uta_mgt",
              ]
              ips = []
            },
          ]
          hasNext = true
          cursor = "17"
        }
      }
    }
    trip {
      request = "GET /api/v3/user/sub-api-list?cursor=17&limit=100&subUid=1234567890"
      status = 200
      answer = {
        code = "00000"
        msg = "success"
        requestTime = 1921572000000
        data = {
          items = [
            {
              apiKey = "bg_new"
              note = "vault-app-1"
              type = "read_only"
              permissions = [
                "uta_mgt",
              ]
              ips = []
            },
          ]
          hasNext = false
          cursor = "18"
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v3/user/sub-api-list?limit=100&subUid=1234567890"
      status = 200
      answer = {
        code = "00000"
        msg = "success"
        requestTime = 1921572000000
        data = {
          items = [
            {
              apiKey = "bg_other"
              note = "by hand"
              type = "read_only"
              permissions = [
                "uta_mgt",
              ]
              ips = []
            },
            {
              apiKey = "bg_new"
              note = "vault-app-1"
              type = "read_only"
              permissions = [
                "uta_mgt",
              ]
              ips = []
            },
          ]
          hasNext = false
          cursor = ""
        }
      }
    }
    trip {
      request = "POST /api/v3/user/delete-sub-api"
      json = {
        apiKey = "bg_new"
      }
      status = 200
      answer = {
        code = "00000"
        msg = "success"
        requestTime = 1921572000000
        data = null
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v3/user/sub-api-list?limit=100&subUid=1234567890"
      status = 200
      answer = {
        code = "00000"
        msg = "success"
        requestTime = 1921572000000
        data = {
          items = [
            {
              apiKey = "bg_other"
              note = "by hand"
              type = "read_only"
              permissions = [
                "uta_mgt",
              ]
              ips = []
            },
          ]
          hasNext = false
          cursor = ""
        }
      }
    }
  }
}
