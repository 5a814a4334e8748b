exchange "ingest keys" {
  source = "honeycombio/terraform-provider-honeycombio:client/v2/models.go; https://api-docs.honeycomb.io/api/key-management"
  read   = "2026-11-27"
  connection = {
    key_id     = "hcamk_01"
    key_secret = "admin-secret"
    team       = "acme"
  }
  role = {
    environment_id = "hcaen_01"
  }
  headers = {
    Authorization = "Bearer hcamk_01:admin-secret"
  }

  step "check" {
    trip {
      request = "GET /2/auth"
      status  = 200
      answer = {
        data = {
          id   = "hcamk_01"
          type = "api-keys"
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /2/auth"
      status  = 401
      answer = {
        errors = [
          {
            id     = "e1"
            status = "401"
            code   = "unauthenticated"
            title  = "unknown API key - check your credentials"
          },
        ]
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /2/teams/acme/api-keys"
      json = {
        data = {
          type = "api-keys"
          attributes = {
            name     = "vault-app-1"
            key_type = "ingest"
            permissions = {
              create_datasets = false
            }
          }
          relationships = {
            environment = {
              data = {
                type = "environments"
                id   = "hcaen_01"
              }
            }
          }
        }
      }
      status = 422
      answer = {
        errors = [
          {
            id     = "e3"
            status = "422"
            code   = "validation_failed"
            title  = "The provided input is invalid."
          },
        ]
      }
    }
  }

  step "issue" {
    id = "hcaik_01hqk4k20cjeh63wca8vva5stw"
    secret = {
      api_key = "hcaik_01hqk4k20cjeh63wca8vva5stw3nm5qscvhvx0khb1gkztp8k7hs7m"
      id      = "hcaik_01hqk4k20cjeh63wca8vva5stw"
      secret  = "3nm5qscvhvx0khb1gkztp8k7hs7m"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /2/teams/acme/api-keys"
      json = {
        data = {
          type = "api-keys"
          attributes = {
            name     = "vault-app-1"
            key_type = "ingest"
            permissions = {
              create_datasets = false
            }
          }
          relationships = {
            environment = {
              data = {
                type = "environments"
                id   = "hcaen_01"
              }
            }
          }
        }
      }
      status = 201
      answer = {
        data = {
          id   = "hcaik_01hqk4k20cjeh63wca8vva5stw"
          type = "api-keys"
          attributes = {
            name     = "vault-app-1"
            key_type = "ingest"
            secret   = "3nm5qscvhvx0khb1gkztp8k7hs7m"
          }
        }
      }
    }
  }

  step "list" {
    ids = [
      "other",
      "hcaik_01hqk4k20cjeh63wca8vva5stw",
    ]
    trip {
      request = "GET /2/teams/acme/api-keys?page%5Bsize%5D=100"
      status  = 200
      answer = {
        data = [
          {
            id   = "other"
            type = "api-keys"
            attributes = {
              name     = "by hand"
              key_type = "ingest"
              timestamps = {
                created = "2026-01-01T00:00:00Z"
              }
            }
          },
        ]
        links = {
          next = "/2/teams/acme/api-keys?page[after]=other&page[size]=100"
        }
      }
    }
    trip {
      request = "GET /2/teams/acme/api-keys?page%5Bsize%5D=100&page%5Bafter%5D=other"
      status  = 200
      answer = {
        data = [
          {
            id   = "hcaik_01hqk4k20cjeh63wca8vva5stw"
            type = "api-keys"
            attributes = {
              name     = "vault-app-1"
              key_type = "ingest"
            }
          },
        ]
        links = {}
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /2/teams/acme/api-keys/hcaik_01hqk4k20cjeh63wca8vva5stw"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /2/teams/acme/api-keys/hcaik_01hqk4k20cjeh63wca8vva5stw"
      status  = 404
      answer = {
        errors = [
          {
            id     = "e2"
            status = "404"
            code   = "not_found"
            title  = "The requested resource cannot be found."
          },
        ]
      }
    }
  }
}
