exchange "keys that read" {
  source = "https://docs.coinex.com/api/v2/account/subs/http/create-sub-api, list-sub-api, delete-sub-api; https://docs.coinex.com/api/v2/authorization (signatures computed apart, with Python's hmac)"
  read   = "2026-11-27"
  connection = {
    access_id = "admin-id"
    secret_key = "admin-secret"
  }
  role = {
    sub_user_name = "sub1"
    ips = [
      "198.51.100.7",
    ]
  }
  headers = {
    X-COINEX-KEY = "admin-id"
    X-COINEX-TIMESTAMP = "1921572000000"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /v2/account/info"
      status = 200
      answer = {
        code = 0
        data = {
          uid = 1
        }
        message = "OK"
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v2/account/info"
      status = 200
      answer = {
        code = 4006
        data = {}
        message = "Signature incorrect"
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
      request = "POST /v2/account/subs/api"
      json = {
        sub_user_name = "sub1"
        ip_whitelist = [
          "198.51.100.7",
        ]
        trade_enabled = false
        remark = "vault-app-1"
      }
      status = 200
      answer = {
        code = 3639
        data = {}
        message = "Invalid Parameter"
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
      request = "POST /v2/account/subs/api"
      json = {
        sub_user_name = "sub1"
        ip_whitelist = [
          "198.51.100.7",
        ]
        trade_enabled = false
        remark = "vault-app-1"
      }
      status = 200
      answer = {
        code = 4002
        data = {}
        message = "Service timeout"
      }
    }
  }

  step "issue" {
    id = "554"
    ends = "never"
    secret = {
      access_id = "ACCESS"
      secret_key = "S3CRET"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /v2/account/subs/api"
      json = {
        sub_user_name = "sub1"
        ip_whitelist = [
          "198.51.100.7",
        ]
        trade_enabled = false
        remark = "vault-app-1"
      }
      status = 200
      answer = {
        code = 0
        data = {
          api_id = 554
          created_at = 1921572000000
          access_id = "ACCESS"
          ip_whitelist = [
            "198.51.100.7",
          ]
          trade_enabled = false
          withdraw_enabled = false
          is_expired = false
          expires_at = 0
          remark = "vault-app-1"
          secret_key = "S3CRET"
        }
        message = "OK"
      }
    }
  }

  step "list" {
    ids = [
  "12",
  "554",
]
    trip {
      request = "GET /v2/account/subs/api?limit=100&page=1&sub_user_name=sub1"
      headers = {
        X-COINEX-KEY = "admin-id"
        X-COINEX-TIMESTAMP = "1921572000000"
        X-COINEX-SIGN = "86a67836d1e416adba7af38319b15eab8e1e58e7f9960675a4cf21da86a9412a"
      }
      status = 200
      answer = {
        code = 0
        data = [
          {
            api_id = 12
            created_at = 1642145331234
            access_id = "OTHER"
            ip_whitelist = []
            trade_enabled = true
            withdraw_enabled = false
            is_expired = false
            expires_at = 0
            remark = "by hand"
          },
        ]
        message = "OK"
        pagination = {
          total = 2
          has_next = true
        }
      }
    }
    trip {
      request = "GET /v2/account/subs/api?limit=100&page=2&sub_user_name=sub1"
      status = 200
      answer = {
        code = 0
        data = [
          {
            api_id = 554
            created_at = 1921572000000
            access_id = "ACCESS"
            ip_whitelist = [
              "198.51.100.7",
            ]
            trade_enabled = false
            withdraw_enabled = false
            is_expired = false
            expires_at = 0
            remark = "vault-app-1"
          },
        ]
        message = "OK"
        pagination = {
          total = 2
          has_next = false
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /v2/account/subs/api?limit=100&page=1&sub_user_name=sub1"
      status = 200
      answer = {
        code = 0
        data = [
          {
            api_id = 12
            created_at = 1642145331234
            access_id = "OTHER"
            ip_whitelist = []
            trade_enabled = true
            withdraw_enabled = false
            is_expired = false
            expires_at = 0
            remark = "by hand"
          },
          {
            api_id = 554
            created_at = 1921572000000
            access_id = "ACCESS"
            ip_whitelist = [
              "198.51.100.7",
            ]
            trade_enabled = false
            withdraw_enabled = false
            is_expired = false
            expires_at = 0
            remark = "vault-app-1"
          },
        ]
        message = "OK"
        pagination = {
          total = 2
          has_next = false
        }
      }
    }
    trip {
      request = "POST /v2/account/subs/delete-api"
      json = {
        api_id = 554
      }
      status = 200
      answer = {
        code = 0
        data = {}
        message = "OK"
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /v2/account/subs/api?limit=100&page=1&sub_user_name=sub1"
      status = 200
      answer = {
        code = 0
        data = [
          {
            api_id = 12
            created_at = 1642145331234
            access_id = "OTHER"
            ip_whitelist = []
            trade_enabled = true
            withdraw_enabled = false
            is_expired = false
            expires_at = 0
            remark = "by hand"
          },
        ]
        message = "OK"
        pagination = {
          total = 1
          has_next = false
        }
      }
    }
  }
}
