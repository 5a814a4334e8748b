exchange "access keys of a namespace" {
  source = "digitalocean/openapi:specification/DigitalOcean-public.v2.yaml"
  read   = "2026-11-27"
  connection = {
    token = "dop_v1_admin"
    namespace = "fn-b2a1"
  }
  headers = {
    Authorization = "Bearer dop_v1_admin"
  }

  step "check" {
    trip {
      request = "GET /v2/functions/namespaces/fn-b2a1/keys"
      status = 200
      answer = {
        access_keys = []
        count = 0
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v2/functions/namespaces/fn-b2a1/keys"
      status = 401
      answer = {
        id = "unauthorized"
        message = "Unable to authenticate you."
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
    }
    trip {
      request = "POST /v2/functions/namespaces/fn-b2a1/keys"
      json = {
        name = "vault-app-1"
        expires_in = "1h"
      }
      status = 422
      answer = {
        id = "unprocessable_entity"
        message = "Name is already in use."
      }
    }
  }

  step "issue" {
    id = "dof_v1_d79e8aeb"
    secret = {
      secret = "fn_secret_x"
      id = "dof_v1_d79e8aeb"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl = 3600
    }
    trip {
      request = "POST /v2/functions/namespaces/fn-b2a1/keys"
      json = {
        name = "vault-app-1"
        expires_in = "1h"
      }
      status = 201
      answer = {
        access_key = {
          id = "dof_v1_d79e8aeb"
          name = "vault-app-1"
          secret = "fn_secret_x"
          expires_at = "2030-11-22T11:00:00Z"
          created_at = "2030-11-22T10:00:00Z"
          updated_at = "2030-11-22T10:00:00Z"
        }
      }
    }
  }

  step "list" {
    ids = [
  "dof_v1_other",
  "dof_v1_d79e8aeb",
]
    trip {
      request = "GET /v2/functions/namespaces/fn-b2a1/keys"
      status = 200
      answer = {
        access_keys = [
          {
            id = "dof_v1_other"
            name = "by hand"
            expires_at = null
            created_at = "2026-01-01T00:00:00Z"
            updated_at = "2026-01-01T00:00:00Z"
          },
          {
            id = "dof_v1_d79e8aeb"
            name = "vault-app-1"
            expires_at = "2030-11-22T11:00:00Z"
            created_at = "2030-11-22T10:00:00Z"
            updated_at = "2030-11-22T10:00:00Z"
          },
        ]
        count = 2
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v2/functions/namespaces/fn-b2a1/keys/dof_v1_d79e8aeb"
      status = 200
      answer = {}
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /v2/functions/namespaces/fn-b2a1/keys/dof_v1_d79e8aeb"
      status = 404
      answer = {
        id = "not_found"
        message = "The resource you were accessing could not be found."
      }
    }
  }
}
