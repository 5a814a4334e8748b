# Category: Data, search and queues
#
# Sources: supabase/cli:packages/api/src/generated/openapi.json;
# https://supabase.com/docs/reference/api/v1-create-project-api-key
#
# API keys of a project. A role that names no type gets publishable keys, which may do
# what row level security lets anybody do; a secret one passes it by, unless it is given
# another role of the database. Keys do not end by themselves. The access token needs
# api_gateway_keys_read and api_gateway_keys_write (an OAuth one secrets:read and
# secrets:write); it is made in the dashboard.
#
# Not confirmed: the status of deleting a key that is gone.
#
# Rights: supabase/cli:packages/api/src/generated/openapi.json (security of each
# operation)
provider "supabase" {
  title    = "Supabase"
  docs     = "https://supabase.com/docs/reference/api/v1-create-project-api-key"
  base_url = "https://api.supabase.com"

  connection {
    access_token = { required = true, sensitive = true, help = "Personal access token of somebody who may manage the projects' API keys." }
  }

  role {
    project       = { required = true, pattern = "^[a-z]{20}$", help = "Reference of the project that the keys open, 20 letters." }
    type          = { default = "publishable", enum = ["publishable", "secret"], help = "Kind of the keys: publishable for clients, secret for servers." }
    database_role = { default = "service_role", help = "Role of the database that secret keys act as." }
  }

  auth "bearer" { token = connection.access_token }

  check { get = "/v1/projects" }

  issue {
    post  = "/v1/projects/${role.project}/api-keys"
    query = { reveal = true }
    json = {
      type                = role.type
      name                = "v_${key.name}"
      description         = "Leased by Vault"
      secret_jwt_template = role.type == "secret" ? { role = role.database_role } : null
    }
    id     = body.id
    secret = { api_key = body.api_key }
  }

  revoke {
    delete = "/v1/projects/${role.project}/api-keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys of the project.
  list {
    get   = "/v1/projects/${role.project}/api-keys"
    query = { reveal = false }
    items = body
    item = {
      id         = item.id
      name       = trimprefix(item.name, "v_")
      created_at = item.inserted_at
    }
  }

  # The name has to begin with a letter.
  key_name {
    max_length = 62
    characters = "a-z0-9_"
  }

  errors { message = body.message }
}
