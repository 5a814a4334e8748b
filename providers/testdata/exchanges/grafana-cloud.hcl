exchange "tokens that read metrics" {
  source = "grafana/grafana-com-public-clients:openapi.json"
  read   = "2026-11-27"
  connection = {
    token = "glc_admin"
    region = "eu"
  }
  document = "grafana-cloud.json"
  prefix = "/api"
  role = {
    scopes = [
      "metrics:read",
    ]
    realms = [
      {
        type = "stack"
        identifier = "123"
      },
    ]
  }

  step "check" {
    trip {
      request = "GET /api/v1/accesspolicies?pageSize=1&region=eu"
      status = 200
      answer = {
        items = []
        metadata = {
          pagination = {
            pageSize = 1
            pageCursor = null
            nextPage = null
          }
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /api/v1/accesspolicies?pageSize=1&region=eu"
      status = 401
      answer = {
        code = "InvalidCredentials"
        message = "Token invalid"
      }
    }
  }

  step "issue" {
    id = "c45485b6-8321-4cf2-bcec-12006df755ff"
    secret = {
      token = "glc_secret"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      cidrs = [
        "192.0.2.0/24",
      ]
    }
    trip {
      request = "POST /api/v1/accesspolicies?region=eu"
      headers = {
        X-Request-Id = "policy-vault-app-1"
      }
      json = {
        name = "vault-app-1"
        scopes = [
          "metrics:read",
        ]
        realms = [
          {
            type = "stack"
            identifier = "123"
          },
        ]
        conditions = {
          allowedSubnets = [
            "192.0.2.0/24",
          ]
        }
      }
      status = 200
      answer = {
        id = "c45485b6-8321-4cf2-bcec-12006df755ff"
        orgId = "1"
        name = "vault-app-1"
        displayName = "vault-app-1"
        scopes = [
          "metrics:read",
        ]
        realms = [
          {
            type = "stack"
            identifier = "123"
            labelPolicies = []
          },
        ]
        createdAt = "2030-11-22T10:00:00Z"
        status = "active"
      }
    }
    trip {
      request = "POST /api/v1/tokens?region=eu"
      headers = {
        X-Request-Id = "token-vault-app-1"
      }
      json = {
        accessPolicyId = "c45485b6-8321-4cf2-bcec-12006df755ff"
        name = "vault-app-1"
        expiresAt = "2030-11-22T11:00:00Z"
      }
      status = 200
      answer = {
        id = "a1b2c3d4-0000-4000-8000-000000000001"
        accessPolicyId = "c45485b6-8321-4cf2-bcec-12006df755ff"
        name = "vault-app-1"
        displayName = "vault-app-1"
        expiresAt = "2030-11-22T11:00:00Z"
        createdAt = "2030-11-22T10:00:00Z"
        orgId = "1"
        token = "glc_secret"
      }
    }
  }

  step "list" {
    ids = [
  "other",
  "c45485b6-8321-4cf2-bcec-12006df755ff",
]
    trip {
      request = "GET /api/v1/accesspolicies?pageSize=500&region=eu"
      status = 200
      answer = {
        items = [
          {
            id = "other"
            orgId = "1"
            name = "by-hand"
            displayName = "vault-app-1"
            scopes = [
              "metrics:read",
            ]
            realms = [
              {
                type = "stack"
                identifier = "123"
                labelPolicies = []
              },
            ]
            createdAt = "2030-11-22T10:00:00Z"
            status = "active"
          },
        ]
        metadata = {
          pagination = {
            pageSize = 500
            pageCursor = null
            nextPage = "/api/v1/accesspolicies?region=eu&pageSize=500&pageCursor=abc%3D"
          }
        }
      }
    }
    trip {
      request = "GET /api/v1/accesspolicies?pageCursor=abc%3D&pageSize=500&region=eu"
      status = 200
      answer = {
        items = [
          {
            id = "c45485b6-8321-4cf2-bcec-12006df755ff"
            orgId = "1"
            name = "vault-app-1"
            displayName = "vault-app-1"
            scopes = [
              "metrics:read",
            ]
            realms = [
              {
                type = "stack"
                identifier = "123"
                labelPolicies = []
              },
            ]
            createdAt = "2030-11-22T10:00:00Z"
            status = "active"
          },
        ]
        metadata = {
          pagination = {
            pageSize = 500
            pageCursor = "abc="
            nextPage = null
          }
        }
      }
    }
  }

  step "extend" {
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      cidrs = [
        "192.0.2.0/24",
      ]
    }
    trip {
      request = "POST /api/v1/tokens/a1b2c3d4-0000-4000-8000-000000000001?region=eu"
      json = {
        expiresAt = "2030-11-22T11:00:00Z"
      }
      status = 200
      answer = {
        id = "a1b2c3d4-0000-4000-8000-000000000001"
        accessPolicyId = "c45485b6-8321-4cf2-bcec-12006df755ff"
        name = "vault-app-1"
        displayName = "vault-app-1"
        expiresAt = "2030-11-22T11:00:00Z"
        createdAt = "2030-11-22T10:00:00Z"
        orgId = "1"
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v1/accesspolicies/c45485b6-8321-4cf2-bcec-12006df755ff?region=eu"
      headers = {
        X-Request-Id = "revoke-vault-app-1"
      }
      status = 200
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /api/v1/accesspolicies/c45485b6-8321-4cf2-bcec-12006df755ff?region=eu"
      headers = {
        X-Request-Id = "revoke-vault-app-1"
      }
      status = 404
      answer = {
        code = "NotFound"
        message = "Element not found"
      }
    }
  }

  step "issue" {
    fails = "refused"
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
      cidrs = [
        "192.0.2.0/24",
      ]
    }
    trip {
      request = "POST /api/v1/accesspolicies?region=eu"
      headers = {
        X-Request-Id = "policy-vault-app-1"
      }
      json = {
        name = "vault-app-1"
        scopes = [
          "metrics:read",
        ]
        realms = [
          {
            type = "stack"
            identifier = "123"
          },
        ]
        conditions = {
          allowedSubnets = [
            "192.0.2.0/24",
          ]
        }
      }
      status = 200
      answer = {
        id = "c45485b6-8321-4cf2-bcec-12006df755ff"
        orgId = "1"
        name = "vault-app-1"
        displayName = "vault-app-1"
        scopes = [
          "metrics:read",
        ]
        realms = [
          {
            type = "stack"
            identifier = "123"
            labelPolicies = []
          },
        ]
        createdAt = "2030-11-22T10:00:00Z"
        status = "active"
      }
    }
    trip {
      request = "POST /api/v1/tokens?region=eu"
      json = {
        accessPolicyId = "c45485b6-8321-4cf2-bcec-12006df755ff"
        name = "vault-app-1"
        expiresAt = "2030-11-22T11:00:00Z"
      }
      status = 409
      answer = {
        code = "Conflict"
        message = "Token name is taken"
      }
    }
    trip {
      request = "DELETE /api/v1/accesspolicies/c45485b6-8321-4cf2-bcec-12006df755ff?region=eu"
      headers = {
        X-Request-Id = "undo-vault-app-1"
      }
      status = 200
    }
  }
}

exchange "rotation" {
  source   = "grafana/grafana-com-public-clients:openapi.json"
  read     = "2026-11-27"
  document = "grafana-cloud.json"
  prefix   = "/api"
  connection = {
    token     = "glc_admin"
    region    = "eu"
    policy_id = "c45485b6-8321-4cf2-bcec-12006df755ff"
    token_id  = "a1b2c3d4-0000-4000-8000-000000000001"
  }
  role = { scopes = ["metrics:read"], realms = [{ type = "stack", identifier = "123" }] }

  step "check" {
    trip {
      request = "GET /api/v1/accesspolicies?pageSize=1&region=eu"
      status  = 200
      answer  = { items = [], metadata = { pagination = { pageSize = 1, nextPage = null } } }
    }
  }
  step "issue" {
    id     = "p2"
    secret = { token = "glc_secret" }
    key { name = "vault-app-1" }
    trip {
      request = "POST /api/v1/accesspolicies?region=eu"
      headers = { X-Request-Id = "policy-vault-app-1" }
      json    = { name = "vault-app-1", scopes = ["metrics:read"], realms = [{ type = "stack", identifier = "123" }] }
      status  = 200
      answer  = { id = "p2", name = "vault-app-1", scopes = ["metrics:read"] }
    }
    trip {
      request = "POST /api/v1/tokens?region=eu"
      headers = { X-Request-Id = "token-vault-app-1" }
      json    = { accessPolicyId = "p2", name = "vault-app-1" }
      status  = 200
      answer  = { id = "t2", token = "glc_secret", expiresAt = null }
    }
    ends = "never"
  }
  step "revoke" {
    trip {
      request = "DELETE /api/v1/accesspolicies/p2?region=eu"
      headers = { X-Request-Id = "revoke-vault-app-1" }
      status  = 200
    }
  }
  step "rotate" {
    key {
      name       = "vault-root-1"
      expires_at = "2031-01-01T00:00:00Z"
    }
    connection = { token = "glc_new", token_id = "a1b2c3d4-0000-4000-8000-000000000002" }
    trip {
      request = "GET /api/v1/accesspolicies/c45485b6-8321-4cf2-bcec-12006df755ff?region=eu"
      status  = 200
      answer  = { id = "c45485b6-8321-4cf2-bcec-12006df755ff", name = "vault" }
    }
    trip {
      request = "POST /api/v1/tokens?region=eu"
      headers = { X-Request-Id = "rotate-vault-root-1" }
      json    = { accessPolicyId = "c45485b6-8321-4cf2-bcec-12006df755ff", name = "vault-root-1", expiresAt = "2031-01-01T00:00:00Z" }
      status  = 200
      answer  = { id = "a1b2c3d4-0000-4000-8000-000000000002", token = "glc_new" }
    }
  }
  step "retire" {
    trip {
      request = "DELETE /api/v1/tokens/a1b2c3d4-0000-4000-8000-000000000001?region=eu"
      headers = { X-Request-Id = "retire-a1b2c3d4-0000-4000-8000-000000000001" }
      status  = 200
    }
  }
  step "stray" {
    key { name = "vault-root-1" }
    strays = 1
    trip {
      request = "GET /api/v1/tokens?accessPolicyId=c45485b6-8321-4cf2-bcec-12006df755ff&pageSize=500&region=eu"
      status  = 200
      answer = {
        items    = [{ id = "t1", name = "by-hand" }, { id = "t3", name = "vault-root-1" }]
        metadata = { pagination = { pageSize = 500, nextPage = null } }
      }
    }
    trip {
      request = "DELETE /api/v1/tokens/t3?region=eu"
      headers = { X-Request-Id = "retire-t3" }
      status  = 200
    }
  }
}
