# Category: AI
#
# Source: weaviate/weaviate:openapi-specs/schema.json
#
# A key belongs to a user of its own whose id is the key's name, so that it is known
# before the first request.
#
# Admin credential: the key of a user whose role has create_users, read_users,
# delete_users, update_users and assign_and_revoke_users.
#
# Rights: weaviate/weaviate:openapi-specs/schema.json (the actions of a permission)
provider "weaviate" {
  title = "Weaviate"
  docs  = "https://docs.weaviate.io/deploy/configuration/db-users"

  # The connection's base_url is where Weaviate is served, without /v1. Users
  # that are made at run time must be switched on
  # (AUTHENTICATION_DB_USERS_ENABLED).

  connection {
    api_key = { required = true, sensitive = true, help = "Key of a user who may create users and assign roles." }
  }

  role {
    roles = { type = list(string), required = true, min = 1, help = "Roles of the users, such as viewer. They must exist." }
  }

  auth "bearer" { token = connection.api_key }

  # Somebody with the role viewer alone may not make users. Where roles are not
  # used, none are told.
  check {
    get = "/v1/users/own-info"
    ok  = length(coalesce(body.roles, [])) == 0 || length([for role in body.roles : role if role.name != "viewer"]) > 0
  }

  issue {
    step "user" {
      post = "/v1/users/db/${key.name}"
      json = {}
      save = { api_key = body.apikey }
      undo {
        delete = "/v1/users/db/${key.name}"
        gone   = [404]
      }
    }
    step "roles" {
      post = "/v1/authz/users/${key.name}/assign"
      json = {
        roles    = role.roles
        userType = "db"
      }
    }
    id     = key.name
    secret = { api_key = saved.api_key }
  }

  revoke {
    delete = "/v1/users/db/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all users.
  list {
    get   = "/v1/users/db"
    query = { includeLastUsedTime = true }
    items = body
    item = {
      id           = item.userId
      name         = item.userId
      created_at   = try(item.createdAt, null)
      last_used_at = item.lastUsedAt
    }
  }

  probe {
    get     = "/v1/users/own-info"
    headers = { Authorization = "Bearer ${secret.api_key}" }
    alive   = [200]
    dead    = [401]
  }

  # In place: the old key ends as the new one is made. A user from Weaviate's own
  # configuration cannot do this.
  rotate {
    step "own" {
      get  = "/v1/users/own-info"
      save = { user = body.username }
    }
    step "new" { post = "/v1/users/db/${saved.user}/rotate-key" }
    connection = { api_key = body.apikey }
  }

  key_name {
    max_length = 128
    characters = "A-Za-z0-9_-"
  }

  errors { message = body.error[0].message }
}
