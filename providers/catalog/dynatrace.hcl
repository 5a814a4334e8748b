# Category: Observability and feature flags
#
# Sources: dynatrace-oss/terraform-provider-dynatrace:dynatrace/api/v2/apitokens;
# https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-api/environment-api/tokens-v2/api-tokens
#
# The admin token needs apiTokens.read and apiTokens.write.
#
# Rights: https://docs.dynatrace.com/managed/dynatrace-api/environment-api/tokens-v2/api-tokens/post-token
provider "dynatrace" {
  title = "Dynatrace"
  docs  = "https://docs.dynatrace.com/docs/discover-dynatrace/references/dynatrace-api/environment-api/tokens-v2/api-tokens/post-token"

  # The connection's base_url is the environment, such as
  # https://abc12345.live.dynatrace.com.

  connection {
    api_token = { required = true, sensitive = true, help = "Token with the scopes apiTokens.read and apiTokens.write." }
  }

  role {
    scopes = { type = list(string), required = true, min = 1, help = "What the tokens may do, such as metrics.read." }
  }

  auth "header" { headers = { Authorization = "Api-Token ${connection.api_token}" } }

  check {
    get   = "/api/v2/apiTokens"
    query = { pageSize = 100 }
  }

  issue {
    post = "/api/v2/apiTokens"
    json = {
      name           = key.name
      scopes         = role.scopes
      expirationDate = rfc3339(key.expires_at)
    }
    id         = body.id
    secret     = { token = body.token }
    expires_at = try(body.expirationDate, null)
  }

  revoke {
    delete = "/api/v2/apiTokens/${key.id}"
    gone   = [404]
  }

  # A further page takes nothing beside its key.
  list {
    get = "/api/v2/apiTokens"
    query = {
      pageSize    = page.key == null ? 200 : null
      fields      = page.key == null ? "+creationDate,+lastUsedDate" : null
      nextPageKey = page.key
    }
    items = body.apiTokens
    item = {
      id           = item.id
      name         = item.name
      created_at   = try(item.creationDate, null)
      last_used_at = item.lastUsedDate
    }
    next = try(body.nextPageKey, null) == null ? null : { key = body.nextPageKey }
  }

  probe {
    post    = "/api/v2/apiTokens/lookup"
    json    = { token = secret.token }
    headers = { Authorization = "Api-Token ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  errors { message = body.error.message }
}
