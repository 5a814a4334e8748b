# Category: Data, search and queues
#
# Sources: databricks/databricks-sdk-go:service/settings/impl.go, model.go;
# https://docs.databricks.com/api/workspace/tokenmanagement/createobotoken
#
# Tokens of a service principal, made on its behalf by a workspace administrator.
#
# Admin credential: a token of a workspace administrator, best of an OAuth service
# principal that is one: CAN MANAGE on tokens, which managing those of others takes,
# belongs to the group admins alone. The principal whose tokens are made needs CAN USE
# on tokens, and should be one that may do no more than the keys have to.
#
# Rights: https://docs.databricks.com/en/security/auth-authz/api-access-permissions.html
provider "databricks" {
  title = "Databricks"
  docs  = "https://docs.databricks.com/api/workspace/tokenmanagement/createobotoken"

  # The connection's base_url is the workspace, such as
  # https://dbc-a1b2345c-d6e7.cloud.databricks.com.

  connection {
    token = { required = true, sensitive = true, help = "Token of a workspace administrator." }
  }

  role {
    application_id = { required = true, help = "Application id of the service principal that the tokens act for, a UUID." }
  }

  auth "bearer" { token = connection.token }

  check { get = "/api/2.0/preview/scim/v2/Me" }

  issue {
    post = "/api/2.0/token-management/on-behalf-of/tokens"
    json = {
      application_id   = role.application_id
      comment          = key.name
      lifetime_seconds = key.ttl
    }
    id         = body.token_info.token_id
    secret     = { token = body.token_value }
    expires_at = body.token_info.expiry_time
  }

  revoke {
    delete = "/api/2.0/token-management/tokens/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all tokens of the workspace.
  list {
    get   = "/api/2.0/token-management/tokens"
    items = coalesce(try(body.token_infos, null), [])
    item = {
      id           = item.token_id
      name         = try(item.comment, null)
      created_at   = item.creation_time
      last_used_at = item.last_used_day
    }
  }

  probe {
    get     = "/api/2.0/preview/scim/v2/Me"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = [200]
    dead    = [401, 403]
  }

  errors { message = body.message }
}
