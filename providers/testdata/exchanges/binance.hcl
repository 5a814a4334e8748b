exchange "keys that read" {
  source = "https://developers.binance.com/docs/sub_account/api-management; https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security (signatures computed apart, with Python's hmac)"
  read   = "2026-11-27"
  connection = {
    api_key = "admin-key"
    secret_key = "admin-secret"
  }
  role = {
    email = "bot@acme.test"
    ips = [
      "198.51.100.7",
    ]
  }
  headers = {
    X-MBX-APIKEY = "admin-key"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /sapi/v1/account/apiRestrictions?recvWindow=5000&timestamp=1921572000000&signature=e9c9f9a39403296dcafe713048f4bae5397620ae2070ab98979e406c9bb55240"
      status = 200
      answer = {
        ipRestrict = true
        enableReading = true
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /sapi/v1/account/apiRestrictions?recvWindow=5000&timestamp=1921572000000&signature=e9c9f9a39403296dcafe713048f4bae5397620ae2070ab98979e406c9bb55240"
      status = 401
      answer = {
        code = -2015
        msg = "Invalid API-key, IP, or permissions for action."
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
      request = "POST /sapi/v1/sub-account/subAccountApi?apiName=vault-app-1&canFuturesTrade=false&canMarginLoanRepay=false&canTrade=false&canVanillaOptions=false&email=bot%40acme.test&ipAddress=198.51.100.7&status=2&recvWindow=5000&timestamp=1921572000000&signature=66131b7b98e583c606913cd112b6a002a3b2ab2be7d4149e7d5fb04fee5f8af1"
      status = 400
      answer = {
        code = -12022
        msg = "The sub-account does not exist."
      }
    }
  }

  step "issue" {
    id = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
    secret = {
      api_key = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
      secret_key = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /sapi/v1/sub-account/subAccountApi?apiName=vault-app-1&canFuturesTrade=false&canMarginLoanRepay=false&canTrade=false&canVanillaOptions=false&email=bot%40acme.test&ipAddress=198.51.100.7&status=2&recvWindow=5000&timestamp=1921572000000&signature=66131b7b98e583c606913cd112b6a002a3b2ab2be7d4149e7d5fb04fee5f8af1"
      status = 200
      answer = {
        apiName = "vault-app-1"
        apiKey = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
        secretKey = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
        canTrade = false
        status = 2
        ipList = [
          "198.51.100.7",
        ]
      }
    }
  }

  step "list" {
    ids = [
  "otherkey",
  "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv",
]
    trip {
      request = "GET /sapi/v1/sub-account/subAccountApi?email=bot%40acme.test&recvWindow=5000&timestamp=1921572000000&signature=e50554e52239d7b159bbb174f1114fa861c52e996276e6d59e1f6c895d884c56"
      status = 200
      answer = {
        total = 2
        rows = [
          {
            email = "bot@acme.test"
            apiName = "by hand"
            apikey = "otherkey"
          },
          {
            email = "bot@acme.test"
            apiName = "vault-app-1"
            apikey = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /sapi/v1/sub-account/subAccountApi?email=bot%40acme.test&recvWindow=5000&timestamp=1921572000000&signature=e50554e52239d7b159bbb174f1114fa861c52e996276e6d59e1f6c895d884c56"
      status = 200
      answer = {
        total = 2
        rows = [
          {
            email = "bot@acme.test"
            apiName = "by hand"
            apikey = "otherkey"
          },
          {
            email = "bot@acme.test"
            apiName = "vault-app-1"
            apikey = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
          },
        ]
      }
    }
    trip {
      request = "DELETE /sapi/v1/sub-account/subAccountApi?email=bot%40acme.test&subAccountApiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv&recvWindow=5000&timestamp=1921572000000&signature=d22bb1ff170d4797204c4c1d1fbca5adc81a9ef3d2d0f9319527f5cd90ce3134"
      status = 200
      answer = {}
    }
  }

  step "revoke" {
    trip {
      request = "GET /sapi/v1/sub-account/subAccountApi?email=bot%40acme.test&recvWindow=5000&timestamp=1921572000000&signature=e50554e52239d7b159bbb174f1114fa861c52e996276e6d59e1f6c895d884c56"
      status = 200
      answer = {
        total = 1
        rows = [
          {
            email = "bot@acme.test"
            apiName = "by hand"
            apikey = "otherkey"
          },
        ]
      }
    }
  }
}

exchange "keys that trade" {
  source = "https://developers.binance.com/docs/sub_account/api-management; https://developers.binance.com/docs/binance-spot-api-docs/rest-api/request-security (signatures computed apart, with Python's hmac)"
  read   = "2026-11-27"
  connection = {
    api_key = "admin-key"
    secret_key = "admin-secret"
  }
  role = {
    email = "bot@acme.test"
    permissions = [
      "trade",
    ]
    ips = [
      "198.51.100.7",
    ]
  }
  headers = {
    X-MBX-APIKEY = "admin-key"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /sapi/v1/account/apiRestrictions?recvWindow=5000&timestamp=1921572000000&signature=e9c9f9a39403296dcafe713048f4bae5397620ae2070ab98979e406c9bb55240"
      status = 200
      answer = {
        ipRestrict = true
        enableReading = true
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /sapi/v1/account/apiRestrictions?recvWindow=5000&timestamp=1921572000000&signature=e9c9f9a39403296dcafe713048f4bae5397620ae2070ab98979e406c9bb55240"
      status = 401
      answer = {
        code = -2015
        msg = "Invalid API-key, IP, or permissions for action."
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
      request = "POST /sapi/v1/sub-account/subAccountApi?apiName=vault-app-1&canFuturesTrade=false&canMarginLoanRepay=false&canTrade=true&canVanillaOptions=false&email=bot%40acme.test&ipAddress=198.51.100.7&status=2&recvWindow=5000&timestamp=1921572000000&signature=250b5613c478efd03e997ec96262fcc888e2c44ef4418b73936a9ffc5120b110"
      status = 400
      answer = {
        code = -12022
        msg = "The sub-account does not exist."
      }
    }
  }

  step "issue" {
    id = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
    secret = {
      api_key = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
      secret_key = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /sapi/v1/sub-account/subAccountApi?apiName=vault-app-1&canFuturesTrade=false&canMarginLoanRepay=false&canTrade=true&canVanillaOptions=false&email=bot%40acme.test&ipAddress=198.51.100.7&status=2&recvWindow=5000&timestamp=1921572000000&signature=250b5613c478efd03e997ec96262fcc888e2c44ef4418b73936a9ffc5120b110"
      status = 200
      answer = {
        apiName = "vault-app-1"
        apiKey = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
        secretKey = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
        canTrade = true
        canMarginLoanRepay = false
        canFuturesTrade = false
        canUniversalTransfer = false
        canVanillaOptions = false
        status = 2
        ipList = [
          "198.51.100.7",
        ]
      }
    }
  }

  step "list" {
    ids = [
  "otherkey",
  "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv",
]
    trip {
      request = "GET /sapi/v1/sub-account/subAccountApi?email=bot%40acme.test&recvWindow=5000&timestamp=1921572000000&signature=e50554e52239d7b159bbb174f1114fa861c52e996276e6d59e1f6c895d884c56"
      status = 200
      answer = {
        total = 2
        rows = [
          {
            email = "bot@acme.test"
            apiName = "by hand"
            apikey = "otherkey"
          },
          {
            email = "bot@acme.test"
            apiName = "vault-app-1"
            apikey = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /sapi/v1/sub-account/subAccountApi?email=bot%40acme.test&recvWindow=5000&timestamp=1921572000000&signature=e50554e52239d7b159bbb174f1114fa861c52e996276e6d59e1f6c895d884c56"
      status = 200
      answer = {
        total = 2
        rows = [
          {
            email = "bot@acme.test"
            apiName = "by hand"
            apikey = "otherkey"
          },
          {
            email = "bot@acme.test"
            apiName = "vault-app-1"
            apikey = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv"
          },
        ]
      }
    }
    trip {
      request = "DELETE /sapi/v1/sub-account/subAccountApi?email=bot%40acme.test&subAccountApiKey=vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zv&recvWindow=5000&timestamp=1921572000000&signature=d22bb1ff170d4797204c4c1d1fbca5adc81a9ef3d2d0f9319527f5cd90ce3134"
      status = 200
      answer = {}
    }
  }

  step "revoke" {
    trip {
      request = "GET /sapi/v1/sub-account/subAccountApi?email=bot%40acme.test&recvWindow=5000&timestamp=1921572000000&signature=e50554e52239d7b159bbb174f1114fa861c52e996276e6d59e1f6c895d884c56"
      status = 200
      answer = {
        total = 1
        rows = [
          {
            email = "bot@acme.test"
            apiName = "by hand"
            apikey = "otherkey"
          },
        ]
      }
    }
  }
}
