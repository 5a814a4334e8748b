# The signatures were computed apart from this project, with Python's hmac.

exchange "keys of a sub-account" {
  source     = "bybit-exchange/docs:docs/v5/user/{create-subuid-apikey,rm-sub-apikey,list-sub-apikeys,apikey-info}.mdx, docs/v5/guide.mdx, docs/v5/error.mdx"
  read       = "2026-11-22"
  now        = "2023-02-15T03:00:05.459Z"
  connection = { api_key = "master-key", api_secret = "master-secret" }
  role = {
    subuid = 53888000
    permissions = {
      Spot = ["SpotTrade"]
    }
    ips = ["198.51.100.7"]
  }
  headers = { X-BAPI-TIMESTAMP = "1676430005459", X-BAPI-RECV-WINDOW = "5000" }

  step "check" {
    trip {
      request = "GET https://api.bybit.com/v5/user/query-api"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "ac3f0e864c23d9b7bac3d763aa06f85111b00b0b79be4b654f1cff17401e1a43"
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          id          = "16651472"
          note        = "testxxx"
          apiKey      = "GHapiKEY0000000001"
          readOnly    = 1
          secret      = ""
          permissions = {}
          ips         = ["*"]
          userID      = 53888001
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  # Errors come under HTTP 200.
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET https://api.bybit.com/v5/user/query-api"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "ac3f0e864c23d9b7bac3d763aa06f85111b00b0b79be4b654f1cff17401e1a43"
      }
      status = 200
      answer = {
        retCode    = 10003
        retMsg     = "API key is invalid."
        result     = {}
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2023-02-15T04:00:05Z"
      cidrs      = ["192.0.2.1/32"]
    }
    trip {
      request = "POST https://api.bybit.com/v5/user/create-sub-api"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "266f9d5de5684f1d93408c249ae93e3575e34fd69ea4feb1f768cf9dce22ca56"
      }
      json = {
        subuid   = 53888000
        note     = "vault-app-1"
        readOnly = 1
        permissions = {
          Spot = ["SpotTrade"]
        }
        ips = "198.51.100.7,192.0.2.1"
      }
      status = 200
      answer = {
        retCode    = 10001
        retMsg     = "The permissions are invalid"
        result     = {}
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  step "issue" {
    fails = "unknown"
    key {
      name       = "vault-app-1"
      expires_at = "2023-02-15T04:00:05Z"
      cidrs      = ["192.0.2.1/32"]
    }
    trip {
      request = "POST https://api.bybit.com/v5/user/create-sub-api"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "266f9d5de5684f1d93408c249ae93e3575e34fd69ea4feb1f768cf9dce22ca56"
      }
      json = {
        subuid   = 53888000
        note     = "vault-app-1"
        readOnly = 1
        permissions = {
          Spot = ["SpotTrade"]
        }
        ips = "198.51.100.7,192.0.2.1"
      }
      status = 200
      answer = {
        retCode    = 10016
        retMsg     = "Server error."
        result     = {}
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  step "issue" {
    id     = "GHapiKEY0000000001"
    ends   = "never"
    secret = { api_key = "GHapiKEY0000000001", api_secret = "subSecretSubSecretSubSecret000000001" }
    key {
      name       = "vault-app-1"
      expires_at = "2023-02-15T04:00:05Z"
      cidrs      = ["192.0.2.1/32"]
    }
    trip {
      request = "POST https://api.bybit.com/v5/user/create-sub-api"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "266f9d5de5684f1d93408c249ae93e3575e34fd69ea4feb1f768cf9dce22ca56"
      }
      json = {
        subuid   = 53888000
        note     = "vault-app-1"
        readOnly = 1
        permissions = {
          Spot = ["SpotTrade"]
        }
        ips = "198.51.100.7,192.0.2.1"
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          id       = "16651283"
          note     = "vault-app-1"
          apiKey   = "GHapiKEY0000000001"
          readOnly = 1
          secret   = "subSecretSubSecretSubSecret000000001"
          permissions = {
            ContractTrade = []
            Spot          = ["SpotTrade"]
            Wallet        = []
          }
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  step "list" {
    ids = ["GHapiKEY0000000001", "GHapiKEY0000000009"]
    trip {
      request = "GET https://api.bybit.com/v5/user/sub-apikeys?limit=20&subMemberId=53888000"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "167177d525185bf99f645fb56e8c428537a02662359c8d5d796bf1a05923faea"
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          result = [
            {
              id          = "24828209"
              ips         = ["*"]
              apiKey      = "GHapiKEY0000000001"
              note        = "vault-app-1"
              status      = 3
              createdAt   = "2023-08-25T06:42:39Z"
              type        = 1
              secret      = "******"
              readOnly    = false
              deadlineDay = 21
              flag        = "hmac"
            },
          ]
          nextPageCursor = "24828209"
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
    trip {
      request = "GET https://api.bybit.com/v5/user/sub-apikeys?cursor=24828209&limit=20&subMemberId=53888000"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "91500cb725b72ed96663cc11f96575acb77d0d328efd96d740c4bcd38eadfba4"
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          result = [
            {
              id          = "24828209"
              ips         = ["*"]
              apiKey      = "GHapiKEY0000000009"
              note        = "by hand"
              status      = 3
              createdAt   = "2023-08-25T06:42:39Z"
              type        = 1
              secret      = "******"
              readOnly    = false
              deadlineDay = 21
              flag        = "hmac"
            },
          ]
          nextPageCursor = ""
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET https://api.bybit.com/v5/user/query-api"
      headers = {
        X-BAPI-API-KEY = "GHapiKEY0000000001"
        X-BAPI-SIGN    = "44273994b6f6ecbd9e449c82f7bf85979130ff069c8c76737501c8c2e23e0360"
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          id          = "16651472"
          note        = "testxxx"
          apiKey      = "GHapiKEY0000000001"
          readOnly    = 1
          secret      = ""
          permissions = {}
          ips         = ["*"]
          userID      = 53888001
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET https://api.bybit.com/v5/user/sub-apikeys?limit=20&subMemberId=53888000"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "167177d525185bf99f645fb56e8c428537a02662359c8d5d796bf1a05923faea"
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          result = [
            {
              id          = "24828209"
              ips         = ["*"]
              apiKey      = "GHapiKEY0000000001"
              note        = "vault-app-1"
              status      = 3
              createdAt   = "2023-08-25T06:42:39Z"
              type        = 1
              secret      = "******"
              readOnly    = false
              deadlineDay = 21
              flag        = "hmac"
            },
          ]
          nextPageCursor = ""
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
    trip {
      request = "POST https://api.bybit.com/v5/user/delete-sub-api"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "d5f885796907166f5ada18552e6f9c1ec7aec8228775461c17095db16618db5b"
      }
      json   = { apikey = "GHapiKEY0000000001" }
      status = 200
      answer = { retCode = 0, retMsg = "", result = {}, retExtInfo = {}, time = 1676430007643 }
    }
  }

  # It is in the list no more.
  step "revoke" {
    trip {
      request = "GET https://api.bybit.com/v5/user/sub-apikeys?limit=20&subMemberId=53888000"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "167177d525185bf99f645fb56e8c428537a02662359c8d5d796bf1a05923faea"
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          result = [
            {
              id          = "24828209"
              ips         = ["*"]
              apiKey      = "GHapiKEY0000000009"
              note        = "by hand"
              status      = 3
              createdAt   = "2023-08-25T06:42:39Z"
              type        = 1
              secret      = "******"
              readOnly    = false
              deadlineDay = 21
              flag        = "hmac"
            },
          ]
          nextPageCursor = ""
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  # A list that cannot be read proves nothing.
  step "revoke" {
    fails = "unknown"
    trip {
      request = "GET https://api.bybit.com/v5/user/sub-apikeys?limit=20&subMemberId=53888000"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "167177d525185bf99f645fb56e8c428537a02662359c8d5d796bf1a05923faea"
      }
      status = 200
      answer = {
        retCode    = 10016
        retMsg     = "Server error."
        result     = {}
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET https://api.bybit.com/v5/user/query-api"
      headers = {
        X-BAPI-API-KEY = "GHapiKEY0000000001"
        X-BAPI-SIGN    = "44273994b6f6ecbd9e449c82f7bf85979130ff069c8c76737501c8c2e23e0360"
      }
      status = 200
      answer = {
        retCode    = 10003
        retMsg     = "API key is invalid."
        result     = {}
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }
}

# A key without an address ends after 90 days, of which no answer tells.
exchange "a key that may be used from everywhere" {
  source     = "bybit-exchange/docs:docs/v5/user/create-subuid-apikey.mdx"
  read       = "2026-11-27"
  now        = "2023-02-15T03:00:05.459Z"
  connection = { api_key = "master-key", api_secret = "master-secret" }
  role = {
    subuid = 53888000
    permissions = {
      Spot = ["SpotTrade"]
    }
  }
  headers = { X-BAPI-TIMESTAMP = "1676430005459", X-BAPI-RECV-WINDOW = "5000" }

  step "issue" {
    id     = "GHapiKEY0000000001"
    ends   = "2023-05-16T03:00:05Z"
    secret = { api_key = "GHapiKEY0000000001", api_secret = "subSecretSubSecretSubSecret000000001" }
    key {
      name       = "vault-app-1"
      expires_at = "2023-02-15T04:00:05Z"
      ttl        = 3600
    }
    trip {
      request = "POST https://api.bybit.com/v5/user/create-sub-api"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "f21ae7687a04700507b4a2566d561858e894df5b39dfceb20b9e9bb7d238fc4f"
      }
      json = {
        subuid   = 53888000
        note     = "vault-app-1"
        readOnly = 1
        permissions = {
          Spot = ["SpotTrade"]
        }
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          id       = "16651284"
          note     = "vault-app-1"
          apiKey   = "GHapiKEY0000000001"
          readOnly = 1
          secret   = "subSecretSubSecretSubSecret000000001"
          permissions = {
            ContractTrade = []
            Spot          = ["SpotTrade"]
            Wallet        = []
          }
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  step "check" {
    trip {
      request = "GET https://api.bybit.com/v5/user/query-api"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "ac3f0e864c23d9b7bac3d763aa06f85111b00b0b79be4b654f1cff17401e1a43"
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          id          = "16651472"
          note        = "testxxx"
          apiKey      = "GHapiKEY0000000001"
          readOnly    = 1
          secret      = ""
          permissions = {}
          ips         = ["*"]
          userID      = 53888001
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET https://api.bybit.com/v5/user/sub-apikeys?limit=20&subMemberId=53888000"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "167177d525185bf99f645fb56e8c428537a02662359c8d5d796bf1a05923faea"
      }
      status = 200
      answer = {
        retCode = 0
        retMsg  = ""
        result = {
          result = [
            {
              id          = "24828209"
              ips         = ["*"]
              apiKey      = "GHapiKEY0000000001"
              note        = "vault-app-1"
              status      = 3
              createdAt   = "2023-08-25T06:42:39Z"
              type        = 1
              secret      = "******"
              readOnly    = false
              deadlineDay = 21
              flag        = "hmac"
            },
          ]
          nextPageCursor = ""
        }
        retExtInfo = {}
        time       = 1676430007643
      }
    }
    trip {
      request = "POST https://api.bybit.com/v5/user/delete-sub-api"
      headers = {
        X-BAPI-API-KEY = "master-key"
        X-BAPI-SIGN    = "d5f885796907166f5ada18552e6f9c1ec7aec8228775461c17095db16618db5b"
      }
      json   = { apikey = "GHapiKEY0000000001" }
      status = 200
      answer = { retCode = 0, retMsg = "", result = {}, retExtInfo = {}, time = 1676430007643 }
    }
  }
}
