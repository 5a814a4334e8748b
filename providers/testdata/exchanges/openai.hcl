exchange "rotation" {
  source     = "openai/openai-openapi:openapi.json, its examples"
  read       = "2026-11-22"
  document   = "openai.json"
  connection = { admin_key = "sk-admin-0-def" }
  role       = { project_id = "proj_contract" }
  headers    = { Authorization = "Bearer sk-admin-0-def" }

  step "stray" {
    strays = 1
    key { name = "vault-root-0" }
    trip {
      request = "GET /v1/organization/admin_api_keys?limit=100"
      status  = 200
      answer = {
        object   = "list"
        data     = [{ id = "key_abc", name = "by hand" }, { id = "key_none", name = null }]
        last_id  = "key_none"
        has_more = true
      }
    }
    trip {
      request = "GET /v1/organization/admin_api_keys?after=key_none&limit=100"
      status  = 200
      answer  = { object = "list", data = [{ id = "key_lost", name = "vault-root-0" }], last_id = "key_lost", has_more = false }
    }
    trip {
      request = "DELETE /v1/organization/admin_api_keys/key_lost"
      status  = 200
      answer  = { id = "key_lost", object = "organization.admin_api_key.deleted", deleted = true }
    }
  }

  # The connection does not know its key's id: the list does.
  step "rotate" {
    connection = { admin_key = "sk-admin-1-xyz", admin_key_id = "key_xyz" }
    key { name = "vault-root-1" }
    trip {
      request = "GET /v1/organization/admin_api_keys?limit=100"
      status  = 200
      answer = {
        object   = "list"
        has_more = false
        data = [
          { id = "key_abc", name = "other", redacted_value = "sk-admin...ghi" },
          { id = "key_own", name = "by hand", redacted_value = "sk-admin...def" },
          { id = "key_odd", name = "odd", redacted_value = "..." },
        ]
      }
    }
    trip {
      request = "POST /v1/organization/admin_api_keys"
      json    = { name = "vault-root-1" }
      status  = 200
      answer  = { object = "organization.admin_api_key", id = "key_xyz", name = "vault-root-1", redacted_value = "sk-admin...xyz", value = "sk-admin-1-xyz" }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /v1/organization/admin_api_keys/key_own"
      headers = { Authorization = "Bearer sk-admin-1-xyz" }
      status  = 200
      answer  = { id = "key_own", object = "organization.admin_api_key.deleted", deleted = true }
    }
  }

  # From now on it does.
  step "rotate" {
    connection = { admin_key = "sk-admin-2-xyz", admin_key_id = "key_third" }
    key { name = "vault-root-2" }
    trip {
      request = "GET /v1/organization/admin_api_keys?limit=100"
      headers = { Authorization = "Bearer sk-admin-1-xyz" }
      status  = 200
      answer  = { object = "list", has_more = true, data = [{ id = "key_abc", name = "other", redacted_value = "sk-admin...xyz" }] }
    }
    trip {
      request = "POST /v1/organization/admin_api_keys"
      headers = { Authorization = "Bearer sk-admin-1-xyz" }
      json    = { name = "vault-root-2" }
      status  = 200
      answer  = { object = "organization.admin_api_key", id = "key_third", name = "vault-root-2", value = "sk-admin-2-xyz" }
    }
  }

  step "retire" {
    trip {
      request = "DELETE /v1/organization/admin_api_keys/key_xyz"
      headers = { Authorization = "Bearer sk-admin-2-xyz" }
      status  = 404
      answer  = { error = { message = "No such admin API key" } }
    }
  }
}

# Two keys look like ours, so none may be deleted.
exchange "rotation of a key that cannot be told" {
  source     = "openai/openai-openapi:openapi.json"
  read       = "2026-11-22"
  document   = "openai.json"
  connection = { admin_key = "sk-admin-0-def" }
  role       = { project_id = "proj_contract" }
  headers    = { Authorization = "Bearer sk-admin-0-def" }

  step "rotate" {
    connection = { admin_key = "sk-admin-1-xyz", admin_key_id = "key_xyz" }
    key { name = "vault-root-1" }
    trip {
      request = "GET /v1/organization/admin_api_keys?limit=100"
      status  = 200
      answer  = { object = "list", has_more = false, data = [{ id = "key_a", redacted_value = "sk-admin...def" }, { id = "key_b", redacted_value = "sk-admin...def" }] }
    }
    trip {
      request = "POST /v1/organization/admin_api_keys"
      json    = { name = "vault-root-1" }
      status  = 200
      answer  = { object = "organization.admin_api_key", id = "key_xyz", name = "vault-root-1", value = "sk-admin-1-xyz" }
    }
  }

  step "retire" { by_hand = true }

  step "stray" {
    key { name = "vault-root-9" }
    trip {
      request = "GET /v1/organization/admin_api_keys?limit=100"
      headers = { Authorization = "Bearer sk-admin-1-xyz" }
      status  = 200
      answer  = { object = "list", has_more = false, data = [] }
    }
  }
}

# expires_in_seconds is younger than the document.
exchange "keys that end by themselves" {
  source     = "https://developers.openai.com/api/reference/resources/admin (projects, service accounts), and the crate openai-client-base 0.16.0, which is made from OpenAI's document 2.3.0"
  read       = "2026-11-28"
  connection = { admin_key = "sk-admin-0-def" }
  role       = { project_id = "proj_abc", native_expiry = true }
  headers    = { Authorization = "Bearer sk-admin-0-def" }

  step "check" {
    trip {
      request = "GET /v1/organization/projects?limit=1"
      status  = 200
      answer  = { object = "list", data = [] }
    }
  }
  step "issue" {
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    id     = "svc_acct_abc"
    secret = { api_key = "sk-svcacct-1" }
    ends   = "2030-11-22T11:00:00Z"
    trip {
      request = "POST /v1/organization/projects/proj_abc/service_accounts"
      json    = { name = "vault-app-1", expires_in_seconds = 3600 }
      status  = 200
      answer = {
        object     = "organization.project.service_account"
        id         = "svc_acct_abc"
        name       = "vault-app-1"
        role       = "member"
        created_at = 1921572000
        api_key = {
          object     = "organization.project.service_account.api_key"
          id         = "key_abc"
          name       = "Secret Key"
          value      = "sk-svcacct-1"
          created_at = 1921572000
          expires_at = 1921575600
        }
      }
    }
  }
  # A policy that wants less is OpenAI's to enforce.
  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-2"
      expires_at = "2030-11-22T11:00:00Z"
      ttl        = 3600
    }
    trip {
      request = "POST /v1/organization/projects/proj_abc/service_accounts"
      json    = { name = "vault-app-2", expires_in_seconds = 3600 }
      status  = 400
      answer  = { error = { message = "The lifetime exceeds the policy of the project." } }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /v1/organization/projects/proj_abc/service_accounts/svc_acct_abc"
      status  = 200
      answer  = { object = "organization.project.service_account.deleted", id = "svc_acct_abc", deleted = true }
    }
  }
}
