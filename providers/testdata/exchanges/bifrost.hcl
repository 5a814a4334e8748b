exchange "virtual keys for one model" {
  source = "https://docs.getbifrost.ai/api-reference/governance/create-virtual-key, list-virtual-keys, delete-virtual-key; maximhq/bifrost:transports/bifrost-http/handlers/governance.go"
  read   = "2026-11-28"
  connection = {
    username = "admin"
    password = "admin-password"
  }
  role = {
    provider_configs = [
      {
        provider = "openai"
        allowed_models = [
          "gpt-4o-mini",
        ]
        key_ids = [
          "*",
        ]
      },
    ]
    max_budget = 10
    budget_duration = "1d"
    max_requests_per_minute = 60
  }
  headers = {
    Authorization = "Basic YWRtaW46YWRtaW4tcGFzc3dvcmQ="
  }

  step "check" {
    trip {
      request = "GET /api/governance/virtual-keys"
      status = 200
      answer = {
        virtual_keys = []
        count = 0
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/governance/virtual-keys"
      status = 401
      answer = {
        is_bifrost_error = false
        status_code = 401
        error = {
          message = "Unauthorized"
        }
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
      request = "POST /api/governance/virtual-keys"
      json = {
        name = "vault-app-1"
        description = "Leased by Vault"
        provider_configs = [
          {
            provider = "openai"
            allowed_models = [
              "gpt-4o-mini",
            ]
            key_ids = [
              "*",
            ]
          },
        ]
        budget = {
          max_limit = 10
          reset_duration = "1d"
        }
        budgets = [
          {
            max_limit = 10
            reset_duration = "1d"
          },
        ]
        rate_limit = {
          request_max_limit = 60
          request_reset_duration = "1m"
        }
        is_active = true
        expires_at = "2030-11-22T11:00:00Z"
      }
      status = 400
      answer = {
        is_bifrost_error = false
        status_code = 400
        error = {
          message = "Virtual key name is required"
        }
      }
    }
  }

  # A gateway before 1.5 answers with a budget of its own, and its keys have no end.
  step "issue" {
    id = "b1e5c0de-0000-4000-8000-000000000002"
    ends = "never"
    secret = {
      api_key = "sk-bf-older"
    }
    key {
      name = "vault-app-2"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/governance/virtual-keys"
      json = {
        name = "vault-app-2"
        description = "Leased by Vault"
        provider_configs = [
          {
            provider = "openai"
            allowed_models = [
              "gpt-4o-mini",
            ]
            key_ids = [
              "*",
            ]
          },
        ]
        budget = {
          max_limit = 10
          reset_duration = "1d"
        }
        budgets = [
          {
            max_limit = 10
            reset_duration = "1d"
          },
        ]
        rate_limit = {
          request_max_limit = 60
          request_reset_duration = "1m"
        }
        is_active = true
        expires_at = "2030-11-22T11:00:00Z"
      }
      status = 200
      answer = {
        message = "Virtual key created successfully"
        virtual_key = {
          id = "b1e5c0de-0000-4000-8000-000000000002"
          name = "vault-app-2"
          value = "sk-bf-older"
          is_active = true
          budget = {
            max_limit = 10
            reset_duration = "1d"
            current_usage = 0
          }
          created_at = "2030-11-22T10:00:00Z"
        }
      }
    }
  }

  step "issue" {
    id = "b1e5c0de-0000-4000-8000-000000000001"
    secret = {
      api_key = "sk-bf-secret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /api/governance/virtual-keys"
      json = {
        name = "vault-app-1"
        description = "Leased by Vault"
        provider_configs = [
          {
            provider = "openai"
            allowed_models = [
              "gpt-4o-mini",
            ]
            key_ids = [
              "*",
            ]
          },
        ]
        budget = {
          max_limit = 10
          reset_duration = "1d"
        }
        budgets = [
          {
            max_limit = 10
            reset_duration = "1d"
          },
        ]
        rate_limit = {
          request_max_limit = 60
          request_reset_duration = "1m"
        }
        is_active = true
        expires_at = "2030-11-22T11:00:00Z"
      }
      status = 200
      answer = {
        message = "Virtual key created successfully"
        virtual_key = {
          id = "b1e5c0de-0000-4000-8000-000000000001"
          name = "vault-app-1"
          value = "sk-bf-secret"
          is_active = true
          expires_at = "2030-11-22T11:00:00Z"
          budgets = [
            {
              max_limit = 10
              reset_duration = "1d"
              current_usage = 0
            },
          ]
          rate_limit = {
            request_max_limit = 60
            request_reset_duration = "1m"
            request_current_usage = 0
          }
          created_at = "2030-11-22T10:00:00Z"
        }
      }
    }
  }

  step "list" {
    ids = [
  "other",
  "b1e5c0de-0000-4000-8000-000000000001",
]
    trip {
      request = "GET /api/governance/virtual-keys"
      status = 200
      answer = {
        virtual_keys = [
          {
            id = "other"
            name = "by hand"
            value = "sk-bf-other"
            created_at = "2026-01-01T00:00:00Z"
          },
          {
            id = "b1e5c0de-0000-4000-8000-000000000001"
            name = "vault-app-1"
            value = "sk-bf-secret"
            created_at = "2030-11-22T10:00:00Z"
          },
        ]
        count = 2
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/governance/virtual-keys/b1e5c0de-0000-4000-8000-000000000001"
      status = 200
      answer = {
        message = "Virtual key deleted successfully"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/governance/virtual-keys/b1e5c0de-0000-4000-8000-000000000001"
      status = 404
      answer = {
        is_bifrost_error = false
        status_code = 404
        error = {
          message = "Virtual key not found"
        }
      }
    }
  }
}
