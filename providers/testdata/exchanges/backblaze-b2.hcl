exchange "keys that read" {
  source = "Backblaze/b2-sdk-python:b2sdk/_internal/raw_api.py; https://www.backblaze.com/apidocs/b2-create-key"
  read   = "2026-11-27"
  connection = {
    key_id = "key1"
    key = "admin-key"
    account_id = "acc0123456789"
  }
  role = {
    bucket_ids = [
      "b1",
    ]
  }

  step "check" {
    trip {
      request = "GET https://api.backblazeb2.com/b2api/v4/b2_authorize_account"
      headers = {
        Authorization = "Basic a2V5MTphZG1pbi1rZXk="
      }
      status = 200
      answer = {
        accountId = "acc0123456789"
        authorizationToken = "4_tok"
        apiInfo = {
          storageApi = {
            apiUrl = "https://api001.backblazeb2.com"
          }
        }
      }
    }
    trip {
      request = "POST /b2api/v4/b2_list_keys"
      json = {
        accountId = "acc0123456789"
        maxKeyCount = 1
      }
      status = 200
      answer = {
        keys = []
        nextApplicationKeyId = null
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "POST /b2api/v4/b2_list_keys"
      json = {
        accountId = "acc0123456789"
        maxKeyCount = 1
      }
      status = 401
      answer = {
        code = "bad_auth_token"
        message = "Invalid authorization token"
        status = 401
      }
    }
    trip {
      request = "GET https://api.backblazeb2.com/b2api/v4/b2_authorize_account"
      headers = {
        Authorization = "Basic a2V5MTphZG1pbi1rZXk="
      }
      status = 200
      answer = {
        accountId = "acc0123456789"
        authorizationToken = "4_tok"
        apiInfo = {
          storageApi = {
            apiUrl = "https://api001.backblazeb2.com"
          }
        }
      }
    }
    trip {
      request = "POST /b2api/v4/b2_list_keys"
      json = {
        accountId = "acc0123456789"
        maxKeyCount = 1
      }
      status = 401
      answer = {
        code = "bad_auth_token"
        message = "Invalid authorization token"
        status = 401
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
    }
    trip {
      request = "POST /b2api/v4/b2_create_key"
      json = {
        accountId = "acc0123456789"
        keyName = "vault-app-1"
        capabilities = [
          "listFiles",
          "readFiles",
        ]
        bucketIds = [
          "b1",
        ]
        validDurationInSeconds = 3600
      }
      status = 400
      answer = {
        code = "bad_request"
        message = "invalid bucketIds"
        status = 400
      }
    }
  }

  step "issue" {
    id = "0001"
    secret = {
      application_key_id = "0001"
      application_key = "K001secret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
    }
    trip {
      request = "POST /b2api/v4/b2_create_key"
      json = {
        accountId = "acc0123456789"
        keyName = "vault-app-1"
        capabilities = [
          "listFiles",
          "readFiles",
        ]
        bucketIds = [
          "b1",
        ]
        validDurationInSeconds = 3600
      }
      status = 200
      answer = {
        applicationKeyId = "0001"
        applicationKey = "K001secret"
        keyName = "vault-app-1"
        expirationTimestamp = 1921575600000
        capabilities = [
          "listFiles",
          "readFiles",
        ]
      }
    }
  }

  step "list" {
    ids = [
  "0000",
  "0001",
]
    trip {
      request = "POST /b2api/v4/b2_list_keys"
      json = {
        accountId = "acc0123456789"
        maxKeyCount = 1000
      }
      status = 200
      answer = {
        keys = [
          {
            applicationKeyId = "0000"
            keyName = "by-hand"
            accountId = "acc0123456789"
            expirationTimestamp = null
            capabilities = []
          },
        ]
        nextApplicationKeyId = "0001"
      }
    }
    trip {
      request = "POST /b2api/v4/b2_list_keys"
      json = {
        accountId = "acc0123456789"
        maxKeyCount = 1000
        startApplicationKeyId = "0001"
      }
      status = 200
      answer = {
        keys = [
          {
            applicationKeyId = "0001"
            keyName = "vault-app-1"
            accountId = "acc0123456789"
            expirationTimestamp = null
            capabilities = []
          },
        ]
        nextApplicationKeyId = null
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /b2api/v4/b2_list_keys?accountId=acc0123456789&maxKeyCount=1000"
      status = 200
      answer = {
        keys = [
          {
            applicationKeyId = "0000"
            keyName = "by-hand"
            accountId = "acc0123456789"
            expirationTimestamp = null
            capabilities = []
          },
          {
            applicationKeyId = "0001"
            keyName = "vault-app-1"
            accountId = "acc0123456789"
            expirationTimestamp = null
            capabilities = []
          },
        ]
        nextApplicationKeyId = null
      }
    }
    trip {
      request = "POST /b2api/v4/b2_delete_key"
      json = {
        applicationKeyId = "0001"
      }
      status = 200
      answer = {
        applicationKeyId = "0001"
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /b2api/v4/b2_list_keys?accountId=acc0123456789&maxKeyCount=1000"
      status = 200
      answer = {
        keys = [
          {
            applicationKeyId = "0000"
            keyName = "by-hand"
            accountId = "acc0123456789"
            expirationTimestamp = null
            capabilities = []
          },
        ]
        nextApplicationKeyId = null
      }
    }
  }
}
