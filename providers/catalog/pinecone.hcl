# Category: AI
#
# Sources: pinecone-io/pinecone-api:2026-04/admin_2026-04.oas.yaml,
# oauth_2026-04.oas.yaml;
# https://docs.pinecone.io/reference/api/latest/admin/create_api_key
#
# Keys of a project; a role that names none gets the role that may only read data. Keys
# do not end by themselves. A deletion is accepted (202) and carried out later. A
# service account's secret cannot be replaced by this API. A project's quota of keys is
# answered by 403.
#
# Admin credential: a service account with the role ProjectOwner of the project whose
# keys are made: a ProjectManager or ProjectMember has no access to API keys' making.
#
# Rights: https://docs.pinecone.io/admin/projects/projects-overview and
# https://docs.pinecone.io/guides/projects/manage-service-accounts
provider "pinecone" {
  title    = "Pinecone"
  docs     = "https://docs.pinecone.io/guides/projects/manage-api-keys"
  base_url = "https://api.pinecone.io"

  connection {
    client_id     = { required = true, help = "Client id of a service account that owns the project." }
    client_secret = { required = true, sensitive = true, help = "Secret of client_id." }
  }

  role {
    project_id = { required = true, help = "Project that the keys belong to, a UUID." }
    roles = {
      type    = list(string)
      default = ["DataPlaneViewer"]
      min     = 1
      enum    = ["ProjectEditor", "ProjectViewer", "ControlPlaneEditor", "ControlPlaneViewer", "DataPlaneEditor", "DataPlaneViewer"]
      help    = "What the keys may do: see indexes, data or both, or edit them."
    }
  }

  auth "login" {
    request {
      post = "https://login.pinecone.io/oauth/token"
      json = {
        client_id     = connection.client_id
        client_secret = connection.client_secret
        grant_type    = "client_credentials"
        audience      = "https://api.pinecone.io/"
      }
    }
    token      = body.access_token
    expires_in = body.expires_in
  }

  requests { headers = { X-Pinecone-Api-Version = "2026-04" } }

  check { get = "/admin/projects" }

  issue {
    post    = "/admin/projects/${role.project_id}/api-keys"
    json    = { name = key.name, roles = role.roles }
    id      = body.key.id
    secret  = { api_key = body.value }
    granted = { roles = body.key.roles }
  }

  revoke {
    delete = "/admin/api-keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys of the project.
  list {
    get   = "/admin/projects/${role.project_id}/api-keys"
    items = body.data
    item  = { id = item.id, name = item.name }
  }

  probe {
    get     = "/indexes"
    headers = { Api-Key = secret.api_key }
    alive   = [200, 403]
    dead    = [401]
  }

  key_name { max_length = 80 }

  errors { message = body.error.message }
}
