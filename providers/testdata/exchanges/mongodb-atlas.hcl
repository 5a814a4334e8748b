exchange "service accounts of a project, by a service account" {
  source = "mongodb/atlas-sdk-go:openapi/atlas-api.yaml; https://www.mongodb.com/docs/api/doc/atlas-admin-api-v2/; https://www.mongodb.com/docs/atlas/api/service-accounts/generate-oauth2-token/"
  read   = "2026-11-22"
  now    = "2026-11-22T10:00:00Z"
  connection = {
    org_id        = "5e2211c17a3e5a48f5497de3"
    client_id     = "mdb_sa_id_admin"
    client_secret = "mdb_sa_sk_admin"
  }
  role = {
    roles      = ["GROUP_READ_ONLY"]
    project_id = "6a1b11c17a3e5a48f5497d01"
  }
  headers = { Accept = "application/vnd.atlas.2024-08-05+json", Authorization = "Bearer at-1" }

  step "check" {
    trip {
      request = "POST https://cloud.mongodb.com/api/oauth/token"
      headers = { Authorization = "Basic bWRiX3NhX2lkX2FkbWluOm1kYl9zYV9za19hZG1pbg==", Accept = "" }
      form    = { grant_type = "client_credentials" }
      status  = 200
      answer  = { access_token = "at-1", expires_in = 3600, token_type = "Bearer" }
    }
    trip {
      request = "GET https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts?itemsPerPage=1"
      status  = 200
      answer  = { results = [], totalCount = 0 }
    }
  }

  # The access list is refused, so the account is taken back.
  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T19:30:00Z"
      ttl        = 34200
      cidrs      = ["192.0.2.0/24"]
    }
    trip {
      request = "POST https://cloud.mongodb.com/api/atlas/v2/groups/6a1b11c17a3e5a48f5497d01/serviceAccounts"
      json = {
        name                    = "vault-app-1"
        description             = "Leased by Vault"
        roles                   = ["GROUP_READ_ONLY"]
        secretExpiresAfterHours = 10
      }
      status = 201
      answer = {
        clientId    = "mdb_sa_id_1234567890abcdef12345678"
        name        = "vault-app-1"
        description = "Leased by Vault"
        roles       = ["GROUP_READ_ONLY"]
        createdAt   = "2026-11-22T10:00:00Z"
        secrets = [
          {
            id        = "32b6e34b3d91647abb20e7b8"
            secret    = "mdb_sa_sk_app1"
            createdAt = "2026-11-22T10:00:00Z"
            expiresAt = "2026-11-22T20:00:00Z"
          },
        ]
      }
    }
    trip {
      request = "POST https://cloud.mongodb.com/api/atlas/v2/groups/6a1b11c17a3e5a48f5497d01/serviceAccounts/mdb_sa_id_1234567890abcdef12345678/accessList"
      json    = [{ cidrBlock = "192.0.2.0/24" }]
      status  = 400
      answer = {
        error     = 400
        errorCode = "X"
        detail    = "The specified CIDR block is invalid."
        reason    = "Y"
      }
    }
    trip {
      request = "DELETE https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_1234567890abcdef12345678"
      status  = 204
    }
  }

  step "issue" {
    ends   = "2026-11-22T20:00:00Z"
    id     = "mdb_sa_id_1234567890abcdef12345678"
    secret = { client_id = "mdb_sa_id_1234567890abcdef12345678", client_secret = "mdb_sa_sk_app1" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T19:30:00Z"
      ttl        = 34200
      cidrs      = ["192.0.2.0/24"]
    }
    trip {
      request = "POST https://cloud.mongodb.com/api/atlas/v2/groups/6a1b11c17a3e5a48f5497d01/serviceAccounts"
      json = {
        name                    = "vault-app-1"
        description             = "Leased by Vault"
        roles                   = ["GROUP_READ_ONLY"]
        secretExpiresAfterHours = 10
      }
      status = 201
      answer = {
        clientId    = "mdb_sa_id_1234567890abcdef12345678"
        name        = "vault-app-1"
        description = "Leased by Vault"
        roles       = ["GROUP_READ_ONLY"]
        createdAt   = "2026-11-22T10:00:00Z"
        secrets = [
          {
            id        = "32b6e34b3d91647abb20e7b8"
            secret    = "mdb_sa_sk_app1"
            createdAt = "2026-11-22T10:00:00Z"
            expiresAt = "2026-11-22T20:00:00Z"
          },
        ]
      }
    }
    trip {
      request = "POST https://cloud.mongodb.com/api/atlas/v2/groups/6a1b11c17a3e5a48f5497d01/serviceAccounts/mdb_sa_id_1234567890abcdef12345678/accessList"
      json    = [{ cidrBlock = "192.0.2.0/24" }]
      status  = 200
      answer = {
        results = [{ cidrBlock = "192.0.2.0/24" }]
      }
    }
  }

  step "list" {
    item "mdb_sa_id_1234567890abcdef12345678" {
      name         = "vault-app-1"
      created_at   = "2026-11-22T10:00:00Z"
      last_used_at = "2026-11-22T10:05:00Z"
    }
    item "mdb_sa_id_abcdef1234567890abcdef12" {
      name       = "by hand"
      created_at = "2026-11-20T10:00:00Z"
    }
    trip {
      request = "GET https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts?itemsPerPage=500&pageNum=1"
      status  = 200
      answer = {
        links = []
        results = [
          {
            clientId    = "mdb_sa_id_1234567890abcdef12345678"
            name        = "vault-app-1"
            description = "Leased by Vault"
            roles       = ["GROUP_READ_ONLY"]
            createdAt   = "2026-11-22T10:00:00Z"
            secrets     = [{ id = "65f3c0de65f3c0de65f3c0de", createdAt = "2026-11-22T10:00:00Z", expiresAt = "2026-11-22T18:00:00Z", lastUsedAt = "2026-11-22T10:05:00Z" }]
          },
          {
            clientId  = "mdb_sa_id_abcdef1234567890abcdef12"
            name      = "by hand"
            createdAt = "2026-11-20T10:00:00Z"
            secrets   = [{ id = "75f3c0de65f3c0de65f3c0de", createdAt = "2026-11-20T10:00:00Z", expiresAt = "2027-11-20T10:00:00Z" }]
          },
        ]
        totalCount = 2
      }
    }
    trip {
      request = "GET https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts?itemsPerPage=500&pageNum=2"
      status  = 200
      answer  = { links = [], results = [], totalCount = 2 }
    }
  }

  step "probe" {
    alive = true
    trip {
      request = "POST https://cloud.mongodb.com/api/oauth/token"
      headers = {
        Authorization = "Basic bWRiX3NhX2lkXzEyMzQ1Njc4OTBhYmNkZWYxMjM0NTY3ODptZGJfc2Ffc2tfYXBwMQ=="
        Accept        = "application/json"
      }
      form   = { grant_type = "client_credentials" }
      status = 200
      answer = { access_token = "at-2", expires_in = 3600, token_type = "Bearer" }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_1234567890abcdef12345678"
      status  = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_1234567890abcdef12345678"
      status  = 404
      answer  = { error = 404, errorCode = "X", detail = "Cannot find service account.", reason = "Y" }
    }
  }

  step "probe" {
    alive = false
    trip {
      request = "POST https://cloud.mongodb.com/api/oauth/token"
      headers = {
        Authorization = "Basic bWRiX3NhX2lkXzEyMzQ1Njc4OTBhYmNkZWYxMjM0NTY3ODptZGJfc2Ffc2tfYXBwMQ=="
        Accept        = "application/json"
      }
      form   = { grant_type = "client_credentials" }
      status = 401
      answer = { error = "invalid_client" }
    }
  }
}

