# A first draft, from the provider's OpenAPI document, version 7.
provider "depot" {
  title = "Depot"
  # TODO: the page about making keys
  docs = "https://docs.example.com"
  # TODO: where is the provider served? Without base_url each connection gives its own

  connection {
    username = { required = true, help = "User who may make and delete keys." }
    password = { required = true, sensitive = true, help = "Password of that user." }
  }

  role {
    team  = { required = true, help = "Team that the tokens belong to." }
    level = { required = true, enum = ["reader", "writer"], help = "What the provider calls level." }
  }

  auth "basic" {
    username = connection.username
    password = connection.password
  }

  # TODO: which read can only a working admin credential do?
  #   check { get = "/…" }

  issue {
    post = "/api/teams/${role.team}/tokens"
    form = {
      description  = key.name
      lifetimeDays = ceil(key.ttl / 86400)
      level        = role.level
    }
    id     = body.tokenId
    secret = { token = body.token }
  }

  revoke {
    post = "/api/teams/${role.team}/tokens/${key.id}/revoke"
    gone = [404]
  }

  list {
    get = "/api/teams/${role.team}/tokens"
    query = {
      page = coalesce(page.number, 1)
    }
    items = body
    item = {
      id         = item.tokenId
      name       = item.description
      created_at = item.createdAt
    }
    next = length(body) > 0 ? { number = coalesce(page.number, 1) + 1 } : null
  }

  # TODO: which read can a key itself do, so that it is seen alive and dead?
  #   probe { get = "/…" headers = { Authorization = "Bearer ${secret.api_key}" } }
}
