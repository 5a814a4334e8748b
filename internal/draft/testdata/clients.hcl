# A first draft, from the provider's OpenAPI document, version 3.
provider "cellar" {
  title = "Cellar"
  # TODO: the page about making keys
  docs     = "https://docs.example.com"
  base_url = "https://cellar.example/api/v2"

  connection {
    client_id     = { required = true, help = "Client id of an application that may make and delete keys." }
    client_secret = { required = true, sensitive = true, help = "Client secret of that application." }
  }

  auth "oauth2" {
    token_url     = "https://login.cellar.example/token"
    client_id     = connection.client_id
    client_secret = connection.client_secret
    # TODO: which scopes does it need? There are admin
  }

  check {
    get = "/credentials"
  }

  issue {
    put = "/credentials/${key.name}"
    json = {
      note = key.name
      ttl  = key.ttl
    }
    id     = key.name
    secret = { password = body.password }
  }

  revoke {
    delete = "/credentials/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/credentials"
    items = body.credentials
    item = {
      id   = item.name
      name = item.name
    }
  }

  # TODO: which read can a key itself do, so that it is seen alive and dead?
  #   probe { get = "/…" headers = { Authorization = "Bearer ${secret.api_key}" } }
}
