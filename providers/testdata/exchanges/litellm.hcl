exchange "keys for one model" {
  source = "BerriAI/litellm:litellm/proxy/management_endpoints/key_management_endpoints.py; https://docs.litellm.ai/docs/proxy/virtual_keys"
  read   = "2026-11-27"
  connection = {
    master_key = "sk-master"
  }
  role = {
    models = [
      "gpt-4o-mini",
    ]
    max_budget            = 5
    budget_duration       = "1d"
    max_parallel_requests = 2
  }

  step "check" {
    trip {
      request = "GET /key/list?page=1&size=1"
      status  = 200
      answer = {
        keys         = []
        total_count  = 0
        current_page = 1
        total_pages  = 0
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /key/list?page=1&size=1"
      status  = 401
      answer = {
        error = {
          message = "Authentication Error, Invalid proxy server token passed."
          type    = "token_not_found_in_db"
          param   = "key"
          code    = "401"
        }
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    trip {
      request = "POST /key/generate"
      json = {
        key_alias = "vault-app-1"
        duration  = "3600s"
        models = [
          "gpt-4o-mini",
        ]
        max_budget            = 5
        budget_duration       = "1d"
        max_parallel_requests = 2
        key_type              = "llm_api"
      }
      status = 400
      answer = {
        error = {
          message = "duration is invalid"
          code    = "400"
        }
      }
    }
  }

  step "issue" {
    id = "vault-app-1"
    secret = {
      api_key = "sk-app-1"
    }
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    trip {
      request = "POST /key/generate"
      json = {
        key_alias = "vault-app-1"
        duration  = "3600s"
        models = [
          "gpt-4o-mini",
        ]
        max_budget            = 5
        budget_duration       = "1d"
        max_parallel_requests = 2
        key_type              = "llm_api"
      }
      status = 200
      answer = {
        key       = "sk-app-1"
        key_alias = "vault-app-1"
        token     = "88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b"
        expires   = "2030-11-22T11:00:00.000000Z"
        models = [
          "gpt-4o-mini",
        ]
        max_budget            = 5.0
        budget_duration       = "1d"
        max_parallel_requests = 2
        allowed_routes        = ["llm_api_routes"]
        rpm_limit             = null
        tpm_limit             = null
      }
    }
  }

  step "list" {
    item "vault-app-2" {
      name         = "vault-app-2"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "never"
    }
    item "vault-app-1" {
      name         = "vault-app-1"
      created_at   = "2030-11-22T10:00:00Z"
      last_used_at = "2030-11-22T10:30:00Z"
    }
    trip {
      request = "GET /key/list?page=1&size=100&return_full_object=true"
      status  = 200
      answer = {
        keys = [
          {
            token      = "h1"
            key_alias  = null
            created_at = "2026-01-01T00:00:00Z"
          },
          {
            token       = "88de"
            key_alias   = "vault-app-2"
            created_at  = "2030-11-22T10:00:00Z"
            last_active = null
          },
          {
            token      = "88dc"
            key_alias  = "vault-app-1"
            created_at = "2030-11-22T10:00:00Z"
            last_active = "2030-11-22T10:30:00Z"
          },
        ]
        total_count  = 3
        current_page = 1
        total_pages  = 1
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /v1/models"
      headers = {
        Authorization = "Bearer sk-app-1"
      }
      status = 200
      answer = {
        data = []
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /key/delete"
      json = {
        key_aliases = [
          "vault-app-1",
        ]
      }
      status = 200
      answer = {
        deleted_keys = [
          "88dc",
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST /key/delete"
      json = {
        key_aliases = [
          "vault-app-1",
        ]
      }
      status = 404
      answer = {
        error = {
          message = "No keys found"
          type    = "not_found_error"
          param   = ""
          code    = "404"
        }
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /v1/models"
      headers = {
        Authorization = "Bearer sk-app-1"
      }
      status = 401
      answer = {
        error = {
          message = "Authentication Error"
          code    = "401"
        }
      }
    }
  }
}
