# Category: Cloud and hosting
#
# Sources: fastly/fastly-go:docs/AutomationTokensAPI.md and SudoAPI.md;
# https://www.fastly.com/documentation/reference/api/auth-tokens/automation/
#
# Automation tokens, which belong to no user. Fastly makes them in its sudo mode alone,
# which it grants for five minutes against the user's name and password, and not to
# users of an account that forces single sign-on or a second factor.
#
# Admin credential: a user token of a superuser with the scope global, and the user's
# password: automation tokens are made by nobody else, neither by an automation token.
#
# Rights: https://www.fastly.com/documentation/reference/api/auth-tokens/automation/ and
# https://www.fastly.com/documentation/guides/organizations-and-accounts/account-members-and-permissions/managing-account-level-api-tokens
provider "fastly" {
  title    = "Fastly"
  docs     = "https://www.fastly.com/documentation/reference/api/auth-tokens/automation/"
  base_url = "https://api.fastly.com"

  connection {
    token    = { required = true, sensitive = true, help = "User token of a superuser, with the scope global." }
    username = { help = "Name of that user, with whose password Fastly is asked for its sudo mode before a token is made." }
    password = { sensitive = true, help = "Password of that user. Left out, no sudo mode is asked for." }
  }

  role {
    role     = { default = "user", enum = ["user", "engineer", "billing"], help = "What the tokens may do: user only reads." }
    scope    = { default = "global:read", help = "Scopes with a space between: global, global:read, purge_select, purge_all." }
    services = { type = list(string), help = "Ids of the services that the tokens open; all of them unless written." }
  }

  auth "header" { headers = { Fastly-Key = connection.token } }

  check { get = "/tokens/self" }

  issue {
    step "sudo" {
      when = connection.password != null
      post = "/sudo"
      json = { username = connection.username, password = connection.password }
    }
    step "token" {
      post = "/automation-tokens"
      json = {
        name       = key.name
        role       = role.role
        scope      = role.scope
        services   = role.services
        expires_at = rfc3339(key.expires_at)
      }
    }
    id         = body.id
    secret     = { token = body.access_token }
    expires_at = body.expires_at
  }

  revoke {
    delete = "/automation-tokens/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/automation-tokens"
    query = { per_page = 100 }
    items = try(body.data, body)
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.created_at
      last_used_at = item.last_used_at
    }
    pagination "page" {}
  }

  probe {
    get     = "/tokens/self"
    headers = { Fastly-Key = secret.token }
    alive   = [200]
    dead    = [401, 403]
  }

  errors { message = try(body.msg, body.detail) }
}
