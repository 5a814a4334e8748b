# Category: Observability and feature flags
#
# Sources, unless a line names another:
# https://grafana.com/docs/grafana/latest/developers/http_api/serviceaccount/
#
# Admin credential: a token of a service account with serviceaccounts:read and
# serviceaccounts:write on the accounts whose tokens are made
# (fixed:serviceaccounts:writer); without role-based access control, the role Admin.
#
# Rights: https://grafana.com/docs/grafana/latest/developers/http_api/serviceaccount/
provider "grafana" {
  title = "Grafana service accounts"
  docs  = "https://grafana.com/docs/grafana/latest/administration/service-accounts/"

  # The connection's base_url is where Grafana is served, without /api.

  connection {
    token              = { sensitive = true, help = "Service account token that may write the service account (serviceaccounts:write). Give this, or username and password." }
    token_id           = { type = number, min = 1, help = "Number of token, which tells rotation what to delete; a rotation sets it itself from then on." }
    service_account_id = { type = number, min = 1, help = "Number of the service account that token belongs to. Rotation needs it: a token does not tell." }
    username           = { help = "User that may write the service account, where there is no token." }
    password           = { sensitive = true, help = "Password of username." }
    org_id             = { type = number, min = 1, help = "Organization to work in, where username belongs to several; a token belongs to one." }
  }

  role {
    service_account_id = {
      type     = number
      required = true
      min      = 1
      help     = "Number of the service account that the tokens belong to; its role and permissions are theirs."
    }
  }

  validation {
    condition     = connection.token != null || (connection.username != null && connection.password != null)
    error_message = "give token, or username and password"
  }

  auth "bearer" {
    when  = connection.token != null
    token = connection.token
  }
  auth "basic" {
    when     = connection.token == null
    username = connection.username
    password = connection.password
  }
  auth "header" {
    when    = connection.org_id != null
    headers = { X-Grafana-Org-Id = connection.org_id }
  }

  check {
    get   = "/api/serviceaccounts/search"
    query = { perpage = 1 }
  }

  # The instance refuses a life longer than its token_expiration_day_limit.
  issue {
    post   = "/api/serviceaccounts/${role.service_account_id}/tokens"
    json   = { name = key.name, secondsToLive = key.ttl }
    id     = tostring(body.id)
    secret = { token = body.key }
  }

  revoke {
    delete = "/api/serviceaccounts/${role.service_account_id}/tokens/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all tokens of the account.
  list {
    get   = "/api/serviceaccounts/${role.service_account_id}/tokens"
    items = body
    skip  = item.isRevoked # as secret scanning does
    item  = { id = tostring(item.id), name = item.name, created_at = item.created, last_used_at = item.lastUsedAt }
  }

  # A token that is known but may not read the organization is told so by 403.
  # https://grafana.com/docs/grafana/latest/developers/http_api/org/
  probe {
    get     = "/api/org"
    headers = { Authorization = "Bearer ${secret.token}" }
    alive   = [200, 403]
    dead    = [401]
  }

  # Another token of the service account that the connection's own belongs to. A
  # password is not rotated: auth says so, before anything is sent.
  rotate {
    post = "/api/serviceaccounts/${connection.service_account_id}/tokens"
    json = { name = key.name, secondsToLive = key.ttl }
    auth "bearer" { token = connection.token }

    connection = { token = body.key, token_id = body.id }
    save       = { old_id = connection.token_id }

    retire {
      when   = saved.old_id != null
      delete = "/api/serviceaccounts/${connection.service_account_id}/tokens/${saved.old_id}"
      gone   = [404]
    }

    list {
      get   = "/api/serviceaccounts/${connection.service_account_id}/tokens"
      items = body
      item  = { name = item.name, old_id = item.id }
    }
  }

  errors { message = body.message }
}
