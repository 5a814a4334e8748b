# Category: Data, search and queues
#
# Sources: algolia/api-clients-automation:specs/bundled/search.yml
#
# A key is its own id, so it stands in the addresses of requests about it, and the admin
# key can list it. Servers take some seconds to learn of a new or deleted key.
#
# Admin credential: an admin API key of the application: Algolia lets no lesser key make
# keys.
#
# Rights: https://www.algolia.com/doc/guides/security/api-keys/
provider "algolia" {
  title    = "Algolia"
  docs     = "https://www.algolia.com/doc/rest-api/search/#tag/Api-Keys"
  base_url = "https://${connection.application_id}.algolia.net"

  connection {
    application_id = { required = true, help = "Application that the keys open." }
    admin_key      = { required = true, sensitive = true, help = "Admin API key of the application." }
  }

  role {
    acl                         = { type = list(string), default = ["search"], min = 1, help = "What the keys may do, such as search, browse or addObject." }
    indexes                     = { type = list(string), help = "Indexes that the keys open, such as dev_*; all of them unless written." }
    max_queries_per_ip_per_hour = { type = number, min = 1, help = "How often each address may use a key within an hour." }
  }

  auth "header" {
    headers = {
      x-algolia-application-id = connection.application_id
      x-algolia-api-key        = connection.admin_key
    }
  }

  check { get = "/1/keys" }

  issue {
    post = "/1/keys"
    json = {
      description            = key.name
      acl                    = role.acl
      indexes                = role.indexes
      maxQueriesPerIPPerHour = role.max_queries_per_ip_per_hour
      validity               = key.ttl
      queryParameters        = length(key.cidrs) > 0 ? join("&", [for cidr in key.cidrs : "restrictSources=${urlencode(cidr)}"]) : null
    }
    id     = body.key
    secret = { api_key = body.key }
  }

  revoke {
    delete = "/1/keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys of the application.
  list {
    get   = "/1/keys"
    items = body.keys
    item = {
      id         = item.value
      name       = try(item.description, null)
      created_at = item.createdAt
    }
  }

  probe {
    get = "/1/keys/${secret.api_key}"
    headers = {
      x-algolia-application-id = connection.application_id
      x-algolia-api-key        = secret.api_key
    }
    alive = [200]
    dead  = [401, 403, 404]
  }

  errors { message = body.message }
}
