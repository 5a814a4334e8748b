# Category: Cloud and hosting
#
# Sources: vercel/sdk:vercel-spec.json; https://vercel.com/docs/rest-api
#
# Tokens of the user whose token the connection has: they may do what that user may, in
# one team where one is written. A narrower scope is not to be had.
#
# Admin credential: an access token of the user, in the scope of the team where one is
# written; Vercel has no lesser one.
#
# Rights not named in: vercel/sdk and vercel/terraform-provider-vercel
provider "vercel" {
  title    = "Vercel"
  docs     = "https://vercel.com/docs/rest-api/reference/endpoints/authentication/create-an-auth-token"
  base_url = "https://api.vercel.com"

  connection "token" {
    type      = string
    required  = true
    sensitive = true
    help      = "Token with access to the whole account."
  }

  role "team_id" {
    type     = string
    required = true
    help     = "Team that the tokens open, such as team_abc123."
  }

  auth "bearer" { token = connection.token }

  check { get = "/v2/user" }

  issue {
    post  = "/v3/user/tokens"
    query = { teamId = role.team_id }
    json = {
      name      = key.name
      expiresAt = unix_ms(key.expires_at)
    }
    id         = body.token.id
    secret     = { token = body.bearerToken }
    expires_at = body.token.expiresAt
  }

  revoke {
    delete = "/v3/user/tokens/${key.id}"
    gone   = [404]
  }

  # Pages go back in time: the next one is told as a time.
  list {
    get   = "/v5/user/tokens"
    query = { limit = 100 }
    items = body.tokens
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.createdAt
      last_used_at = item.activeAt
    }
    pagination "cursor" {
      parameter = "until"
      next      = body.pagination.next
    }
  }

  probe {
    get     = "/v2/user"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = [200]
    dead    = [401, 403]
  }

  errors { message = body.error.message }
}
