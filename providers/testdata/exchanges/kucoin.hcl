exchange "keys that read" {
  source = "Kucoin/kucoin-universal-sdk:spec/rest/entry/openapi-account.json, sdk/golang/internal/infra/default_signer.go (signatures computed apart, with Python's hmac)"
  read   = "2026-11-27"
  connection = {
    api_key = "admin-key"
    secret_key = "admin-secret"
    passphrase = "admin-phrase"
  }
  document = "kucoin.json"
  role = {
    sub_name = "sub1"
  }
  headers = {
    KC-API-KEY = "admin-key"
    KC-API-TIMESTAMP = "1921572000000"
    KC-API-KEY-VERSION = "3"
    KC-API-PASSPHRASE = "ho76UoIps7zlXwImCZk6TZzRhAavYQsk6i002h15paI="
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /api/v1/user/api-key"
      status = 200
      answer = {
        code = "200000"
        data = {
          remark = "admin"
          apiKey = "admin-key"
          isMaster = true
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v1/user/api-key"
      status = 200
      answer = {
        code = "400005"
        msg = "Signature error"
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-12-22T10:00:00Z"
      ttl = 2592000
    }
    trip {
      request = "POST /api/v1/sub/api-key"
      json = {
        subName = "sub1"
        remark = "vault-app-1"
        passphrase = "QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd"
        permission = "General"
        expire = "30"
      }
      status = 200
      answer = {
        code = "260200"
        msg = "sub account not exist"
      }
    }
  }

  step "issue" {
    fails = "unknown"
    key {
      name = "vault-app-1"
      expires_at = "2030-12-22T10:00:00Z"
      ttl = 2592000
    }
    trip {
      request = "POST /api/v1/sub/api-key"
      json = {
        subName = "sub1"
        remark = "vault-app-1"
        passphrase = "QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd"
        permission = "General"
        expire = "30"
      }
      status = 200
      answer = {
        code = "500000"
        msg = "Internal server error"
      }
    }
  }

  step "issue" {
    id = "630325e0e750870001829864"
    secret = {
      api_key = "630325e0e750870001829864"
      secret_key = "110f31fc"
      passphrase = "QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-12-22T10:00:00Z"
      ttl = 2592000
    }
    trip {
      request = "POST /api/v1/sub/api-key"
      json = {
        subName = "sub1"
        remark = "vault-app-1"
        passphrase = "QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd"
        permission = "General"
        expire = "30"
      }
      status = 200
      answer = {
        code = "200000"
        data = {
          subName = "sub1"
          remark = "vault-app-1"
          apiKey = "630325e0e750870001829864"
          apiSecret = "110f31fc"
          apiVersion = 3
          passphrase = "QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd"
          permission = "General"
          createdAt = 1921572000000
        }
      }
    }
  }

  step "list" {
    ids = [
  "other",
  "630325e0e750870001829864",
]
    trip {
      request = "GET /api/v1/sub/api-key?subName=sub1"
      headers = {
        KC-API-KEY = "admin-key"
        KC-API-TIMESTAMP = "1921572000000"
        KC-API-KEY-VERSION = "3"
        KC-API-PASSPHRASE = "ho76UoIps7zlXwImCZk6TZzRhAavYQsk6i002h15paI="
        KC-API-SIGN = "fVzAa37KAIzg7IqZv0tqdsWgUotyAHLgozXJyciPbx8="
      }
      status = 200
      answer = {
        code = "200000"
        data = [
          {
            subName = "sub1"
            remark = "by hand"
            apiKey = "other"
            apiVersion = 3
            permission = "General"
            createdAt = 1900000000000
            uid = 1
            isMaster = false
          },
          {
            subName = "sub1"
            remark = "vault-app-1"
            apiKey = "630325e0e750870001829864"
            apiVersion = 3
            permission = "General"
            createdAt = 1921572000000
            uid = 1
            isMaster = false
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v1/sub/api-key?subName=sub1"
      status = 200
      answer = {
        code = "200000"
        data = [
          {
            subName = "sub1"
            remark = "by hand"
            apiKey = "other"
            apiVersion = 3
            permission = "General"
            createdAt = 1900000000000
            uid = 1
            isMaster = false
          },
          {
            subName = "sub1"
            remark = "vault-app-1"
            apiKey = "630325e0e750870001829864"
            apiVersion = 3
            permission = "General"
            createdAt = 1921572000000
            uid = 1
            isMaster = false
          },
        ]
      }
    }
    trip {
      request = "DELETE /api/v1/sub/api-key?apiKey=630325e0e750870001829864&passphrase=QAAm3wAvr0tVVXFhvKsOLgZIn8OOFNNd&subName=sub1"
      status = 200
      answer = {
        code = "200000"
        data = {
          subName = "sub1"
          apiKey = "630325e0e750870001829864"
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api/v1/sub/api-key?subName=sub1"
      status = 200
      answer = {
        code = "200000"
        data = [
          {
            subName = "sub1"
            remark = "by hand"
            apiKey = "other"
            apiVersion = 3
            permission = "General"
            createdAt = 1900000000000
            uid = 1
            isMaster = false
          },
        ]
      }
    }
  }
}
