exchange "keys that sign for private videos" {
  source     = "https://www.mux.com/docs/api-reference/system/signing-keys"
  read       = "2026-11-28"
  connection = { token_id = "id", token_secret = "s3cret" }
  headers    = { Authorization = "Basic aWQ6czNjcmV0" }

  step "check" {
    trip {
      request = "GET /system/v1/signing-keys?limit=1"
      status  = 200
      answer  = { data = [] }
    }
  }
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /system/v1/signing-keys?limit=1"
      status  = 401
      answer  = { error = { type = "unauthorized", messages = ["Unauthorized request"] } }
    }
  }
  step "issue" {
    key { name = "vault-app-1" }
    id     = "vI5KTQ78ohYriuvWKHY6COtZWXexHGLllxksOdZuya8"
    secret = { private_key = "abcd123=", key_id = "vI5KTQ78ohYriuvWKHY6COtZWXexHGLllxksOdZuya8" }
    trip {
      request = "POST /system/v1/signing-keys"
      status  = 201
      answer = { data = {
        private_key = "abcd123="
        id          = "vI5KTQ78ohYriuvWKHY6COtZWXexHGLllxksOdZuya8"
        created_at  = "1610108345"
      } }
    }
  }
  step "list" {
    ids = ["vI5KTQ78ohYriuvWKHY6COtZWXexHGLllxksOdZuya8", "B49p501P7CoA4bjVR6"]
    trip {
      request = "GET /system/v1/signing-keys?limit=100&page=1"
      status  = 200
      answer = { data = [
        { id = "vI5KTQ78ohYriuvWKHY6COtZWXexHGLllxksOdZuya8", created_at = "1610108345" },
        { id = "B49p501P7CoA4bjVR6", created_at = "1609865439" },
      ] }
    }
    trip {
      request = "GET /system/v1/signing-keys?limit=100&page=2"
      status  = 200
      answer  = { data = [] }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /system/v1/signing-keys/vI5KTQ78ohYriuvWKHY6COtZWXexHGLllxksOdZuya8"
      status  = 204
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /system/v1/signing-keys/vI5KTQ78ohYriuvWKHY6COtZWXexHGLllxksOdZuya8"
      status  = 404
      answer  = { error = { type = "not_found", messages = ["The requested resource either doesn't exist or you don't have access to it."] } }
    }
  }
}
