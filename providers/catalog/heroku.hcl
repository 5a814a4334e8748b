# Category: Cloud and hosting
#
# Sources: heroku/platform-api:schema.json;
# https://devcenter.heroku.com/articles/platform-api-reference#oauth-authorization
#
# Authorizations of the user whose token the connection has.
#
# Admin credential: a token with the scope global: Heroku lets no lesser one make
# authorizations.
#
# Rights not named in: heroku/platform-api:schema.json, heroku/cli and
# heroku/terraform-provider-heroku
provider "heroku" {
  title    = "Heroku"
  docs     = "https://devcenter.heroku.com/articles/platform-api-reference#oauth-authorization"
  base_url = "https://api.heroku.com"

  connection {
    token = { required = true, sensitive = true, help = "Token with the scope global." }
  }

  role {
    scope = { type = list(string), default = ["read"], min = 1, help = "What the tokens may do: identity, read, write, read-protected, write-protected or global." }
  }

  auth "bearer" { token = connection.token }

  requests { headers = { Accept = "application/vnd.heroku+json; version=3" } }

  check { get = "/account" }

  issue {
    post = "/oauth/authorizations"
    json = {
      description = key.name
      scope       = role.scope
      expires_in  = key.ttl
    }
    id         = body.id
    secret     = { token = body.access_token.token }
    expires_in = body.access_token.expires_in
    granted    = { scope = body.scope }
  }

  revoke {
    delete = "/oauth/authorizations/${key.id}"
    gone   = [404]
  }

  # Up to a thousand are answered at once.
  list {
    get     = "/oauth/authorizations"
    headers = { Range = page.range == null ? "id ..; max=1000" : page.range }
    items   = body
    item = {
      id         = item.id
      name       = item.description
      created_at = item.created_at
    }
    next = try(headers["next-range"], null) == null ? null : { range = headers["next-range"] }
  }

  probe {
    get     = "/account"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  errors { message = body.message }
}
