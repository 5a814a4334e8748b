# Category: AI
#
# Sources: mongodb/atlas-sdk-go:openapi/atlas-api.yaml (aiModelApiKeys);
# https://www.mongodb.com/docs/api/doc/atlas-admin-api-v2/
#
# Keys for the models that Atlas hosts (Voyage AI). They belong to a project, have no
# scopes, and do not end by themselves. The service account needs the role Project Owner
# in the project, and no more.
#
# Not confirmed: how long a name may be; how long a deleted key works.
#
# Rights not named in: mongodb/atlas-sdk-go, which names no role
provider "mongodb-atlas-ai" {
  title    = "MongoDB Atlas AI models"
  docs     = "https://www.mongodb.com/docs/voyageai/management/api-keys/"
  base_url = "https://cloud.mongodb.com"

  connection {
    client_id     = { required = true, help = "Client id of a service account with the role Project Owner." }
    client_secret = { required = true, sensitive = true, help = "Secret of client_id." }
  }

  role {
    project_id = { required = true, pattern = "^[a-f0-9]{24}$", help = "Project that the keys belong to, 24 hexadecimal digits." }
    cloud      = { default = "ANY", help = "Cloud in which the models run: ANY, AWS, AZURE or GCP." }
    geography  = { default = "ANY", help = "Part of the world in which the models run." }
  }

  auth "oauth2" {
    token_url     = "/api/oauth/token"
    client_id     = connection.client_id
    client_secret = connection.client_secret
  }

  requests { headers = { Accept = "application/vnd.atlas.2025-03-12+json" } }

  check {
    get     = "/api/atlas/v2/groups"
    query   = { itemsPerPage = 1 }
    headers = { Accept = "application/vnd.atlas.2023-01-01+json" }
  }

  issue {
    post    = "/api/atlas/v2/groups/${role.project_id}/aiModelApiKeys"
    headers = { Content-Type = "application/vnd.atlas.2025-03-12+json" }
    json    = { name = key.name, cloud = role.cloud, geography = role.geography }
    id      = body.apiKeyId
    secret  = { api_key = body.secret }
  }

  revoke {
    delete = "/api/atlas/v2/groups/${role.project_id}/aiModelApiKeys/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/api/atlas/v2/groups/${role.project_id}/aiModelApiKeys"
    query = { itemsPerPage = 500 }
    items = body.results
    item = {
      id           = item.apiKeyId
      name         = item.name
      created_at   = item.createdAt
      last_used_at = item.lastUsedAt
    }
    pagination "page" { parameter = "pageNum" }
  }

  errors { message = try(body.detail, body.reason) }
}
