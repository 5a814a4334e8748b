exchange "keys of a cluster" {
  source = "confluentinc/ccloud-sdk-go-v2:apikeys/v2/api/openapi.yaml; https://docs.confluent.io/cloud/current/api.html"
  read   = "2026-11-27"
  connection = {
    api_key = "ADMIN"
    api_secret = "admin-secret"
  }
  document = "confluent-apikeys.json"
  role = {
    owner_id = "sa-l7v772"
    resource_id = "lkc-abc123"
  }

  step "check" {
    trip {
      request = "GET /iam/v2/api-keys?page_size=1"
      status = 200
      answer = {
        api_version = "iam/v2"
        kind = "ApiKeyList"
        metadata = {
          next = null
          total_size = 2
        }
        data = []
      }
    }
  }

  step "check" {
    fails = "unauthorized"
    trip {
      request = "GET /iam/v2/api-keys?page_size=1"
      status = 401
      answer = {
        errors = [
          {
            id = "e1"
            status = "401"
            detail = "Unauthorized"
          },
        ]
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
      request = "POST /iam/v2/api-keys"
      json = {
        spec = {
          display_name = "vault-app-1"
          description = "Leased by Vault"
          owner = {
            id = "sa-l7v772"
          }
          resource = {
            id = "lkc-abc123"
          }
        }
      }
      status = 402
      answer = {
        errors = [
          {
            id = "e3"
            status = "402"
            detail = "The number of API keys has reached its quota"
          },
        ]
      }
    }
  }

  step "issue" {
    id = "ABCDEF1234"
    secret = {
      api_key = "ABCDEF1234"
      api_secret = "R15h"
    }
    key {
      name = "vault-app-1"
      expires_at = "2030-11-22T11:00:00Z"
    }
    trip {
      request = "POST /iam/v2/api-keys"
      json = {
        spec = {
          display_name = "vault-app-1"
          description = "Leased by Vault"
          owner = {
            id = "sa-l7v772"
          }
          resource = {
            id = "lkc-abc123"
          }
        }
      }
      status = 202
      answer = {
        api_version = "iam/v2"
        kind = "ApiKey"
        id = "ABCDEF1234"
        metadata = {
          self = "https://api.confluent.cloud/iam/v2/api-keys/ABCDEF1234"
          created_at = "2030-11-22T10:00:00Z"
        }
        spec = {
          display_name = "vault-app-1"
          description = ""
          owner = {
            id = "sa-l7v772"
            related = "https://api.confluent.cloud/iam/v2/service-accounts/sa-l7v772"
            resource_name = "crn://confluent.cloud/service-account=sa-l7v772"
          }
          resource = {
            id = "lkc-abc123"
            related = "https://api.confluent.cloud/cmk/v2/clusters/lkc-abc123"
            resource_name = "crn://confluent.cloud/kafka=lkc-abc123"
          }
          secret = "R15h"
        }
      }
    }
  }

  step "list" {
    ids = [
  "OTHER",
  "ABCDEF1234",
]
    trip {
      request = "GET /iam/v2/api-keys?page_size=100&spec.owner=sa-l7v772"
      status = 200
      answer = {
        api_version = "iam/v2"
        kind = "ApiKeyList"
        metadata = {
          next = "https://api.confluent.cloud/iam/v2/api-keys?page_token=AB%2FC&page_size=100"
          total_size = 2
        }
        data = [
          {
            api_version = "iam/v2"
            kind = "ApiKey"
            id = "OTHER"
            metadata = {
              self = "https://api.confluent.cloud/iam/v2/api-keys/OTHER"
              created_at = "2030-11-22T10:00:00Z"
            }
            spec = {
              display_name = "by hand"
              description = ""
              owner = {
                id = "sa-l7v772"
                related = "https://api.confluent.cloud/iam/v2/service-accounts/sa-l7v772"
                resource_name = "crn://confluent.cloud/service-account=sa-l7v772"
              }
              resource = {
                id = "lkc-abc123"
                related = "https://api.confluent.cloud/cmk/v2/clusters/lkc-abc123"
                resource_name = "crn://confluent.cloud/kafka=lkc-abc123"
              }
            }
          },
        ]
      }
    }
    trip {
      request = "GET /iam/v2/api-keys?page_size=100&page_token=AB%2FC&spec.owner=sa-l7v772"
      status = 200
      answer = {
        api_version = "iam/v2"
        kind = "ApiKeyList"
        metadata = {
          next = null
          total_size = 2
        }
        data = [
          {
            api_version = "iam/v2"
            kind = "ApiKey"
            id = "ABCDEF1234"
            metadata = {
              self = "https://api.confluent.cloud/iam/v2/api-keys/ABCDEF1234"
              created_at = "2030-11-22T10:00:00Z"
            }
            spec = {
              display_name = "vault-app-1"
              description = ""
              owner = {
                id = "sa-l7v772"
                related = "https://api.confluent.cloud/iam/v2/service-accounts/sa-l7v772"
                resource_name = "crn://confluent.cloud/service-account=sa-l7v772"
              }
              resource = {
                id = "lkc-abc123"
                related = "https://api.confluent.cloud/cmk/v2/clusters/lkc-abc123"
                resource_name = "crn://confluent.cloud/kafka=lkc-abc123"
              }
            }
          },
        ]
      }
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /iam/v2/api-keys/ABCDEF1234"
      status = 204
    }
  }

  step "revoke" {
    trip {
      request = "DELETE /iam/v2/api-keys/ABCDEF1234"
      status = 404
      answer = {
        errors = [
          {
            id = "e2"
            status = "404"
            detail = "Not found"
          },
        ]
      }
    }
  }

  step "rotate" {
    connection = { api_key = "NEWADMIN", api_secret = "n3w" }
    key {
      name = "vault-root-1"
    }
    trip {
      request = "GET /iam/v2/api-keys/ADMIN"
      headers = {
        Authorization = "Basic QURNSU46YWRtaW4tc2VjcmV0"
      }
      status = 200
      answer = {
        api_version = "iam/v2"
        kind = "ApiKey"
        id = "ADMIN"
        metadata = {
          self = "https://api.confluent.cloud/iam/v2/api-keys/ADMIN"
          created_at = "2030-11-22T10:00:00Z"
        }
        spec = {
          display_name = "vault"
          description = ""
          owner = {
            id = "sa-l7v772"
            related = "https://api.confluent.cloud/iam/v2/service-accounts/sa-l7v772"
            resource_name = "crn://confluent.cloud/service-account=sa-l7v772"
          }
          resource = {
            id = "lkc-abc123"
            related = "https://api.confluent.cloud/cmk/v2/clusters/lkc-abc123"
            resource_name = "crn://confluent.cloud/kafka=lkc-abc123"
          }
        }
      }
    }
    trip {
      request = "POST /iam/v2/api-keys"
      headers = {
        Authorization = "Basic QURNSU46YWRtaW4tc2VjcmV0"
      }
      json = {
        spec = {
          display_name = "vault-root-1"
          description = "Vault's own"
          owner = {
            id = "sa-l7v772"
          }
          resource = {
            id = "cloud"
          }
        }
      }
      status = 202
      answer = {
        api_version = "iam/v2"
        kind = "ApiKey"
        id = "NEWADMIN"
        metadata = {
          self = "https://api.confluent.cloud/iam/v2/api-keys/NEWADMIN"
          created_at = "2030-11-22T10:00:00Z"
        }
        spec = {
          display_name = "vault-root-1"
          description = ""
          owner = {
            id = "sa-l7v772"
            related = "https://api.confluent.cloud/iam/v2/service-accounts/sa-l7v772"
            resource_name = "crn://confluent.cloud/service-account=sa-l7v772"
          }
          resource = {
            id = "lkc-abc123"
            related = "https://api.confluent.cloud/cmk/v2/clusters/lkc-abc123"
            resource_name = "crn://confluent.cloud/kafka=lkc-abc123"
          }
          secret = "n3w"
        }
      }
    }
  }

  step "stray" {
    strays = 1
    key {
      name = "vault-root-0"
    }
    trip {
      request = "GET /iam/v2/api-keys?page_size=100"
      headers = {
        Authorization = "Basic TkVXQURNSU46bjN3"
      }
      status = 200
      answer = {
        api_version = "iam/v2"
        kind = "ApiKeyList"
        metadata = {
          next = null
          total_size = 2
        }
        data = [
          {
            api_version = "iam/v2"
            kind = "ApiKey"
            id = "NEWADMIN"
            metadata = {
              self = "https://api.confluent.cloud/iam/v2/api-keys/NEWADMIN"
              created_at = "2030-11-22T10:00:00Z"
            }
            spec = {
              display_name = "vault-root-1"
              description = ""
              owner = {
                id = "sa-l7v772"
                related = "https://api.confluent.cloud/iam/v2/service-accounts/sa-l7v772"
                resource_name = "crn://confluent.cloud/service-account=sa-l7v772"
              }
              resource = {
                id = "lkc-abc123"
                related = "https://api.confluent.cloud/cmk/v2/clusters/lkc-abc123"
                resource_name = "crn://confluent.cloud/kafka=lkc-abc123"
              }
            }
          },
          {
            api_version = "iam/v2"
            kind = "ApiKey"
            id = "STRAY"
            metadata = {
              self = "https://api.confluent.cloud/iam/v2/api-keys/STRAY"
              created_at = "2030-11-22T10:00:00Z"
            }
            spec = {
              display_name = "vault-root-0"
              description = ""
              owner = {
                id = "sa-l7v772"
                related = "https://api.confluent.cloud/iam/v2/service-accounts/sa-l7v772"
                resource_name = "crn://confluent.cloud/service-account=sa-l7v772"
              }
              resource = {
                id = "lkc-abc123"
                related = "https://api.confluent.cloud/cmk/v2/clusters/lkc-abc123"
                resource_name = "crn://confluent.cloud/kafka=lkc-abc123"
              }
            }
          },
        ]
      }
    }
    trip {
      request = "DELETE /iam/v2/api-keys/STRAY"
      headers = {
        Authorization = "Basic TkVXQURNSU46bjN3"
      }
      status = 204
    }
  }

  step "retire" {
    trip {
      request = "DELETE /iam/v2/api-keys/ADMIN"
      headers = {
        Authorization = "Basic TkVXQURNSU46bjN3"
      }
      status = 204
    }
  }
}
