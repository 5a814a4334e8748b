exchange "keys of a group" {
  source = "https://docs.perplexity.ai/openapi-auth.json; https://docs.perplexity.ai/docs/admin/api-key-management"
  read   = "2026-11-27"
  connection = {
    api_key = "pplx-admin"
  }
  headers = {
    Authorization = "Bearer pplx-admin"
  }

  step "check" {
    trip {
      request = "GET /async/chat/completions"
      status = 200
      answer = {
        requests = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /async/chat/completions"
      status = 401
      answer = {
        error = {
          message = "Invalid API key"
          type = "invalid_api_key"
          code = 401
        }
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
    }
    trip {
      request = "POST /generate_auth_token"
      json = {
        token_name = "vault-app-1"
      }
      status = 400
      answer = {
        error = {
          message = "No API group"
          code = 400
        }
      }
    }
  }

  step "issue" {
    id = "70165b85ddc18b7c39d9283524cf73a620c29457f934398e8962273f15d076eb"
    secret = {
      api_key = "pplx-new"
    }
    key {
      name = "vault-app-1"
    }
    trip {
      request = "POST /generate_auth_token"
      json = {
        token_name = "vault-app-1"
      }
      status = 200
      answer = {
        auth_token = "pplx-new"
        created_at_epoch_seconds = 1921572000
        token_name = "vault-app-1"
      }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "GET /async/chat/completions"
      headers = {
        Authorization = "Bearer pplx-new"
      }
      status = 200
      answer = {
        requests = []
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /async/chat/completions"
      headers = {
        Authorization = "Bearer pplx-new"
      }
      status = 200
      answer = {
        requests = []
      }
    }
    trip {
      request = "POST /revoke_auth_token"
      json = {
        auth_token = "pplx-new"
      }
      status = 200
    }
  }

  step "revoke" {
    trip {
      request = "GET /async/chat/completions"
      headers = {
        Authorization = "Bearer pplx-new"
      }
      status = 401
      answer = {
        error = {
          message = "Invalid API key"
          code = 401
        }
      }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "GET /async/chat/completions"
      headers = {
        Authorization = "Bearer pplx-new"
      }
      status = 401
      answer = {
        error = {
          message = "Invalid API key"
          code = 401
        }
      }
    }
  }

  step "rotate" {
    connection = { api_key = "pplx-admin2" }
    key {
      name = "vault-root-1"
    }
    trip {
      request = "POST /generate_auth_token"
      json = {
        token_name = "vault-root-1"
      }
      status = 200
      answer = {
        auth_token = "pplx-admin2"
        created_at_epoch_seconds = 1921572000
        token_name = "vault-root-1"
      }
    }
  }

  step "retire" {
    trip {
      request = "GET /async/chat/completions"
      headers = {
        Authorization = "Bearer pplx-admin"
      }
      status = 200
      answer = {
        requests = []
      }
    }
    trip {
      request = "POST /revoke_auth_token"
      headers = {
        Authorization = "Bearer pplx-admin2"
      }
      json = {
        auth_token = "pplx-admin"
      }
      status = 200
    }
  }
}
