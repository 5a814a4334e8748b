# Category: Cloud and hosting
#
# Sources: vercel/sdk:src/models/createauthtokenop.ts, authtoken.ts, listauthtokensop.ts;
# vercel/vercel:packages/cli/src/commands/tokens/ls.ts; https://vercel.com/docs/rest-api
#
# Tokens of the user whose token the connection has: they may do what that user may, in
# one team, or in one of its projects where the role names it.
#
# Admin credential: a classic access token of the user that opens the whole account: one of
# a team or of a project, or of a login by OAuth, makes no tokens.
#
# Not confirmed: that the answer names a team's token by that team alone, and a project's by
# the project too; a token that it says opens the whole account is revoked at once. Whether
# the list shows revoked tokens, which the SDK knows: such are passed over.
#
# Rights: https://vercel.com/docs/accounts/access-tokens;
# vercel/vercel:packages/cli/src/commands/tokens/add.ts
provider "vercel" {
  title    = "Vercel"
  docs     = "https://vercel.com/docs/rest-api/reference/endpoints/authentication/create-an-auth-token"
  base_url = "https://api.vercel.com"

  connection {
    token = { required = true, sensitive = true, help = "Token with access to the whole account." }
  }

  role {
    team_id    = { required = true, help = "Team that the tokens open, such as team_abc123." }
    project_id = { help = "Project of the team that the tokens open alone, such as prj_abc123; without it they open the whole team." }
  }

  auth "bearer" { token = connection.token }

  check { get = "/v2/user" }

  issue {
    post  = "/v3/user/tokens"
    query = { teamId = role.team_id }
    json = {
      name      = key.name
      expiresAt = unix_ms(key.expires_at)
      projectId = role.project_id
    }
    id         = body.token.id
    secret     = { token = body.bearerToken }
    expires_at = body.token.expiresAt
    granted = {
      team_id    = [for one in body.token.scopes : one.type == "user" ? "the whole account" : one.teamId]
      project_id = body.token.projectId
    }
  }

  revoke {
    delete = "/v3/user/tokens/${key.id}"
    gone   = [404]
  }

  # Pages go back in time: the next one is told as a time.
  list {
    get   = "/v6/user/tokens"
    query = { limit = 100 }
    items = body.tokens
    skip  = item.revokedAt != null
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
    dead    = status == 401 || status == 403 && body.error.invalidToken
  }

  errors { message = body.error.message }
}
