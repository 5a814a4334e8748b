exchange "keys that trade" {
  source = "https://docs.whitebit.com/api-reference/authentication; create-sub-account-api-key, list-sub-account-api-keys, delete-sub-account-api-key (signatures computed apart, with the recipe of whitebit-exchange/api-quickstart:src/python/auth.py)"
  read   = "2026-11-27"
  connection = {
    api_key    = "admin-key"
    secret_key = "admin-secret"
  }
  role = {
    sub_account_id = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "POST /api/v4/sub-account/list"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJsaW1pdCI6MSwibm9uY2UiOjE5MjE1NzIwMDAwMDAsIm5vbmNlV2luZG93Ijp0cnVlLCJyZXF1ZXN0IjoiL2FwaS92NC9zdWItYWNjb3VudC9saXN0In0="
        X-TXC-SIGNATURE = "d462cb81d0d3219eab0977482586da505598b4a20da36efef393c1ad8f7ecd57b079c17e5018c83efdca767cd7076aa7a6bc97d03f082d63a8b666225fa3b35e"
      }
      json = {
        limit       = 1
        nonce       = 1921572000000
        nonceWindow = true
        request     = "/api/v4/sub-account/list"
      }
      status = 200
      answer = {
        offset = 0
        limit  = 1
        data   = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "POST /api/v4/sub-account/list"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJsaW1pdCI6MSwibm9uY2UiOjE5MjE1NzIwMDAwMDAsIm5vbmNlV2luZG93Ijp0cnVlLCJyZXF1ZXN0IjoiL2FwaS92NC9zdWItYWNjb3VudC9saXN0In0="
        X-TXC-SIGNATURE = "d462cb81d0d3219eab0977482586da505598b4a20da36efef393c1ad8f7ecd57b079c17e5018c83efdca767cd7076aa7a6bc97d03f082d63a8b666225fa3b35e"
      }
      json = {
        limit       = 1
        nonce       = 1921572000000
        nonceWindow = true
        request     = "/api/v4/sub-account/list"
      }
      status = 401
      answer = {
        code    = 0
        message = "Unauthorized request."
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/create"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJub25jZSI6MTkyMTU3MjAwMDAwMCwibm9uY2VXaW5kb3ciOnRydWUsInJlcXVlc3QiOiIvYXBpL3Y0L3N1Yi1hY2NvdW50L2FwaS1rZXkvY3JlYXRlIiwic3ViQWNjb3VudElkIjoiOGU2NjdiNGEtMGI3MS00OTg4LThhZjUtOTQ3NGRiZmFlYjUxIiwidGl0bGUiOiJ2YXVsdC1hcHAtMSIsInR5cGUiOjF9"
        X-TXC-SIGNATURE = "51d550aa757579f9ef7772bc280d140a49fe5d3ee685e6f50241dab91c76c3e9828c37d49d7dfdf8475d4f557c76b871d90c684d867bdb17a4d8b8fe8297afb6"
      }
      json = {
        type         = 1
        subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
        title        = "vault-app-1"
        nonce        = 1921572000000
        nonceWindow  = true
        request      = "/api/v4/sub-account/api-key/create"
      }
      status = 422
      answer = {
        code    = 30
        message = "Validation failed"
        errors = {
          subAccountId = [
            "The selected sub account id is invalid.",
          ]
        }
      }
    }
  }

  step "issue" {
    id   = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
    ends = "never"
    secret = {
      api_key    = "pub-key-abc123"
      secret_key = "secret-xyz789"
    }
    key {
      name = "vault-app-1"
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/create"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJub25jZSI6MTkyMTU3MjAwMDAwMCwibm9uY2VXaW5kb3ciOnRydWUsInJlcXVlc3QiOiIvYXBpL3Y0L3N1Yi1hY2NvdW50L2FwaS1rZXkvY3JlYXRlIiwic3ViQWNjb3VudElkIjoiOGU2NjdiNGEtMGI3MS00OTg4LThhZjUtOTQ3NGRiZmFlYjUxIiwidGl0bGUiOiJ2YXVsdC1hcHAtMSIsInR5cGUiOjF9"
        X-TXC-SIGNATURE = "51d550aa757579f9ef7772bc280d140a49fe5d3ee685e6f50241dab91c76c3e9828c37d49d7dfdf8475d4f557c76b871d90c684d867bdb17a4d8b8fe8297afb6"
      }
      json = {
        type         = 1
        subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
        title        = "vault-app-1"
        nonce        = 1921572000000
        nonceWindow  = true
        request      = "/api/v4/sub-account/api-key/create"
      }
      status = 200
      answer = {
        subAccountId    = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
        id              = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
        title           = "vault-app-1"
        isEnabled       = true
        apiKey          = "pub-key-abc123"
        apiSecret       = "secret-xyz789"
        type            = 1
        lastActivity    = 0
        restrictAccess  = false
        accessEndpoints = []
      }
    }
  }

  step "list" {
    item "a1b2c3d4-e5f6-7890-abcd-ef1234567890" {
      name         = "vault-app-1"
      last_used_at = "never"
    }
    item "b2c3d4e5-f6a7-8901-bcde-f12345678901" {
      name         = "by hand"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/list"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJsaW1pdCI6MTAwLCJub25jZSI6MTkyMTU3MjAwMDAwMCwibm9uY2VXaW5kb3ciOnRydWUsIm9mZnNldCI6MCwicmVxdWVzdCI6Ii9hcGkvdjQvc3ViLWFjY291bnQvYXBpLWtleS9saXN0Iiwic3ViQWNjb3VudElkIjoiOGU2NjdiNGEtMGI3MS00OTg4LThhZjUtOTQ3NGRiZmFlYjUxIn0="
        X-TXC-SIGNATURE = "f234f2bd778218482d902e7ede92fb7a218ec1d4cc824fa3ade6af160073ee21d64bfc12450196ce9678a437e01de3af198211218609697a83302400d0e00caf"
      }
      json = {
        subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
        limit        = 100
        offset       = 0
        nonce        = 1921572000000
        nonceWindow  = true
        request      = "/api/v4/sub-account/api-key/list"
      }
      status = 200
      answer = {
        limit  = 100
        offset = 0
        data = [
          {
            subAccountId    = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
            id              = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
            title           = "vault-app-1"
            isEnabled       = true
            apiKey          = "pub-key-abc123"
            apiSecret       = ""
            type            = "1"
            lastActivity    = 0
            restrictAccess  = false
            accessEndpoints = []
          },
          {
            subAccountId    = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
            id              = "b2c3d4e5-f6a7-8901-bcde-f12345678901"
            title           = "by hand"
            isEnabled       = true
            apiKey          = "pub-key-def456"
            apiSecret       = ""
            type            = "1"
            lastActivity    = 1921572300
            restrictAccess  = false
            accessEndpoints = []
          },
        ]
      }
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/list"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJsaW1pdCI6MTAwLCJub25jZSI6MTkyMTU3MjAwMDAwMCwibm9uY2VXaW5kb3ciOnRydWUsIm9mZnNldCI6MiwicmVxdWVzdCI6Ii9hcGkvdjQvc3ViLWFjY291bnQvYXBpLWtleS9saXN0Iiwic3ViQWNjb3VudElkIjoiOGU2NjdiNGEtMGI3MS00OTg4LThhZjUtOTQ3NGRiZmFlYjUxIn0="
        X-TXC-SIGNATURE = "7af24019f310326df748110448017529d5ee030896c1823d453a363ff3a7bc314d658ea71ad70e02f2e8756c55d78940b12995227378a3e0ca66fefcf9019ff2"
      }
      json = {
        subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
        limit        = 100
        offset       = 2
        nonce        = 1921572000000
        nonceWindow  = true
        request      = "/api/v4/sub-account/api-key/list"
      }
      status = 200
      answer = {
        limit  = 100
        offset = 2
        data   = []
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /api/v4/sub-account/api-key/list"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJsaW1pdCI6MTAwLCJub25jZSI6MTkyMTU3MjAwMDAwMCwibm9uY2VXaW5kb3ciOnRydWUsIm9mZnNldCI6MCwicmVxdWVzdCI6Ii9hcGkvdjQvc3ViLWFjY291bnQvYXBpLWtleS9saXN0Iiwic3ViQWNjb3VudElkIjoiOGU2NjdiNGEtMGI3MS00OTg4LThhZjUtOTQ3NGRiZmFlYjUxIn0="
        X-TXC-SIGNATURE = "f234f2bd778218482d902e7ede92fb7a218ec1d4cc824fa3ade6af160073ee21d64bfc12450196ce9678a437e01de3af198211218609697a83302400d0e00caf"
      }
      json = {
        subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
        limit        = 100
        offset       = 0
        nonce        = 1921572000000
        nonceWindow  = true
        request      = "/api/v4/sub-account/api-key/list"
      }
      status = 200
      answer = {
        limit  = 100
        offset = 0
        data   = [
          {
            subAccountId    = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
            id              = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
            title           = "vault-app-1"
            isEnabled       = true
            apiKey          = "pub-key-abc123"
            apiSecret       = ""
            type            = "1"
            lastActivity    = 0
            restrictAccess  = false
            accessEndpoints = []
          },
          {
            subAccountId    = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
            id              = "b2c3d4e5-f6a7-8901-bcde-f12345678901"
            title           = "by hand"
            isEnabled       = true
            apiKey          = "pub-key-def456"
            apiSecret       = ""
            type            = "1"
            lastActivity    = 0
            restrictAccess  = false
            accessEndpoints = []
          },
        ]
      }
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/delete"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJhcGlLZXlJZCI6ImExYjJjM2Q0LWU1ZjYtNzg5MC1hYmNkLWVmMTIzNDU2Nzg5MCIsIm5vbmNlIjoxOTIxNTcyMDAwMDAwLCJub25jZVdpbmRvdyI6dHJ1ZSwicmVxdWVzdCI6Ii9hcGkvdjQvc3ViLWFjY291bnQvYXBpLWtleS9kZWxldGUifQ=="
        X-TXC-SIGNATURE = "35161a3f202ac626dfb0f04af9f59a68e087508fd15b798dc4594f9e49aa4e42944bd08aaa55c45b76c18a784b77435e0ba240d4e73919b552ceae9d1ff99cc7"
      }
      json = {
        apiKeyId    = "a1b2c3d4-e5f6-7890-abcd-ef1234567890"
        nonce       = 1921572000000
        nonceWindow = true
        request     = "/api/v4/sub-account/api-key/delete"
      }
      status = 200
      answer = {}
    }
  }
}

