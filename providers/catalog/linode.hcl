# Category: Cloud and hosting
#
# Sources, unless a line names another: linode/linode-api-docs:openapi.yaml.
#
# Admin credential: a personal access token with account:read_write; Linode lets it
# grant no more than it has itself, so it has what the keys get too.
#
# Rights: linode/linode-api-docs:openapi.yaml
provider "linode" {
  title    = "Linode (Akamai)"
  docs     = "https://techdocs.akamai.com/linode-api/reference/post-personal-access-token"
  base_url = "https://api.linode.com"

  connection {
    token = { required = true, sensitive = true, help = "Personal access token with the scope account:read_write, and every scope that roles give out." }
  }

  role {
    # Without scopes Linode would give those of the connection's token.
    scopes = {
      type     = list(string)
      required = true
      min      = 1
      help     = "Scopes of the tokens, such as linodes:read_only or domains:read_write; * stands for all that the connection's token has."
    }
  }

  auth "bearer" { token = connection.token }

  check { get = "/v4/profile" }

  issue {
    post = "/v4/profile/tokens"
    json = {
      label  = key.name
      scopes = join(" ", role.scopes)
      expiry = formatdate("YYYY-MM-DD'T'hh:mm:ss", key.expires_at) # UTC, without a zone
    }
    id         = tostring(body.id)
    secret     = { token = body.token }
    expires_at = body.expiry
    granted    = { scopes = split(" ", body.scopes) }
  }

  revoke {
    delete = "/v4/profile/tokens/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/v4/profile/tokens"
    query = { page_size = 500 }
    items = body.data
    item = {
      id         = tostring(item.id)
      name       = item.label
      created_at = item.created
    }
    pagination "page" { more = page.number < body.pages }
  }

  # A token without a scope for this is answered 401 as well, with a sentence of
  # its own.
  probe {
    get     = "/v4/profile"
    headers = { Authorization = "Bearer ${secret.token}" }
    dead    = status == 401 && !can(regex("(?i)not authorized", body.errors[0].reason))
    alive   = status == 200 || can(regex("(?i)not authorized", body.errors[0].reason))
  }

  # The list shows the first 16 characters of each token, which tell our own.
  rotate {
    step "own token" {
      get   = "/v4/profile/tokens"
      query = { page_size = 500 }
      ok = length([
        for token in body.data : token
        if length(token.token) >= 8 && startswith(connection.token, token.token)
      ]) == 1
      save = {
        old_id = [
          for token in body.data : token.id
          if length(token.token) >= 8 && startswith(connection.token, token.token)
        ][0]
      }
    }
    step "new" {
      post = "/v4/profile/tokens"
      json = {
        label  = key.name
        scopes = "*" # those of the old token
        expiry = formatdate("YYYY-MM-DD'T'hh:mm:ss", key.expires_at)
      }
    }

    connection = { token = body.token }

    retire {
      delete = "/v4/profile/tokens/${saved.old_id}"
      gone   = [404]
    }

    list { item = { name = item.label, old_id = item.id } }
  }

  key_name { max_length = 100 }

  errors { message = body.errors[0].reason }
}
