exchange "passwords of readers" {
  document = "planetscale.json"
  source = "planetscale/terraform-provider-planetscale:schemas/openapi.yaml"
  read   = "2026-11-27"
  connection = {
    token_id = "tid"
    token = "pscale_tkn_admin"
    organization = "acme"
  }
  role = {
    database = "shop"
  }
  headers = {
    Authorization = "tid:pscale_tkn_admin"
  }

  step "check" {
    trip {
      request = "GET /v1/organizations"
      status = 200
      answer = {
        type = "list"
        current_page = 1
        per_page = 100
        next_page = null
        next_page_url = null
        prev_page = null
        prev_page_url = null
        total_count = 2
        total_pages = 2
        data = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/organizations"
      status = 401
      answer = {
        code = "unauthorized"
        message = "Service token is invalid"
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
      cidrs = [
        "192.0.2.0/24",
      ]
    }
    trip {
      request = "POST /v1/organizations/acme/databases/shop/branches/main/passwords"
      json = {
        name = "vault-app-1"
        role = "reader"
        replica = false
        ttl = 3600
        cidrs = [
          "192.0.2.0/24",
        ]
      }
      status = 422
      answer = {
        code = "unprocessable"
        message = "Ttl is invalid"
      }
    }
  }

  step "issue" {
    id = "pw1"
    secret = {
      username = "u1"
      password = "pscale_pw_secret"
      host = "aws.connect.psdb.cloud"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
      cidrs = [
        "192.0.2.0/24",
      ]
    }
    trip {
      request = "POST /v1/organizations/acme/databases/shop/branches/main/passwords"
      json = {
        name = "vault-app-1"
        role = "reader"
        replica = false
        ttl = 3600
        cidrs = [
          "192.0.2.0/24",
        ]
      }
      status = 201
      answer = {
        id = "pw1"
        name = "vault-app-1"
        role = "reader"
        cidrs = [
          "192.0.2.0/24",
        ]
        created_at = "2030-11-22T10:00:00Z"
        deleted_at = null
        expires_at = "2030-11-22T11:00:00Z"
        last_used_at = null
        expired = false
        direct_vtgate = false
        direct_vtgate_addresses = []
        ttl_seconds = 3600
        access_host_url = "aws.connect.psdb.cloud"
        username = "u1"
        plain_text = "pscale_pw_secret"
      }
    }
  }

  step "list" {
    item "other" {
      name         = "by hand"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "2030-11-22T10:05:00Z"
    }
    item "pw1" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
    }
    trip {
      request = "GET /v1/organizations/acme/databases/shop/branches/main/passwords?page=1&per_page=100"
      status = 200
      answer = {
        type = "list"
        current_page = 1
        per_page = 100
        next_page = 2
        next_page_url = null
        prev_page = null
        prev_page_url = null
        total_count = 2
        total_pages = 2
        data = [
          {
            id = "other"
            name = "by hand"
            role = "reader"
            cidrs = [
              "192.0.2.0/24",
            ]
            created_at = "2030-11-22T10:00:00Z"
            deleted_at = null
            expires_at = "2030-11-22T11:00:00Z"
            last_used_at = "2030-11-22T10:05:00Z"
            expired = false
            direct_vtgate = false
            direct_vtgate_addresses = []
            ttl_seconds = 3600
            access_host_url = "aws.connect.psdb.cloud"
            username = "u1"
            plain_text = "pscale_pw_secret"
          },
        ]
      }
    }
    trip {
      request = "GET /v1/organizations/acme/databases/shop/branches/main/passwords?page=2&per_page=100"
      status = 200
      answer = {
        type = "list"
        current_page = 1
        per_page = 100
        next_page = null
        next_page_url = null
        prev_page = null
        prev_page_url = null
        total_count = 2
        total_pages = 2
        data = [
          {
            id = "pw1"
            name = "vault-app-1"
            role = "reader"
            cidrs = [
              "192.0.2.0/24",
            ]
            created_at = "2030-11-22T10:00:00Z"
            deleted_at = null
            expires_at = "2030-11-22T11:00:00Z"
            last_used_at = null
            expired = false
            direct_vtgate = false
            direct_vtgate_addresses = []
            ttl_seconds = 3600
            access_host_url = "aws.connect.psdb.cloud"
            username = "u1"
            plain_text = "pscale_pw_secret"
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/organizations/acme/databases/shop/branches/main/passwords/pw1"
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v1/organizations/acme/databases/shop/branches/main/passwords/pw1"
      status = 404
      answer = {
        code = "not_found"
        message = "Not Found"
      }
    }
  }
}
