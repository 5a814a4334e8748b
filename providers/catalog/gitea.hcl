# Category: Code and delivery
#
# Sources, unless a line names another: go-gitea/gitea:templates/swagger/v1_json.tmpl,
# and what Gitea 1.26.0 answers. Forgejo keeps the same API.
#
# A token cannot make tokens: these requests take a user name and password only
# (a token is answered 401 "auth required").
#
# Admin credential: the user's own password, or that of a site administrator for the
# tokens of others: Gitea makes no token for a token.
provider "gitea" {
  title = "Gitea and Forgejo"
  docs  = "https://docs.gitea.com/development/api-usage"

  verified_against = ["Gitea 1.26.0"]
  lag              = "5s"

  # The connection's base_url is where Gitea is served, without /api/v1.

  connection {
    username = { required = true, help = "User who makes the tokens: a site administrator, or the owner of the tokens." }
    password = { required = true, sensitive = true, help = "Password of username; the account must not demand a one-time code." }
  }

  role {
    username = { required = true, help = "User who owns the tokens; they can do no more than this user." }
    scopes   = { type = list(string), required = true, help = "Scopes of the tokens, such as read:repository or write:issue." }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  check { get = "/api/v1/user" }

  issue {
    post = "/api/v1/users/${role.username}/tokens"
    json = {
      name   = key.name
      scopes = role.scopes
    }
    id      = tostring(body.id)
    secret  = { token = body.sha1 }
    granted = { scopes = body.scopes }
  }

  # The server takes a number for an id before it takes it for a name.
  revoke {
    delete = "/api/v1/users/${role.username}/tokens/${key.id}"
    gone   = [404]
  }

  # A page holds at most 50 whatever limit says (MAX_RESPONSE_ITEMS may lower
  # it), so only an empty page is the end. created_at is left out: some answers
  # carry the year 1.
  list {
    get = "/api/v1/users/${role.username}/tokens"
    query = {
      limit = 50
    }
    items = body
    item = {
      id           = tostring(item.id)
      name         = item.name
      last_used_at = item.last_used_at
    }
    pagination "page" {}
  }

  # A live token without the scope read:user is answered 403.
  probe {
    get     = "/api/v1/user"
    headers = { Authorization = "token ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  # Of an account that Gitea itself holds the password of, which must be a site
  # administrator's.
  rotate {
    candidate = { password = random_password(40) }
    patch     = "/api/v1/admin/users/${connection.username}"
    json = {
      login_name           = connection.username
      source_id            = 0
      password             = candidate.password
      must_change_password = false
    }
    connection = { password = candidate.password }
  }

  errors { message = body.message }
}
