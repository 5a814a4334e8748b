exchange "tokens of policies" {
  source     = "hashicorp/nomad:website/content/api-docs/acl/tokens.mdx; nomad/acl_endpoint.go, nomad/auth/auth.go and command/agent/http.go for what is refused"
  read       = "2026-11-28"
  connection = { token = "3f4a0fcd-7c42-773c-25db-2d31ba0c05fe", base_url = "https://nomad.example:4646" }
  role       = { policies = ["readonly"] }
  headers    = { X-Nomad-Token = "3f4a0fcd-7c42-773c-25db-2d31ba0c05fe" }

  step "check" {
    trip {
      request = "GET /v1/acl/tokens?per_page=1"
      status  = 200
      answer  = [{ AccessorID = "b780e702-98ce-521f-2e5f-c6b87de05b24", Name = "Bootstrap Token", Type = "management" }]
    }
  }
  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /v1/acl/tokens?per_page=1"
      status  = 403
      answer  = "Permission denied"
    }
  }
  step "issue" {
    key {
      name       = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    id     = "aa534e09-6a07-0a45-2295-a7f77063d429"
    secret = { token = "8176afd3-772d-0b71-8f85-7fa5d903e9d4" }
    trip {
      request = "POST /v1/acl/token"
      json    = { Name = "vault-app-1", Type = "client", Policies = ["readonly"], Global = false, ExpirationTime = "2030-11-22T11:00:00Z" }
      status  = 200
      answer = {
        AccessorID     = "aa534e09-6a07-0a45-2295-a7f77063d429"
        SecretID       = "8176afd3-772d-0b71-8f85-7fa5d903e9d4"
        Name           = "vault-app-1"
        Type           = "client"
        Policies       = ["readonly"]
        Global         = false
        CreateTime     = "2030-11-22T10:00:00.429154233Z"
        ExpirationTime = "2030-11-22T11:00:00Z"
        CreateIndex    = 52
        ModifyIndex    = 52
      }
    }
  }
  step "list" {
    ids = ["b780e702-98ce-521f-2e5f-c6b87de05b24", "aa534e09-6a07-0a45-2295-a7f77063d429"]
    trip {
      request        = "GET /v1/acl/tokens?per_page=100"
      status         = 200
      answer_headers = { X-Nomad-NextToken = "aa534e09-6a07-0a45-2295-a7f77063d429" }
      answer         = [{ AccessorID = "b780e702-98ce-521f-2e5f-c6b87de05b24", Name = "Bootstrap Token", CreateTime = "2017-08-23T22:47:14.695408057Z" }]
    }
    trip {
      request = "GET /v1/acl/tokens?per_page=100&next_token=aa534e09-6a07-0a45-2295-a7f77063d429"
      status  = 200
      answer  = [{ AccessorID = "aa534e09-6a07-0a45-2295-a7f77063d429", Name = "vault-app-1", CreateTime = "2030-11-22T10:00:00.429154233Z" }]
    }
  }
  step "probe" {
    alive = true
    trip {
      request = "GET /v1/acl/token/self"
      headers = { X-Nomad-Token = "8176afd3-772d-0b71-8f85-7fa5d903e9d4" }
      status  = 200
      answer  = { AccessorID = "aa534e09-6a07-0a45-2295-a7f77063d429", Name = "vault-app-1" }
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /v1/acl/token/aa534e09-6a07-0a45-2295-a7f77063d429"
      status  = 200
    }
  }
  step "revoke" {
    trip {
      request = "DELETE /v1/acl/token/aa534e09-6a07-0a45-2295-a7f77063d429"
      status  = 400
      answer  = "Cannot delete nonexistent tokens: aa534e09-6a07-0a45-2295-a7f77063d429"
    }
  }
  step "revoke" {
    fails = "unauthorized"
    trip {
      request = "DELETE /v1/acl/token/aa534e09-6a07-0a45-2295-a7f77063d429"
      status  = 403
      answer  = "Permission denied"
    }
  }
  step "probe" {
    alive = false
    trip {
      request = "GET /v1/acl/token/self"
      headers = { X-Nomad-Token = "8176afd3-772d-0b71-8f85-7fa5d903e9d4" }
      status  = 403
      answer  = "Permission denied"
    }
  }
}
