exchange "tokens that look" {
  source = "https://pve.proxmox.com/pve-docs/api-viewer/#/access/users/{userid}/token"
  read   = "2026-11-27"
  connection = {
    token_id = "vault@pve!admin"
    token_secret = "11111111-1111-4111-8111-111111111111"
  }
  role = {
    user_id = "deploy@pve"
    path = "/vms/100"
  }
  headers = {
    Authorization = "PVEAPIToken=vault@pve!admin=11111111-1111-4111-8111-111111111111"
  }

  step "check" {
    trip {
      request = "GET /api2/json/access/users"
      status = 200
      answer = {
        data = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api2/json/access/users"
      status = 401
      answer = {
        data = null
      }
    }
  }

  step "issue" {
    id = "vvault-app-1"
    secret = {
      token_id = "deploy@pve!vvault-app-1"
      secret = "22222222-2222-4222-8222-222222222222"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api2/json/access/users/deploy@pve/token/vvault-app-1"
      form = {
        comment = "vault-app-1"
        privsep = "1"
        expire = "1921575600"
      }
      status = 200
      answer = {
        data = {
          full-tokenid = "deploy@pve!vvault-app-1"
          value = "22222222-2222-4222-8222-222222222222"
          info = {
            privsep = 1
            expire = 1921575600
          }
        }
      }
    }
    trip {
      request = "PUT /api2/json/access/acl"
      form = {
        path = "/vms/100"
        roles = "PVEAuditor"
        tokens = "deploy@pve!vvault-app-1"
      }
      status = 200
      answer = {
        data = null
      }
    }
  }

  step "extend" {
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T12:00:00Z"
    }
    trip {
      request = "PUT /api2/json/access/users/deploy@pve/token/vvault-app-1"
      form = {
        expire = "1921579200"
      }
      status = 200
      answer = {
        data = {
          privsep = 1
          expire = 1921579200
          comment = "vault-app-1"
        }
      }
    }
  }

  step "list" {
    item "byhand" { name = "byhand" }
    item "vvault-app-1" {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "GET /api2/json/access/users/deploy@pve/token"
      status = 200
      answer = {
        data = [
          {
            tokenid = "byhand"
            privsep = 0
            expire = 0
          },
          {
            tokenid = "vvault-app-1"
            privsep = 1
            expire = 1921575600
            comment = "vault-app-1"
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api2/json/access/users/deploy@pve/token"
      status = 200
      answer = {
        data = [
          {
            tokenid = "vvault-app-1"
          },
        ]
      }
    }
    trip {
      request = "DELETE /api2/json/access/users/deploy@pve/token/vvault-app-1"
      status = 200
      answer = {
        data = null
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /api2/json/access/users/deploy@pve/token"
      status = 200
      answer = {
        data = []
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
      request = "POST /api2/json/access/users/deploy@pve/token/vvault-app-1"
      form = {
        comment = "vault-app-1"
        privsep = "1"
        expire = "1921575600"
      }
      status = 400
      answer = {
        data = null
        errors = {
          expire = "value does not match"
        }
      }
    }
  }
}
