exchange "license keys" {
  source     = "newrelic/newrelic-client-go:pkg/apiaccess/{keys,types}.go; https://docs.newrelic.com/docs/apis/nerdgraph/examples/use-nerdgraph-manage-license-keys-user-keys; https://docs.newrelic.com/docs/apis/nerdgraph/get-started/introduction-new-relic-nerdgraph"
  read       = "2026-11-22"
  connection = { user_key = "NRAK-ADMIN", region = "eu" }
  role       = { account_id = 123456 }
  headers    = { API-Key = "NRAK-ADMIN" }

  step "check" {
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json    = { query = "{ actor { user { id } } }" }
      status  = 200
      answer = {
        data = {
          actor = {
            user = { id = 1000001 }
          }
        }
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json    = { query = "{ actor { user { id } } }" }
      status  = 401
      answer = {
        errors = [{ message = "Invalid user key" }]
      }
    }
  }

  # Errors come in a list under HTTP 200.
  step "issue" {
    fails = "refused"
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json = {
        query = "mutation($keys: ApiAccessCreateInput!) { apiAccessCreateKeys(keys: $keys) { createdKeys { id key name } errors { message type } } }"
        variables = {
          keys = {
            ingest = [
              {
                accountId  = 123456
                ingestType = "LICENSE"
                name       = "vault-app-1"
                notes      = "Leased by Vault"
              },
            ]
          }
        }
      }
      status = 200
      answer = {
        data = {
          apiAccessCreateKeys = {
            createdKeys = []
            errors      = [{ message = "Not authorized to create keys in this account.", type = "INGEST" }]
          }
        }
      }
    }
  }

  step "issue" {
    fails = "unknown"
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json = {
        query = "mutation($keys: ApiAccessCreateInput!) { apiAccessCreateKeys(keys: $keys) { createdKeys { id key name } errors { message type } } }"
        variables = {
          keys = {
            ingest = [
              {
                accountId  = 123456
                ingestType = "LICENSE"
                name       = "vault-app-1"
                notes      = "Leased by Vault"
              },
            ]
          }
        }
      }
      status = 200
      answer = {
        data = { apiAccessCreateKeys = null }
        errors = [{
          message    = "Request timed out"
          extensions = { errorClass = "TIMEOUT" }
        }]
      }
    }
  }

  step "issue" {
    id     = "1A2B"
    secret = { key = "eu01xxlicenseNRAL" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json = {
        query = "mutation($keys: ApiAccessCreateInput!) { apiAccessCreateKeys(keys: $keys) { createdKeys { id key name } errors { message type } } }"
        variables = {
          keys = {
            ingest = [
              {
                accountId  = 123456
                ingestType = "LICENSE"
                name       = "vault-app-1"
                notes      = "Leased by Vault"
              },
            ]
          }
        }
      }
      status = 200
      answer = {
        data = {
          apiAccessCreateKeys = {
            createdKeys = [{ id = "1A2B", key = "eu01xxlicenseNRAL", name = "vault-app-1" }]
            errors      = []
          }
        }
      }
    }
  }

  step "list" {
    ids = ["1A2B", "3C4D"]
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json = {
        query = "query($query: ApiAccessKeySearchQuery!, $cursor: String) { actor { apiAccess { keySearch(query: $query, cursor: $cursor) { keys { id name createdAt } nextCursor } } } }"
        variables = {
          query = {
            types = ["INGEST"]
            scope = {
              accountIds = [123456]
            }
          }
        }
      }
      status = 200
      answer = {
        data = {
          actor = {
            apiAccess = {
              keySearch = {
                keys       = [{ id = "1A2B", name = "vault-app-1", createdAt = 1795341600 }]
                nextCursor = "c2"
              }
            }
          }
        }
      }
    }
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json = {
        query = "query($query: ApiAccessKeySearchQuery!, $cursor: String) { actor { apiAccess { keySearch(query: $query, cursor: $cursor) { keys { id name createdAt } nextCursor } } } }"
        variables = {
          query = {
            types = ["INGEST"]
            scope = {
              accountIds = [123456]
            }
          }
          cursor = "c2"
        }
      }
      status = 200
      answer = {
        data = {
          actor = {
            apiAccess = {
              keySearch = {
                keys       = [{ id = "3C4D", name = null, createdAt = 1595341600 }]
                nextCursor = null
              }
            }
          }
        }
      }
    }
  }

  step "revoke" {
    fails = "refused"
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json = {
        query = "mutation($keys: ApiAccessDeleteInput!) { apiAccessDeleteKeys(keys: $keys) { deletedKeys { id } errors { message type } } }"
        variables = {
          keys = {
            ingestKeyIds = ["1A2B"]
          }
        }
      }
      status = 200
      answer = {
        data = {
          apiAccessDeleteKeys = {
            deletedKeys = []
            errors      = [{ message = "Not authorized to delete key.", type = "INGEST" }]
          }
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json = {
        query = "mutation($keys: ApiAccessDeleteInput!) { apiAccessDeleteKeys(keys: $keys) { deletedKeys { id } errors { message type } } }"
        variables = {
          keys = {
            ingestKeyIds = ["1A2B"]
          }
        }
      }
      status = 200
      answer = {
        data = {
          apiAccessDeleteKeys = {
            deletedKeys = [{ id = "1A2B" }]
            errors      = []
          }
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST https://api.eu.newrelic.com/graphql"
      json = {
        query = "mutation($keys: ApiAccessDeleteInput!) { apiAccessDeleteKeys(keys: $keys) { deletedKeys { id } errors { message type } } }"
        variables = {
          keys = {
            ingestKeyIds = ["1A2B"]
          }
        }
      }
      status = 200
      answer = {
        data = {
          apiAccessDeleteKeys = {
            deletedKeys = []
            errors      = [{ message = "Key 1A2B not found.", type = "INGEST" }]
          }
        }
      }
    }
  }
}

exchange "user keys" {
  source     = "newrelic/newrelic-client-go:pkg/apiaccess/{keys,types}.go"
  read       = "2026-11-22"
  connection = { user_key = "NRAK-ADMIN" }
  role       = { account_id = 123456, kind = "user", user_id = 1000007 }
  headers    = { API-Key = "NRAK-ADMIN" }

  step "check" {
    trip {
      request = "POST https://api.newrelic.com/graphql"
      json    = { query = "{ actor { user { id } } }" }
      status  = 200
      answer = {
        data = {
          actor = {
            user = { id = 1000001 }
          }
        }
      }
    }
  }

  step "issue" {
    id     = "5E6F"
    secret = { key = "NRAK-APP1" }
    key {
      name       = "vault-app-1"
      expires_at = "2026-11-22T11:00:00Z"
    }
    trip {
      request = "POST https://api.newrelic.com/graphql"
      json = {
        query = "mutation($keys: ApiAccessCreateInput!) { apiAccessCreateKeys(keys: $keys) { createdKeys { id key name } errors { message type } } }"
        variables = {
          keys = {
            user = [{ accountId = 123456, userId = 1000007, name = "vault-app-1", notes = "Leased by Vault" }]
          }
        }
      }
      status = 200
      answer = {
        data = {
          apiAccessCreateKeys = {
            createdKeys = [{ id = "5E6F", key = "NRAK-APP1", name = "vault-app-1" }]
            errors      = []
          }
        }
      }
    }
  }

  step "revoke" {
    trip {
      request = "POST https://api.newrelic.com/graphql"
      json = {
        query = "mutation($keys: ApiAccessDeleteInput!) { apiAccessDeleteKeys(keys: $keys) { deletedKeys { id } errors { message type } } }"
        variables = {
          keys = {
            userKeyIds = ["5E6F"]
          }
        }
      }
      status = 200
      answer = {
        data = {
          apiAccessDeleteKeys = {
            deletedKeys = [{ id = "5E6F" }]
            errors      = []
          }
        }
      }
    }
  }
}
