# Category: Observability and feature flags
#
# Sources: newrelic/newrelic-client-go:pkg/apiaccess/{keys,types}.go and
# https://docs.newrelic.com/docs/apis/nerdgraph/examples/use-nerdgraph-manage-license-keys-user-keys
#
# GraphQL: every answer is a 200, and what went wrong is in a list of errors.
#
# Admin credential: a user key of a user with the permission to manage API keys (the
# role Authentication domain or API keys manager), for the account alone.
#
# Rights not named in:
# https://docs.newrelic.com/docs/apis/nerdgraph/examples/use-nerdgraph-manage-license-keys-user-keys/
# and newrelic/terraform-provider-newrelic
provider "newrelic" {
  title    = "New Relic"
  docs     = "https://docs.newrelic.com/docs/apis/nerdgraph/examples/use-nerdgraph-manage-license-keys-user-keys"
  base_url = connection.region == "eu" ? "https://api.eu.newrelic.com" : "https://api.newrelic.com"

  connection {
    user_key = { required = true, sensitive = true, help = "User key (NRAK-…) of a user who may manage API keys." }
    region   = { default = "us", enum = ["us", "eu"], help = "Data center of the organization." }
  }

  role {
    account_id = { type = number, required = true, min = 1, help = "Account that the keys belong to." }
    kind       = { default = "license", enum = ["license", "browser", "user"], help = "Kind of the keys: license and browser keys send data, user keys query and configure." }
    user_id    = { type = number, help = "User whom keys of kind user belong to; they may do what this user may." }
  }

  auth "header" { headers = { API-Key = connection.user_key } }

  requests { post = "/graphql" }

  check {
    json = { query = "{ actor { user { id } } }" }
    ok   = can(tostring(body.data.actor.user.id))
  }

  issue {
    json = {
      query = "mutation($keys: ApiAccessCreateInput!) { apiAccessCreateKeys(keys: $keys) { createdKeys { id key name } errors { message type } } }"
      variables = {
        keys = {
          ingest = role.kind == "user" ? null : [{
            accountId  = role.account_id
            ingestType = upper(role.kind)
            name       = key.name
            notes      = "Leased by Vault"
          }]
          user = role.kind != "user" ? null : [{
            accountId = role.account_id
            userId    = role.user_id
            name      = key.name
            notes     = "Leased by Vault"
          }]
        }
      }
    }
    ok     = length(body.data.apiAccessCreateKeys.createdKeys) == 1
    id     = body.data.apiAccessCreateKeys.createdKeys[0].id
    secret = { key = body.data.apiAccessCreateKeys.createdKeys[0].key }
  }

  revoke {
    json = {
      query = "mutation($keys: ApiAccessDeleteInput!) { apiAccessDeleteKeys(keys: $keys) { deletedKeys { id } errors { message type } } }"
      variables = {
        keys = { ingestKeyIds = role.kind == "user" ? null : [key.id], userKeyIds = role.kind != "user" ? null : [key.id] }
      }
    }
    ok   = contains([for one in body.data.apiAccessDeleteKeys.deletedKeys : one.id], key.id)
    gone = status == 200 && can(regex("(?i)\\bkeys?\\b[^.]*not found|NOT_FOUND", jsonencode(body.data.apiAccessDeleteKeys.errors)))
  }

  list {
    json = {
      query = "query($query: ApiAccessKeySearchQuery!, $cursor: String) { actor { apiAccess { keySearch(query: $query, cursor: $cursor) { keys { id name createdAt } nextCursor } } } }"
      variables = {
        cursor = page.cursor
        query  = { types = [role.kind == "user" ? "USER" : "INGEST"], scope = { accountIds = [role.account_id] } }
      }
    }
    ok    = can(length(body.data.actor.apiAccess.keySearch.keys))
    items = body.data.actor.apiAccess.keySearch.keys
    item  = { id = item.id, name = coalesce(item.name, ""), created_at = item.createdAt }
    pagination "cursor" { next = body.data.actor.apiAccess.keySearch.nextCursor }
  }

  # The errors of a mutation are in its own list; those of GraphQL itself beside
  # the data. TIMEOUT and SERVER_ERROR leave open what has happened.
  errors {
    message = try(
      body.errors[0].message,
      body.data.apiAccessCreateKeys.errors[0].message,
      body.data.apiAccessDeleteKeys.errors[0].message,
    )
    refused = status == 200 && !can(regex("TIMEOUT|SERVER_ERROR", jsonencode(body.errors)))
  }
}
