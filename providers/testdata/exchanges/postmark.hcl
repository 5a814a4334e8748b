exchange "servers" {
  source = "https://postmarkapp.com/developer/api/servers-api; https://postmarkapp.com/developer/api/overview#error-codes"
  read   = "2026-11-27"
  connection = {
    account_token = "account-token"
  }
  headers = {
    Accept = "application/json"
  }

  step "check" {
    trip {
      request = "GET /servers?count=1&offset=0"
      status = 200
      answer = {
        TotalCount = 0
        Servers = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /servers?count=1&offset=0"
      status = 401
      answer = {
        ErrorCode = 10
        Message = "Bad or missing Account API token."
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
      request = "POST /servers"
      json = {
        Name = "vault-app-1"
        SmtpApiActivated = false
      }
      status = 422
      answer = {
        ErrorCode = 603
        Message = "This server name already exists."
      }
    }
  }

  step "issue" {
    id = "2"
    secret = {
      server_token = "33333333-3333-4333-8333-333333333333"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /servers"
      json = {
        Name = "vault-app-1"
        SmtpApiActivated = false
      }
      status = 200
      answer = {
        ID = 2
        Name = "vault-app-1"
        ApiTokens = [
          "33333333-3333-4333-8333-333333333333",
        ]
        DeliveryType = "Live"
      }
    }
  }

  step "list" {
    ids = [
  "1",
  "2",
]
    trip {
      request = "GET /servers?count=500&offset=0"
      status = 200
      answer = {
        TotalCount = 2
        Servers = [
          {
            ID = 1
            Name = "by hand"
            ApiTokens = [
              "t1",
            ]
          },
          {
            ID = 2
            Name = "vault-app-1"
            ApiTokens = [
              "t2",
            ]
          },
        ]
      }
    }
    trip {
      request = "GET /servers?count=500&offset=2"
      status = 200
      answer = {
        TotalCount = 2
        Servers = []
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /server"
      headers = {
        X-Postmark-Server-Token = "33333333-3333-4333-8333-333333333333"
      }
      status = 200
      answer = {
        ID = 2
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /servers/2"
      status = 200
      answer = {
        ErrorCode = 0
        Message = "Server removed."
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /servers/2"
      status = 422
      answer = {
        ErrorCode = 602
        Message = "This server was not found."
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /server"
      headers = {
        X-Postmark-Server-Token = "33333333-3333-4333-8333-333333333333"
      }
      status = 401
      answer = {
        ErrorCode = 10
        Message = "Bad or missing Server API token."
      }
    }
  }
}
