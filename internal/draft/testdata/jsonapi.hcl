# A first draft, from the provider's OpenAPI document, version 1.
provider "bulletin" {
  title = "Bulletin"
  # TODO: the page about making keys
  docs     = "https://docs.example.com"
  base_url = "https://api.${connection.site}"

  connection {
    admin_key = { required = true, sensitive = true, help = "Credential that may make and delete keys, sent as X-Api-Key." }
    app_key   = { required = true, sensitive = true, help = "Credential that may make and delete keys, sent as X-App-Key." }
    site      = { default = "eu.bulletin.example", enum = ["eu.bulletin.example", "us.bulletin.example"], help = "Site of the organization." }
  }

  auth "header" { headers = { X-Api-Key = connection.admin_key } }
  auth "header" { headers = { X-App-Key = connection.app_key } }

  requests { headers = { X-Bulletin-Version = "2026-01" } }

  check {
    get = "/keys"
  }

  issue {
    post = "/keys"
    headers = {
      Content-Type = "application/vnd.api+json"
    }
    json = {
      data = {
        attributes = {
          label = key.name
        }
        type = "keys"
      }
    }
    id     = body.data.id
    secret = { api_key = body.data.attributes.key }
  }

  revoke {
    delete = "/keys/${key.id}"
    gone   = [404]
  }

  list {
    get = "/keys"
    query = {
      "page[size]"   = 100
      "page[number]" = coalesce(page.number, 0)
    }
    items = body.data
    item = {
      id         = item.id
      name       = item.attributes.label
      created_at = item.attributes.created_at
    }
    next = length(body.data) > 0 ? { number = coalesce(page.number, 0) + 1 } : null
  }

  # TODO: which read can a key itself do, so that it is seen alive and dead?
  #   probe { get = "/…" headers = { Authorization = "Bearer ${secret.api_key}" } }
}
