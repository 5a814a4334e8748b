# Category: Code and delivery
#
# Sources: https://docs.docker.com/reference/api/hub/latest/
#
# Personal access tokens of one user, made with that user's password or a token of his
# that may manage tokens. Reading is the least that a token can be made for.
#
# Admin credential: the user's password, or a personal access token with repo:admin:
# what can manage tokens at all.
#
# Rights not named in: https://docs.docker.com/reference/api/hub/latest/ and
# docker/hub-tool
provider "dockerhub" {
  title    = "Docker Hub"
  docs     = "https://docs.docker.com/security/access-tokens/"
  base_url = "https://hub.docker.com"

  connection {
    username = { required = true, help = "User that the tokens belong to." }
    password = { required = true, sensitive = true, help = "Password of the user, or a personal access token." }
  }

  role {
    scopes = { type = list(string), default = ["repo:read"], min = 1, help = "What the tokens may do: repo:public_read, repo:read, repo:write or repo:admin." }
  }

  auth "login" {
    request {
      post = "/v2/auth/token"
      json = { identifier = connection.username, secret = connection.password }
    }
    token = body.access_token
  }

  check {
    get   = "/v2/access-tokens"
    query = { page = 1, page_size = 1 }
  }

  issue {
    post = "/v2/access-tokens"
    json = {
      token_label = key.name
      scopes      = role.scopes
      expires_at  = rfc3339(key.expires_at)
    }
    id      = body.uuid
    secret  = { token = body.token }
    granted = { scopes = body.scopes }
  }

  revoke {
    delete = "/v2/access-tokens/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/v2/access-tokens"
    query = { page_size = 100 }
    items = body.results
    item = {
      id           = item.uuid
      name         = item.token_label
      created_at   = item.created_at
      last_used_at = item.last_used
    }
    pagination "page" {}
  }

  probe {
    post  = "/v2/auth/token"
    json  = { identifier = connection.username, secret = secret.token }
    alive = [200]
    dead  = [401]
  }

  key_name { max_length = 100 }

  errors { message = try(body.message, body.detail) }
}
