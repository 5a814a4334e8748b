# Category: Code and delivery
#
# Sources, unless a line names another: gitlabhq/gitlabhq:doc/api/project_access_tokens.md
# and group_access_tokens.md beside it.
#
# Each token makes a bot user of its own, which is a member of the project or
# group as long as the token lives.
#
# Admin credential: a personal access token with the scope api (or self_rotate beside it
# for rotation) of an Owner or Maintainer of the project or group, or of a service
# account that is one.
#
# Rights: https://docs.gitlab.com/user/project/settings/project_access_tokens/
provider "gitlab" {
  title    = "GitLab project and group access tokens"
  docs     = "https://docs.gitlab.com/api/project_access_tokens/"
  base_url = "https://gitlab.com/api/v4"

  connection {
    token = {
      required  = true
      sensitive = true
      help      = "Personal access token (glpat-…) with the scope api, of a user who maintains the projects or owns the groups. A project's own token cannot make tokens."
    }
  }

  role {
    project = { help = "Project that the tokens belong to, its number or path such as group/app. Give this or group." }
    group   = { help = "Group that the tokens belong to, its number or path. Give this or project." }
    scopes  = { type = list(string), required = true, min = 1, help = "Scopes of the tokens, such as read_repository or api." }
    access_level = {
      type    = number
      default = 30
      enum    = [10, 15, 20, 30, 40, 50]
      help    = "Level of the tokens: 10 guest, 15 planner, 20 reporter, 30 developer, 40 maintainer, 50 owner."
    }
  }

  validation { exactly_one_of = [role.project, role.group] }

  auth "header" { headers = { PRIVATE-TOKEN = connection.token } }

  # https://docs.gitlab.com/api/personal_access_tokens/
  check {
    get = "/personal_access_tokens/self"
    ok  = body.active
  }

  issue {
    post = role.project != null ? "/projects/${role.project}/access_tokens" : "/groups/${role.group}/access_tokens"
    json = {
      name         = key.name
      scopes       = role.scopes
      access_level = role.access_level
      expires_at   = formatdate("YYYY-MM-DD", key.expires_at)
    }
    id         = tostring(body.id)
    secret     = { token = body.token }
    expires_at = body.expires_at
    granted    = { scopes = body.scopes, access_level = body.access_level }
  }

  revoke {
    delete = role.project != null ? "/projects/${role.project}/access_tokens/${key.id}" : "/groups/${role.group}/access_tokens/${key.id}"
    gone   = [404]
  }

  # Revoked tokens stay listed; older servers do not know state.
  list {
    get = role.project != null ? "/projects/${role.project}/access_tokens" : "/groups/${role.group}/access_tokens"
    query = {
      state    = "active"
      per_page = 100
    }
    items = body
    skip  = !item.active || item.revoked
    item = {
      id           = tostring(item.id)
      name         = item.name
      created_at   = item.created_at
      last_used_at = item.last_used_at
    }
    pagination "page" {}
  }

  # Any token may look at itself, whatever its scopes.
  probe {
    get     = "/personal_access_tokens/self"
    headers = { PRIVATE-TOKEN = secret.token }
    alive   = [200]
    dead    = [401]
  }

  # The old token ends with the request, and the new one is in the answer only: is
  # that lost, a new token has to be made by hand. A token that is rotated twice
  # takes its successors with it, so a request is never repeated.
  # https://docs.gitlab.com/api/personal_access_tokens/#rotate-a-personal-access-token
  rotate {
    post       = "/personal_access_tokens/self/rotate"
    json       = { expires_at = formatdate("YYYY-MM-DD", key.expires_at) } # without it, a week from now
    connection = { token = body.token }
  }

  key_name { max_length = 255 }

  # A token ends when its date begins, at midnight UTC. Newer servers may allow 400.
  expiry {
    granularity = "24h"
    maximum     = "365d"
  }

  errors { message = try(tostring(body.message), tostring(body.error_description), tostring(body.error), jsonencode(body.message)) }
}
