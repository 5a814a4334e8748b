exchange "keys that read" {
  source = "gateio/gateapi-go:docs/SubAccountApi.md, client.go"
  read   = "2026-11-27"
  connection = {
    api_key = "admin-key"
    secret_key = "admin-secret"
  }
  role = {
    user_id = "10000"
  }
  headers = {
    KEY = "admin-key"
    Timestamp = "1921572000"
  }
  now = "2030-11-22T10:00:00.000Z"

  step "check" {
    trip {
      request = "GET /api/v4/account/detail"
      status = 200
      answer = {
        user_id = 1667201533
        key = {
          mode = 1
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v4/account/detail"
      status = 401
      answer = {
        label = "INVALID_SIGNATURE"
        message = "Signature mismatch"
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
      request = "POST /api/v4/sub_accounts/10000/keys"
      json = {
        mode = 1
        name = "vault-app-1"
        perms = [
          {
            name = "spot"
            read_only = true
          },
        ]
      }
      status = 400
      answer = {
        label = "INVALID_PARAM_VALUE"
        message = "Invalid ip whitelist"
      }
    }
  }

  step "issue" {
    id = "75c3264105b74693d8cb5c7f1a8e2420"
    ends = "2031-02-20T11:00:00Z"
    secret = {
      api_key = "75c3264105b74693d8cb5c7f1a8e2420"
      secret_key = "a1b2c3"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/v4/sub_accounts/10000/keys"
      json = {
        mode = 1
        name = "vault-app-1"
        perms = [
          {
            name = "spot"
            read_only = true
          },
        ]
      }
      status = 200
      answer = {
        mode = 1
        name = "vault-app-1"
        perms = [
          {
            name = "spot"
            read_only = true
          },
        ]
        key = "75c3264105b74693d8cb5c7f1a8e2420"
        secret = "a1b2c3"
        state = 1
        created_at = 1921572000
        updated_at = 1921572000
      }
    }
  }

  step "list" {
    item "other" {
      name         = "by hand"
      created_at   = "2030-03-17T17:46:40Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "75c3264105b74693d8cb5c7f1a8e2420" {
      name       = "vault-app-1"
      created_at = "2030-11-22T10:00:00Z"
    }
    trip {
      request = "GET /api/v4/sub_accounts/10000/keys"
      headers = {
        KEY = "admin-key"
        Timestamp = "1921572000"
        SIGN = "9a3190f543b87e45c9f90f819d83afb1a3fe994fd8821346e1efae40179958982caca4d74012c28d640ab184aedb5f946c51b1404792b53a9ac0c731d69611f7"
      }
      status = 200
      answer = [
        {
          name = "by hand"
          key = "other"
          created_at = "1900000000"
          last_access = "1921572300"
        },
        {
          name = "vault-app-1"
          key = "75c3264105b74693d8cb5c7f1a8e2420"
          created_at = "1921572000"
        },
      ]
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v4/sub_accounts/10000/keys/75c3264105b74693d8cb5c7f1a8e2420"
      headers = {
        KEY = "admin-key"
        Timestamp = "1921572000"
        SIGN = "a29d93499cf81be13f42d57335e4231fef5c0a84075cd08bc67108ff968a16bc800c9ff1ea3d771f8d0fd2e6b64950a1b12dd9ecffe0c82f5fdc4e0db07401a9"
      }
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v4/sub_accounts/10000/keys/75c3264105b74693d8cb5c7f1a8e2420"
      headers = {
        KEY = "admin-key"
        Timestamp = "1921572000"
        SIGN = "a29d93499cf81be13f42d57335e4231fef5c0a84075cd08bc67108ff968a16bc800c9ff1ea3d771f8d0fd2e6b64950a1b12dd9ecffe0c82f5fdc4e0db07401a9"
      }
      status = 404
      answer = {
        label = "NOT_FOUND"
        message = "key not found"
      }
    }
  }
}
