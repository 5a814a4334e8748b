# Category: Cloud and hosting
#
# Sources: temporalio/cloud-api:temporal/api/cloud/cloudservice/v1/service.proto,
# identity/v1/message.proto; https://docs.temporal.io/ops
#
# API keys of a service account, which may do what its role and its namespaces say. They
# are made and deleted by operations that take a while. Their end cannot be moved
# (Temporal's own Terraform provider replaces a key for that), so a key is made for as
# long as its lease may last. The admin key is one of a service account with the role
# Global Admin (Admin in the API), the least that manages the keys of other accounts,
# and is replaced by the same call in the web interface.
#
# Not confirmed: whether a deleted key is listed for a while as RESOURCE_STATE_DELETED;
# such ones are passed over.
#
# Rights: https://docs.temporal.io/cloud/manage-access/permissions-reference and
# https://docs.temporal.io/cloud/api-keys
provider "temporal-cloud" {
  title    = "Temporal Cloud"
  docs     = "https://docs.temporal.io/cloud/api-keys"
  base_url = "https://saas-api.tmprl.cloud"

  connection {
    api_key = { required = true, sensitive = true, help = "API key of a service account with the role Global Admin." }
  }

  role {
    service_account_id = { required = true, help = "Service account that the keys act for; give it a role in its namespaces alone." }
  }

  auth "bearer" { token = connection.api_key }
  auth "header" { headers = { temporal-cloud-api-version = "v0.4.0" } }

  check { get = "/cloud/current-identity" }

  issue {
    step "key" {
      post = "/cloud/api-keys"
      json = {
        spec = {
          ownerId     = role.service_account_id
          ownerType   = "OWNER_TYPE_SERVICE_ACCOUNT"
          displayName = key.name
          description = "Leased by Vault"
          expiryTime  = rfc3339(key.expires_at)
        }
      }
      save = { key_id = body.keyId, token = body.token }
      poll {
        get     = "/cloud/operations/${body.asyncOperation.id}"
        until   = body.asyncOperation.state == "STATE_FULFILLED"
        failed  = contains(["STATE_FAILED", "STATE_CANCELLED", "STATE_REJECTED"], body.asyncOperation.state)
        every   = "1s"
        timeout = "1m"
      }
    }
    id     = saved.key_id
    secret = { api_key = saved.token }
  }

  revoke {
    step "version" {
      get  = "/cloud/api-keys/${key.id}"
      gone = status == 404 || body.apiKey.state == "RESOURCE_STATE_DELETED"
      save = { version = body.apiKey.resourceVersion }
    }
    step "delete" {
      delete = "/cloud/api-keys/${key.id}"
      query  = { resourceVersion = saved.version }
      gone   = [404]
    }
  }

  list {
    get   = "/cloud/api-keys"
    query = { ownerId = role.service_account_id, pageSize = 100, pageToken = page.token }
    items = try(body.apiKeys, [])
    skip  = item.state == "RESOURCE_STATE_DELETED"
    item = {
      id         = item.id
      name       = item.spec.displayName
      created_at = item.createdTime
    }
    next = try(body.nextPageToken, "") != "" ? { token = body.nextPageToken } : null
  }

  expiry { maximum = "730d" }

  errors { message = body.message }
}