exchange "the service account that Vault uses" {
  source     = "mongodb/atlas-sdk-go:openapi/atlas-api.yaml, and docs/ServiceAccountsApi.md beside it"
  read       = "2026-11-28"
  now        = "2026-11-22T10:00:00Z"
  connection = { org_id = "5e2211c17a3e5a48f5497de3", client_id = "mdb_sa_id_admin", client_secret = "mdb_sa_sk_admin" }
  role       = { roles = ["ORG_READ_ONLY"] }
  headers    = { Accept = "application/vnd.atlas.2024-08-05+json" }

  step "stray" {
    strays = 1
    key { name = "vault-root-0" }
    trip {
      request = "POST https://cloud.mongodb.com/api/oauth/token"
      headers = { Accept = "" }
      form    = { grant_type = "client_credentials" }
      status  = 200
      answer  = { access_token = "at-1", expires_in = 3600, token_type = "Bearer" }
    }
    trip {
      request = "GET https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts?itemsPerPage=500&pageNum=1"
      status  = 200
      answer = {
        results = [
          { clientId = "mdb_sa_id_admin", name = "vault", description = "Vault's own", roles = ["ORG_OWNER"], createdAt = "2026-01-22T10:00:00Z" },
          { clientId = "mdb_sa_id_lost", name = "vault-root-0", description = "Used by Vault", roles = ["ORG_OWNER"], createdAt = "2026-11-22T09:00:00Z" },
        ]
        totalCount = 2
      }
    }
    trip {
      request = "GET https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts?itemsPerPage=500&pageNum=2"
      status  = 200
      answer  = { results = [], totalCount = 2 }
    }
    trip {
      request = "DELETE https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_lost"
      status  = 204
    }
  }

  step "rotate" {
    connection = { client_id = "mdb_sa_id_new", client_secret = "mdb_sa_sk_new" }
    key { name = "vault-root-1" }
    trip {
      request = "GET https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_admin"
      headers = { Authorization = "Bearer at-1" }
      status  = 200
      answer = {
        clientId    = "mdb_sa_id_admin"
        name        = "vault"
        description = "Vault's own"
        roles       = ["ORG_OWNER"]
        createdAt   = "2026-01-22T10:00:00Z"
        secrets     = [{ id = "32b6e34b3d91647abb20e7b8", maskedSecretValue = "mdb_sa_sk_...dmin", createdAt = "2026-01-22T10:00:00Z", expiresAt = "2027-01-22T10:00:00Z" }]
      }
    }
    trip {
      request = "GET https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_admin/accessList?itemsPerPage=500"
      status  = 200
      answer = {
        links      = []
        results    = [{ cidrBlock = "192.0.2.0/24", createdAt = "2026-01-22T10:00:00Z", requestCount = 7 }]
        totalCount = 1
      }
    }
    trip {
      request = "POST https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts"
      headers = { Content-Type = "application/vnd.atlas.2024-08-05+json" }
      json    = { name = "vault-root-1", description = "Used by Vault", roles = ["ORG_OWNER"], secretExpiresAfterHours = 8760 }
      status  = 201
      answer = {
        clientId    = "mdb_sa_id_new"
        name        = "vault-root-1"
        description = "Used by Vault"
        roles       = ["ORG_OWNER"]
        createdAt   = "2026-11-22T10:00:00Z"
        secrets     = [{ id = "32b6e34b3d91647abb20e7b9", secret = "mdb_sa_sk_new", createdAt = "2026-11-22T10:00:00Z", expiresAt = "2027-11-22T10:00:00Z" }]
      }
    }
    trip {
      request = "POST https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_new/accessList"
      json    = [{ cidrBlock = "192.0.2.0/24" }]
      status  = 200
      answer  = { results = [{ cidrBlock = "192.0.2.0/24" }], totalCount = 1 }
    }
  }

  step "retire" {
    trip {
      request = "POST https://cloud.mongodb.com/api/oauth/token"
      headers = { Accept = "" }
      form    = { grant_type = "client_credentials" }
      status  = 200
      answer  = { access_token = "at-2", expires_in = 3600, token_type = "Bearer" }
    }
    trip {
      request = "DELETE https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_admin"
      headers = { Authorization = "Bearer at-2" }
      status  = 204
    }
  }
}

