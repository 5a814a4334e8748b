# Category: Observability and feature flags
#
# Sources: honeycombio/terraform-provider-honeycombio:client/v2/api_keys.go, models.go;
# https://api-docs.honeycomb.io/api/key-management
#
# Keys of an environment. What an application sends as its key is id and secret
# together; both are answered apart as well. Keys do not end by themselves.
#
# Admin credential: a management key with the scopes api-keys:read and api-keys:write,
# and environments:read where names are looked up.
#
# Rights: https://docs.honeycomb.io/configure/teams/manage-api-keys;
# https://www.pulumi.com/registry/packages/honeycombio/api-docs/apikey
provider "honeycomb" {
  title    = "Honeycomb"
  docs     = "https://api-docs.honeycomb.io/api/key-management"
  base_url = connection.region == "eu" ? "https://api.eu1.honeycomb.io" : "https://api.honeycomb.io"

  connection {
    region     = { default = "us", enum = ["us", "eu"], help = "Region of the team." }
    key_id     = { required = true, help = "Id of a management key with the scope api-keys:write." }
    key_secret = { required = true, sensitive = true, help = "Secret of the management key." }
    team       = { required = true, help = "Slug of the team." }
  }

  role {
    environment_id  = { required = true, help = "Environment that the keys open, such as hcaen_01ab…." }
    create_datasets = { type = bool, default = false, help = "Whether the keys may send to datasets that do not exist yet." }
  }

  auth "bearer" { token = "${connection.key_id}:${connection.key_secret}" }
  auth "header" { headers = { Content-Type = "application/vnd.api+json" } }

  check { get = "/2/auth" }

  issue {
    post = "/2/teams/${connection.team}/api-keys"
    json = {
      data = {
        type = "api-keys"
        attributes = {
          name        = key.name
          key_type    = "ingest"
          permissions = { create_datasets = role.create_datasets }
        }
        relationships = { environment = { data = { type = "environments", id = role.environment_id } } }
      }
    }
    id      = body.data.id
    granted = { create_datasets = body.data.attributes.permissions.create_datasets }
    secret = {
      api_key = "${body.data.id}${body.data.attributes.secret}"
      id      = body.data.id
      secret  = body.data.attributes.secret
    }
  }

  revoke {
    delete = "/2/teams/${connection.team}/api-keys/${key.id}"
    gone   = [404]
  }

  # The next page is told by an address.
  list {
    get   = "/2/teams/${connection.team}/api-keys"
    query = { "page[size]" = 100 }
    items = body.data
    item = {
      id         = item.id
      name       = item.attributes.name
      created_at = try(item.attributes.timestamps.created, null)
    }
    pagination "url" { next = body.links.next }
  }

  errors { message = try(body.errors[0].detail, body.errors[0].title) }
}
