# Category: Cloud and hosting
#
# Sources: digitalocean/openapi:specification/DigitalOcean-public.v2.yaml
#
# Keys of Spaces, the object storage. The API token needs the scopes
# spaces_key:create_credentials, spaces_key:read and spaces_key:delete. Keys do
# not end by themselves.
#
# Rights: digitalocean/openapi:specification/DigitalOcean-public.v2.yaml;
# https://docs.digitalocean.com/reference/api/reference/spaces-keys/
provider "digitalocean-spaces" {
  title    = "DigitalOcean Spaces"
  docs     = "https://docs.digitalocean.com/reference/api/digitalocean/#tag/Spaces-Keys"
  base_url = "https://api.digitalocean.com"

  connection {
    token = { required = true, sensitive = true, help = "API token that may create, read and delete Spaces keys." }
  }

  role {
    grants = {
      type     = list(object({ bucket = string, permission = string }))
      required = true
      min      = 1
      help     = "What the keys open, such as [{\"bucket\":\"backups\",\"permission\":\"read\"}]; permissions are read, readwrite and, with an empty bucket, fullaccess."
    }
  }

  auth "bearer" { token = connection.token }

  check {
    get   = "/v2/spaces/keys"
    query = { per_page = 1 }
  }

  issue {
    post   = "/v2/spaces/keys"
    json   = { name = key.name, grants = role.grants }
    id     = body.key.access_key
    secret = { secret_key = body.key.secret_key, access_key = body.key.access_key }
  }

  revoke {
    delete = "/v2/spaces/keys/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/v2/spaces/keys"
    query = { per_page = 200, sort = "created_at", sort_direction = "asc" }
    items = body.keys
    item = {
      id         = item.access_key
      name       = item.name
      created_at = item.created_at
    }
    pagination "page" {}
  }

  errors { message = body.message }
}