# The digests were computed apart from this project, with Python's hashlib.

exchange "service accounts of the organization, by an API key" {
  source     = "mongodb/atlas-sdk-go:openapi/atlas-api.yaml; https://www.mongodb.com/docs/api/doc/atlas-admin-api-v2/; https://www.mongodb.com/docs/atlas/configure-api-access/"
  read       = "2026-11-22"
  now        = "2026-11-22T10:00:00Z"
  connection = { org_id = "5e2211c17a3e5a48f5497de3", public_key = "pubkey", private_key = "private-key" }
  role = {
    roles = ["ORG_READ_ONLY"]
  }
  headers = { Accept = "application/vnd.atlas.2024-08-05+json" }

  # The first request is challenged; the challenge serves the others too.
  step "check" {
    trip {
      request        = "GET https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts?itemsPerPage=1"
      headers        = { Authorization = "" }
      status         = 401
      answer_headers = { WWW-Authenticate = "Digest realm=\"MMS Public API\", domain=\"\", nonce=\"Vx0Nn1\", algorithm=MD5, qop=\"auth\", stale=false" }
      answer         = { error = 401, detail = "You are not authorized for this resource." }
    }
    trip {
      request = "GET https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts?itemsPerPage=1"
      headers = {
        Authorization = "Digest username=\"pubkey\", realm=\"MMS Public API\", nonce=\"Vx0Nn1\", uri=\"/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts?itemsPerPage=1\", algorithm=MD5, cnonce=\"nonce\", qop=auth, nc=00000001, response=\"36c4c3c30b4d35193764841787b91fcf\""
      }
      status = 200
      answer = { results = [], totalCount = 0 }
    }
  }

  step "issue" {
    ends   = "2026-11-22T20:00:00Z"
    id     = "mdb_sa_id_1234567890abcdef12345678"
    secret = { client_id = "mdb_sa_id_1234567890abcdef12345678", client_secret = "mdb_sa_sk_app1" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T18:00:00Z"
      ttl        = 28800
    }
    trip {
      request = "POST https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts"
      headers = {
        Authorization = "Digest username=\"pubkey\", realm=\"MMS Public API\", nonce=\"Vx0Nn1\", uri=\"/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts\", algorithm=MD5, cnonce=\"nonce\", qop=auth, nc=00000002, response=\"9d603527a412aaa2f9d9745d9c2e7eb4\""
      }
      json = {
        name                    = "vault-app-1"
        description             = "Leased by Vault"
        roles                   = ["ORG_READ_ONLY"]
        secretExpiresAfterHours = 8
      }
      status = 201
      answer = {
        clientId    = "mdb_sa_id_1234567890abcdef12345678"
        name        = "vault-app-1"
        description = "Leased by Vault"
        roles       = ["GROUP_READ_ONLY"]
        createdAt   = "2026-11-22T10:00:00Z"
        secrets = [
          {
            id        = "32b6e34b3d91647abb20e7b8"
            secret    = "mdb_sa_sk_app1"
            createdAt = "2026-11-22T10:00:00Z"
            expiresAt = "2026-11-22T20:00:00Z"
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE https://cloud.mongodb.com/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_1234567890abcdef12345678"
      headers = {
        Authorization = "Digest username=\"pubkey\", realm=\"MMS Public API\", nonce=\"Vx0Nn1\", uri=\"/api/atlas/v2/orgs/5e2211c17a3e5a48f5497de3/serviceAccounts/mdb_sa_id_1234567890abcdef12345678\", algorithm=MD5, cnonce=\"nonce\", qop=auth, nc=00000003, response=\"ba9d73f59fb44a6c178df587e15dcd8c\""
      }
      status = 204
    }
  }
}
