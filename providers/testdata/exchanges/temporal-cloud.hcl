exchange "keys of a service account" {
  source = "temporalio/cloud-api:temporal/api/cloud/cloudservice/v1/service.proto; https://docs.temporal.io/ops"
  read   = "2026-11-27"
  connection = {
    api_key = "eyJ.admin"
  }
  role = {
    service_account_id = "sa1"
  }
  headers = {
    temporal-cloud-api-version = "v0.4.0"
  }

  step "check" {
    trip {
      request = "GET /cloud/current-identity"
      status = 200
      answer = {
        principal = {
          serviceAccount = {
            id = "sa0"
          }
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /cloud/current-identity"
      status = 401
      answer = {
        code = 16
        message = "unauthenticated"
        details = []
      }
    }
  }

  step "issue" {
    id = "SmEvNMnXAQpK"
    secret = {
      api_key = "eyJ.temporal"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /cloud/api-keys"
      json = {
        spec = {
          ownerId = "sa1"
          ownerType = "OWNER_TYPE_SERVICE_ACCOUNT"
          displayName = "vault-app-1"
          description = "Leased by Vault"
          expiryTime = "2030-11-22T11:00:00Z"
        }
      }
      status = 200
      answer = {
        keyId = "SmEvNMnXAQpK"
        token = "eyJ.temporal"
        asyncOperation = {
          id = "op1"
          state = "STATE_PENDING"
        }
      }
    }
    trip {
      request = "GET /cloud/operations/op1"
      status = 200
      answer = {
        asyncOperation = {
          id = "op1"
          state = "STATE_FULFILLED"
          operationType = "CreateAPIKey"
        }
      }
    }
  }

  step "list" {
    ids = [
  "other",
  "SmEvNMnXAQpK",
]
    trip {
      request = "GET /cloud/api-keys?ownerId=sa1&pageSize=100"
      status = 200
      answer = {
        apiKeys = [
          {
            id = "other"
            resourceVersion = "v7"
            spec = {
              ownerId = "sa1"
              ownerType = "OWNER_TYPE_SERVICE_ACCOUNT"
              displayName = "by hand"
            }
            state = "RESOURCE_STATE_ACTIVE"
            createdTime = "2030-11-22T10:00:00Z"
          },
          {
            id = "dead"
            resourceVersion = "v7"
            spec = {
              ownerId = "sa1"
              ownerType = "OWNER_TYPE_SERVICE_ACCOUNT"
              displayName = "vault-app-1"
            }
            state = "RESOURCE_STATE_DELETED"
            createdTime = "2030-11-22T10:00:00Z"
          },
        ]
        nextPageToken = "p2"
      }
    }
    trip {
      request = "GET /cloud/api-keys?ownerId=sa1&pageSize=100&pageToken=p2"
      status = 200
      answer = {
        apiKeys = [
          {
            id = "SmEvNMnXAQpK"
            resourceVersion = "v7"
            spec = {
              ownerId = "sa1"
              ownerType = "OWNER_TYPE_SERVICE_ACCOUNT"
              displayName = "vault-app-1"
            }
            state = "RESOURCE_STATE_ACTIVE"
            createdTime = "2030-11-22T10:00:00Z"
          },
        ]
        nextPageToken = ""
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /cloud/api-keys/SmEvNMnXAQpK"
      status = 200
      answer = {
        apiKey = {
          id = "SmEvNMnXAQpK"
          resourceVersion = "v7"
          spec = {
            ownerId = "sa1"
            ownerType = "OWNER_TYPE_SERVICE_ACCOUNT"
            displayName = "vault-app-1"
          }
          state = "RESOURCE_STATE_ACTIVE"
          createdTime = "2030-11-22T10:00:00Z"
        }
      }
    }
    trip {
      request = "DELETE /cloud/api-keys/SmEvNMnXAQpK?resourceVersion=v7"
      status = 200
      answer = {
        asyncOperation = {
          id = "op1"
          state = "STATE_PENDING"
          operationType = "CreateAPIKey"
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /cloud/api-keys/SmEvNMnXAQpK"
      status = 404
      answer = {
        code = 5
        message = "not found"
        details = []
      }
    }
  }

  step "revoke" {
    trip {
      request = "GET /cloud/api-keys/SmEvNMnXAQpK"
      status = 200
      answer = {
        apiKey = {
          id = "SmEvNMnXAQpK"
          resourceVersion = "v7"
          spec = {
            ownerId = "sa1"
            ownerType = "OWNER_TYPE_SERVICE_ACCOUNT"
            displayName = "vault-app-1"
          }
          state = "RESOURCE_STATE_DELETED"
          createdTime = "2030-11-22T10:00:00Z"
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
      request = "POST /cloud/api-keys"
      json = {
        spec = {
          ownerId = "sa1"
          ownerType = "OWNER_TYPE_SERVICE_ACCOUNT"
          displayName = "vault-app-1"
          description = "Leased by Vault"
          expiryTime = "2030-11-22T11:00:00Z"
        }
      }
      status = 400
      answer = {
        code = 3
        message = "expiry is too far"
        details = []
      }
    }
  }
}
