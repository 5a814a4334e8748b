exchange "keys of a project" {
  source   = "googleapis/google-api-go-client:apikeys/v2/apikeys-api.json; https://developers.google.com/identity/protocols/oauth2/service-account#httprest; https://cloud.google.com/docs/authentication/api-keys"
  read     = "2026-11-22"
  now      = "2026-11-22T10:00:00Z"
  document = "google-apikeys.json"
  connection = {
    project = "acme"
    credentials = jsonencode({
      type           = "service_account"
      client_email   = "vault@acme.iam.gserviceaccount.com"
      private_key_id = "9f1d"
      private_key    = private_key
      token_uri      = "https://oauth2.googleapis.com/token"
    })
  }
  role = {
    services = ["generativelanguage.googleapis.com"]
  }
  headers = { Authorization = "Bearer ya29.token-1" }

  step "check" {
    trip {
      request = "POST https://oauth2.googleapis.com/token"
      beyond  = true
      headers = { Authorization = "" }
      form    = { grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer" }
      jwt = {
        iss   = "vault@acme.iam.gserviceaccount.com"
        scope = "https://www.googleapis.com/auth/cloud-platform"
        aud   = "https://oauth2.googleapis.com/token"
        iat   = 1795341540
        exp   = 1795345140
      }
      status = 200
      answer = { access_token = "ya29.token-1", expires_in = 3599, token_type = "Bearer" }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys?pageSize=1"
      status  = 200
      answer  = { keys = [] }
    }
  }

  # The making is begun, goes wrong, and is undone.
  step "issue" {
    fails = "unknown"
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
      cidrs      = ["192.0.2.0/24"]
    }
    trip {
      request = "POST https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys?keyId=k-vault-app-1"
      json = {
        displayName = "vault-app-1"
        restrictions = {
          apiTargets = [{ service = "generativelanguage.googleapis.com" }]
          serverKeyRestrictions = {
            allowedIps = ["192.0.2.0/24"]
          }
        }
      }
      status = 200
      answer = { name = "operations/akmf.p7-103621867718-06f6" }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/operations/akmf.p7-103621867718-06f6"
      status  = 200
      answer  = { name = "operations/akmf.p7-103621867718-06f6" }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/operations/akmf.p7-103621867718-06f6"
      status  = 200
      answer = {
        name  = "operations/akmf.p7-103621867718-06f6"
        done  = true
        error = { code = 9, message = "The API is not enabled for the project." }
      }
    }
    trip {
      request = "DELETE https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys/k-vault-app-1"
      status  = 404
      answer = {
        error = { code = 404, message = "Requested entity was not found.", status = "NOT_FOUND" }
      }
    }
  }

  step "issue" {
    id     = "k-vault-app-1"
    secret = { api_key = "AIzaSyExample-app-1" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
      cidrs      = ["192.0.2.0/24"]
    }
    trip {
      request = "POST https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys?keyId=k-vault-app-1"
      json = {
        displayName = "vault-app-1"
        restrictions = {
          apiTargets = [{ service = "generativelanguage.googleapis.com" }]
          serverKeyRestrictions = {
            allowedIps = ["192.0.2.0/24"]
          }
        }
      }
      status = 200
      answer = { name = "operations/akmf.p7-103621867718-06f6" }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/operations/akmf.p7-103621867718-06f6"
      status  = 200
      answer  = { name = "operations/akmf.p7-103621867718-06f6" }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/operations/akmf.p7-103621867718-06f6"
      status  = 200
      answer = {
        name = "operations/akmf.p7-103621867718-06f6"
        done = true
        response = {
          "@type" = "type.googleapis.com/google.api.apikeys.v2.Key"
          name    = "projects/103621867718/locations/global/keys/k-vault-app-1"
          uid     = "b1f0"
        }
      }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys/k-vault-app-1/keyString"
      status  = 200
      answer  = { keyString = "AIzaSyExample-app-1" }
    }
  }

  step "list" {
    ids = ["k-vault-app-1", "6a2c4f8e-1111-2222-3333-444455556666"]
    trip {
      request = "GET https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys?pageSize=300"
      status  = 200
      answer = {
        keys = [
          {
            name        = "projects/103621867718/locations/global/keys/k-vault-app-1"
            uid         = "b1f0"
            displayName = "vault-app-1"
            createTime  = "2026-11-22T10:00:01.123Z"
            etag        = "W/\"x\""
          },
        ]
        nextPageToken = "n2"
      }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys?pageSize=300&pageToken=n2"
      status  = 200
      answer = {
        keys = [
          {
            name       = "projects/103621867718/locations/global/keys/6a2c4f8e-1111-2222-3333-444455556666"
            uid        = "b1f0"
            createTime = "2026-11-22T10:00:01.123Z"
            etag       = "W/\"x\""
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys/k-vault-app-1"
      status  = 200
      answer = {
        name        = "projects/103621867718/locations/global/keys/k-vault-app-1"
        uid         = "b1f0"
        displayName = "vault-app-1"
        createTime  = "2026-11-22T10:00:01.123Z"
        etag        = "W/\"x\""
      }
    }
    trip {
      request = "DELETE https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys/k-vault-app-1"
      status  = 200
      answer  = { name = "operations/akmf.p7-103621867718-06f6" }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/operations/akmf.p7-103621867718-06f6"
      status  = 200
      answer  = { name = "operations/akmf.p7-103621867718-06f6" }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/operations/akmf.p7-103621867718-06f6"
      status  = 200
      answer = {
        name = "operations/akmf.p7-103621867718-06f6"
        done = true
        response = {
          "@type" = "type.googleapis.com/google.api.apikeys.v2.Key"
          name    = "projects/103621867718/locations/global/keys/k-vault-app-1"
          uid     = "b1f0"
        }
      }
    }
  }

  # A deleted key is to be seen for 30 days, with the time of its end.
  step "revoke" {
    trip {
      request = "GET https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys/k-vault-app-1"
      status  = 200
      answer = {
        name        = "projects/103621867718/locations/global/keys/k-vault-app-1"
        uid         = "b1f0"
        displayName = "vault-app-1"
        createTime  = "2026-11-22T10:00:01.123Z"
        etag        = "W/\"x\""
        deleteTime  = "2026-11-22T10:30:00Z"
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys/k-vault-app-1"
      status  = 404
      answer = {
        error = { code = 404, message = "Requested entity was not found.", status = "NOT_FOUND" }
      }
    }
  }

  # A token that is refused is exchanged anew, once.
  step "check" {
    trip {
      request = "GET https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys?pageSize=1"
      status  = 401
      answer = {
        error = {
          code    = 401
          message = "Request had invalid authentication credentials."
          status  = "UNAUTHENTICATED"
        }
      }
    }
    trip {
      request = "POST https://oauth2.googleapis.com/token"
      beyond  = true
      headers = { Authorization = "" }
      form    = { grant_type = "urn:ietf:params:oauth:grant-type:jwt-bearer" }
      jwt = {
        iss   = "vault@acme.iam.gserviceaccount.com"
        scope = "https://www.googleapis.com/auth/cloud-platform"
        aud   = "https://oauth2.googleapis.com/token"
        iat   = 1795341540
        exp   = 1795345140
      }
      status = 200
      answer = { access_token = "ya29.token-1", expires_in = 3599, token_type = "Bearer" }
    }
    trip {
      request = "GET https://apikeys.googleapis.com/v2/projects/acme/locations/global/keys?pageSize=1"
      status  = 200
      answer  = {}
    }
  }
}
