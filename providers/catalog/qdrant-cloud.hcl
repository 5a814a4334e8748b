# Category: AI
#
# Sources: qdrant/qdrant-cloud-public-api:gen/openapiv2/qdrant/cloud/cluster/auth/v2/database_api_key.swagger.json;
# https://qdrant.tech/documentation/cloud-api/
#
# Keys of a cluster. The management key needs read:api_keys, write:api_keys
# and delete:api_keys.
#
# Rights: qdrant/qdrant-cloud-public-api:gen/openapiv2/qdrant/cloud/cluster/auth/v2/database_api_key.swagger.json
provider "qdrant-cloud" {
  title    = "Qdrant Cloud"
  docs     = "https://qdrant.tech/documentation/cloud/authentication/"
  base_url = "https://api.cloud.qdrant.io"

  connection {
    management_key = { required = true, sensitive = true, help = "Cloud management key of the account." }
    account_id     = { required = true, help = "Account that the clusters belong to, a UUID." }
  }

  role {
    cluster_id = { required = true, help = "Cluster that the keys open, a UUID." }
    collections = {
      type = map(string)
      help = "Collections that the keys open, such as {\"docs\":\"COLLECTION_ACCESS_RULE_ACCESS_TYPE_READ_ONLY\"}; without them all, for reading."
    }
  }

  auth "header" { headers = { Authorization = "apikey ${connection.management_key}" } }

  check { get = "/api/cluster/auth/v2/accounts/${connection.account_id}/database-api-keys" }

  issue {
    post = "/api/cluster/auth/v2/accounts/${connection.account_id}/database-api-keys"
    json = {
      databaseApiKey = {
        clusterId = role.cluster_id
        name      = key.name
        expiresAt = rfc3339(key.expires_at)
        accessRules = (
          role.collections == null ? [{ globalAccess = { accessType = "GLOBAL_ACCESS_RULE_ACCESS_TYPE_READ_ONLY" } }] :
          [for name, access in coalesce(role.collections, {}) : { collectionAccess = { collectionName = name, accessType = access } }]
        )
      }
    }
    id         = body.databaseApiKey.id
    secret     = { api_key = body.databaseApiKey.key }
    expires_at = try(body.databaseApiKey.expiresAt, null)
  }

  revoke {
    delete = "/api/cluster/auth/v2/accounts/${connection.account_id}/database-api-keys/${key.id}"
    query  = { clusterId = role.cluster_id }
    gone   = [404]
  }

  # Not paged: the answer is all keys of the cluster.
  list {
    get   = "/api/cluster/auth/v2/accounts/${connection.account_id}/database-api-keys"
    query = { clusterId = role.cluster_id }
    items = coalesce(try(body.items, null), [])
    item = {
      id         = item.id
      name       = item.name
      created_at = item.createdAt
    }
  }

  errors { message = body.message }
}
