exchange "keys of a project" {
  source = "getsentry/sentry-api-schema:openapi-derefed.json; https://docs.sentry.io/api/pagination/"
  read   = "2026-11-27"
  connection = {
    auth_token = "sntrys_admin"
    organization = "acme"
  }
  role = {
    project = "web"
    rate_limit = {
      count = 1000
      window = 60
    }
  }

  step "check" {
    trip {
      request = "GET https://sentry.io/api/0/organizations/acme/projects/?per_page=1"
      status = 200
      answer = []
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET https://sentry.io/api/0/organizations/acme/projects/?per_page=1"
      status = 401
      answer = {
        detail = "Invalid token"
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
      request = "POST https://sentry.io/api/0/projects/acme/web/keys/"
      json = {
        name = "vault-app-1"
        rateLimit = {
          count = 1000
          window = 60
        }
      }
      status = 400
      answer = {
        detail = "rateLimit: window is too long"
      }
    }
  }

  step "issue" {
    id = "da8d69cb17e80677b76e08fde4656b93"
    secret = {
      dsn = "https://da8d@o1.ingest.sentry.io/1"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST https://sentry.io/api/0/projects/acme/web/keys/"
      json = {
        name = "vault-app-1"
        rateLimit = {
          count = 1000
          window = 60
        }
      }
      status = 201
      answer = {
        id = "da8d69cb17e80677b76e08fde4656b93"
        name = "vault-app-1"
        label = "vault-app-1"
        public = "da8d"
        secret = "x"
        isActive = true
        dsn = {
          public = "https://da8d@o1.ingest.sentry.io/1"
          secret = "https://da8d:x@o1.ingest.sentry.io/1"
        }
        dateCreated = "2030-11-22T10:00:00Z"
      }
    }
  }

  step "list" {
    ids = ["other", "da8d69cb17e80677b76e08fde4656b93"]
    trip {
      request = "GET https://sentry.io/api/0/projects/acme/web/keys/"
      answer_headers = {
        Link = "<https://sentry.io/api/0/projects/acme/web/keys/?cursor=0:0:1>; rel=\"previous\"; results=\"false\"; cursor=\"0:0:1\", <https://sentry.io/api/0/projects/acme/web/keys/?cursor=0:100:0>; rel=\"next\"; results=\"true\"; cursor=\"0:100:0\""
      }
      status = 200
      answer = [
        {
          id = "other"
          name = "by hand"
          label = "vault-app-1"
          public = "da8d"
          secret = "x"
          isActive = true
          dsn = {
            public = "https://da8d@o1.ingest.sentry.io/1"
            secret = "https://da8d:x@o1.ingest.sentry.io/1"
          }
          dateCreated = "2030-11-22T10:00:00Z"
        },
      ]
    }
    trip {
      request = "GET https://sentry.io/api/0/projects/acme/web/keys/?cursor=0%3A100%3A0"
      answer_headers = {
        Link = "<https://sentry.io/api/0/projects/acme/web/keys/?cursor=0:0:1>; rel=\"previous\"; results=\"false\"; cursor=\"0:0:1\", <https://sentry.io/api/0/projects/acme/web/keys/?cursor=0:200:0>; rel=\"next\"; results=\"false\"; cursor=\"0:200:0\""
      }
      status = 200
      answer = [
        {
          id = "da8d69cb17e80677b76e08fde4656b93"
          name = "vault-app-1"
          label = "vault-app-1"
          public = "da8d"
          secret = "x"
          isActive = true
          dsn = {
            public = "https://da8d@o1.ingest.sentry.io/1"
            secret = "https://da8d:x@o1.ingest.sentry.io/1"
          }
          dateCreated = "2030-11-22T10:00:00Z"
        },
      ]
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://sentry.io/api/0/projects/acme/web/keys/da8d69cb17e80677b76e08fde4656b93/"
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://sentry.io/api/0/projects/acme/web/keys/da8d69cb17e80677b76e08fde4656b93/"
      status = 404
      answer = {
        detail = "The requested resource does not exist"
      }
    }
  }
}