exchange "keys that are bound to addresses" {
  source = "whitebit-exchange/api-docs:pages/private/http-main-v4.mdx (signatures computed apart, as above)"
  read   = "2026-11-28"
  connection = {
    api_key    = "admin-key"
    secret_key = "admin-secret"
  }
  role = {
    sub_account_id = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "POST /api/v4/sub-account/list"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJsaW1pdCI6MSwibm9uY2UiOjE5MjE1NzIwMDAwMDAsIm5vbmNlV2luZG93Ijp0cnVlLCJyZXF1ZXN0IjoiL2FwaS92NC9zdWItYWNjb3VudC9saXN0In0="
        X-TXC-SIGNATURE = "d462cb81d0d3219eab0977482586da505598b4a20da36efef393c1ad8f7ecd57b079c17e5018c83efdca767cd7076aa7a6bc97d03f082d63a8b666225fa3b35e"
      }
      json = {
        nonce       = 1921572000000
        nonceWindow = true
        request     = "/api/v4/sub-account/list"
        limit       = 1
      }
      status = 200
      answer = { offset = 0, limit = 1, data = [] }
    }
  }

  step "issue" {
    id   = "b2b2c3d4-e5f6-7890-abcd-ef1234567890"
    ends = "never"
    secret = {
      api_key    = "pub-key-2"
      secret_key = "secret-2"
    }
    key {
      name  = "vault-app-2"
      cidrs = ["127.10.10.255/32"]
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/create"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJub25jZSI6MTkyMTU3MjAwMDAwMCwibm9uY2VXaW5kb3ciOnRydWUsInJlcXVlc3QiOiIvYXBpL3Y0L3N1Yi1hY2NvdW50L2FwaS1rZXkvY3JlYXRlIiwic3ViQWNjb3VudElkIjoiOGU2NjdiNGEtMGI3MS00OTg4LThhZjUtOTQ3NGRiZmFlYjUxIiwidGl0bGUiOiJ2YXVsdC1hcHAtMiIsInR5cGUiOjF9"
        X-TXC-SIGNATURE = "12f4652bc0b5235eb0f25767b7d0cde09898bb4aeeaca098ea019568bb627b51e1ea75275f6e8809088047de987c18f36898fe03cdf37abbb351a2ab7c4c5241"
      }
      json = {
        nonce        = 1921572000000
        nonceWindow  = true
        request      = "/api/v4/sub-account/api-key/create"
        type         = 1
        subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
        title        = "vault-app-2"
      }
      status = 201
      answer = { subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51", id = "b2b2c3d4-e5f6-7890-abcd-ef1234567890", title = "vault-app-2", isEnabled = true, apiKey = "pub-key-2", apiSecret = "secret-2", type = 1 }
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/ip-address/create"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJhcGlLZXlJZCI6ImIyYjJjM2Q0LWU1ZjYtNzg5MC1hYmNkLWVmMTIzNDU2Nzg5MCIsImlwIjoiMTI3LjEwLjEwLjI1NSIsIm5vbmNlIjoxOTIxNTcyMDAwMDAwLCJub25jZVdpbmRvdyI6dHJ1ZSwicmVxdWVzdCI6Ii9hcGkvdjQvc3ViLWFjY291bnQvYXBpLWtleS9pcC1hZGRyZXNzL2NyZWF0ZSJ9"
        X-TXC-SIGNATURE = "66b0ad06ec872292a5f37a1c3eae9354c8879ffa94c1a1b2e94b7f59bf770005ec6cc3149550dd5c0bc2200be7c5b9ca497c07e80f2ccfb805a78b7a4509f20a"
      }
      json = {
        nonce       = 1921572000000
        nonceWindow = true
        request     = "/api/v4/sub-account/api-key/ip-address/create"
        apiKeyId    = "b2b2c3d4-e5f6-7890-abcd-ef1234567890"
        ip          = "127.10.10.255"
      }
      status = 201
      answer = { data = ["127.10.10.255"] }
    }
  }

  # One that cannot be bound is taken back.
  step "issue" {
    fails = "refused"
    key {
      name  = "vault-app-2"
      cidrs = ["127.10.10.255/32"]
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/create"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJub25jZSI6MTkyMTU3MjAwMDAwMCwibm9uY2VXaW5kb3ciOnRydWUsInJlcXVlc3QiOiIvYXBpL3Y0L3N1Yi1hY2NvdW50L2FwaS1rZXkvY3JlYXRlIiwic3ViQWNjb3VudElkIjoiOGU2NjdiNGEtMGI3MS00OTg4LThhZjUtOTQ3NGRiZmFlYjUxIiwidGl0bGUiOiJ2YXVsdC1hcHAtMiIsInR5cGUiOjF9"
        X-TXC-SIGNATURE = "12f4652bc0b5235eb0f25767b7d0cde09898bb4aeeaca098ea019568bb627b51e1ea75275f6e8809088047de987c18f36898fe03cdf37abbb351a2ab7c4c5241"
      }
      json = {
        nonce        = 1921572000000
        nonceWindow  = true
        request      = "/api/v4/sub-account/api-key/create"
        type         = 1
        subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
        title        = "vault-app-2"
      }
      status = 201
      answer = { subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51", id = "b2b2c3d4-e5f6-7890-abcd-ef1234567890", title = "vault-app-2", isEnabled = true, apiKey = "pub-key-2", apiSecret = "secret-2", type = 1 }
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/ip-address/create"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJhcGlLZXlJZCI6ImIyYjJjM2Q0LWU1ZjYtNzg5MC1hYmNkLWVmMTIzNDU2Nzg5MCIsImlwIjoiMTI3LjEwLjEwLjI1NSIsIm5vbmNlIjoxOTIxNTcyMDAwMDAwLCJub25jZVdpbmRvdyI6dHJ1ZSwicmVxdWVzdCI6Ii9hcGkvdjQvc3ViLWFjY291bnQvYXBpLWtleS9pcC1hZGRyZXNzL2NyZWF0ZSJ9"
        X-TXC-SIGNATURE = "66b0ad06ec872292a5f37a1c3eae9354c8879ffa94c1a1b2e94b7f59bf770005ec6cc3149550dd5c0bc2200be7c5b9ca497c07e80f2ccfb805a78b7a4509f20a"
      }
      json = {
        nonce       = 1921572000000
        nonceWindow = true
        request     = "/api/v4/sub-account/api-key/ip-address/create"
        apiKeyId    = "b2b2c3d4-e5f6-7890-abcd-ef1234567890"
        ip          = "127.10.10.255"
      }
      status = 400
      answer = { code = 30, message = "Validation failed" }
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/delete"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJhcGlLZXlJZCI6ImIyYjJjM2Q0LWU1ZjYtNzg5MC1hYmNkLWVmMTIzNDU2Nzg5MCIsIm5vbmNlIjoxOTIxNTcyMDAwMDAwLCJub25jZVdpbmRvdyI6dHJ1ZSwicmVxdWVzdCI6Ii9hcGkvdjQvc3ViLWFjY291bnQvYXBpLWtleS9kZWxldGUifQ=="
        X-TXC-SIGNATURE = "3f7ceccb642114be175643e2b19e9d445f5ece7b62580e6f6017124534ba75425fa0866e2d4652d876b56f5c72141652abd265a465c6606b267c3dc14c379b3b"
      }
      json = {
        nonce       = 1921572000000
        nonceWindow = true
        request     = "/api/v4/sub-account/api-key/delete"
        apiKeyId    = "b2b2c3d4-e5f6-7890-abcd-ef1234567890"
      }
      status = 200
      answer = []
    }
  }

  step "revoke" {
    trip {
      request = "POST /api/v4/sub-account/api-key/list"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJsaW1pdCI6MTAwLCJub25jZSI6MTkyMTU3MjAwMDAwMCwibm9uY2VXaW5kb3ciOnRydWUsIm9mZnNldCI6MCwicmVxdWVzdCI6Ii9hcGkvdjQvc3ViLWFjY291bnQvYXBpLWtleS9saXN0Iiwic3ViQWNjb3VudElkIjoiOGU2NjdiNGEtMGI3MS00OTg4LThhZjUtOTQ3NGRiZmFlYjUxIn0="
        X-TXC-SIGNATURE = "f234f2bd778218482d902e7ede92fb7a218ec1d4cc824fa3ade6af160073ee21d64bfc12450196ce9678a437e01de3af198211218609697a83302400d0e00caf"
      }
      json = {
        subAccountId = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
        limit        = 100
        offset       = 0
        nonce        = 1921572000000
        nonceWindow  = true
        request      = "/api/v4/sub-account/api-key/list"
      }
      status = 200
      answer = {
        limit  = 100
        offset = 0
        data   = [
          {
            subAccountId    = "8e667b4a-0b71-4988-8af5-9474dbfaeb51"
            id              = "b2b2c3d4-e5f6-7890-abcd-ef1234567890"
            title           = "vault-app-2"
            isEnabled       = true
            apiKey          = "pub-key-2"
            apiSecret       = ""
            type            = "1"
            lastActivity    = 0
            restrictAccess  = false
            accessEndpoints = []
          },
        ]
      }
    }
    trip {
      request = "POST /api/v4/sub-account/api-key/delete"
      headers = {
        X-TXC-APIKEY    = "admin-key"
        X-TXC-PAYLOAD   = "eyJhcGlLZXlJZCI6ImIyYjJjM2Q0LWU1ZjYtNzg5MC1hYmNkLWVmMTIzNDU2Nzg5MCIsIm5vbmNlIjoxOTIxNTcyMDAwMDAwLCJub25jZVdpbmRvdyI6dHJ1ZSwicmVxdWVzdCI6Ii9hcGkvdjQvc3ViLWFjY291bnQvYXBpLWtleS9kZWxldGUifQ=="
        X-TXC-SIGNATURE = "3f7ceccb642114be175643e2b19e9d445f5ece7b62580e6f6017124534ba75425fa0866e2d4652d876b56f5c72141652abd265a465c6606b267c3dc14c379b3b"
      }
      json = {
        nonce       = 1921572000000
        nonceWindow = true
        request     = "/api/v4/sub-account/api-key/delete"
        apiKeyId    = "b2b2c3d4-e5f6-7890-abcd-ef1234567890"
      }
      status = 200
      answer = []
    }
  }
}
