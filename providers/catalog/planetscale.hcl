# Category: Data, search and queues
#
# Sources: planetscale/terraform-provider-planetscale:schemas/openapi.yaml;
# https://planetscale.com/docs/api/reference/create_password
#
# Passwords of a branch of a Vitess database; a role that names no role gets readers.
# The service token needs, for the database, connect_branch and delete_branch_password;
# for branches of production connect_production_branch and
# delete_production_branch_password.
# A renewal takes no time of ours, so a password is made for as long as its lease
# may last.
#
# Rights: planetscale/terraform-provider-planetscale:schemas/openapi.yaml
provider "planetscale" {
  title    = "PlanetScale"
  docs     = "https://planetscale.com/docs/api/reference/create_password"
  base_url = "https://api.planetscale.com/v1"

  connection {
    token_id     = { required = true, help = "Id of a service token." }
    token        = { required = true, sensitive = true, help = "Service token that may make and delete passwords of the databases." }
    organization = { required = true, help = "Name of the organization." }
  }

  role {
    database = { required = true, help = "Database that the passwords open." }
    branch   = { default = "main", help = "Branch that the passwords open." }
    role     = { default = "reader", enum = ["reader", "writer", "readwriter", "admin"], help = "What the passwords may do: reader, writer, readwriter or admin." }
    replica  = { type = bool, default = false, help = "The passwords open read-only replicas." }
  }

  auth "header" { headers = { Authorization = "${connection.token_id}:${connection.token}" } }

  check { get = "/organizations" }

  issue {
    post = "/organizations/${connection.organization}/databases/${role.database}/branches/${role.branch}/passwords"
    json = {
      name    = key.name
      role    = role.role
      replica = role.replica
      ttl     = key.ttl
      cidrs   = length(key.cidrs) > 0 ? key.cidrs : null
    }
    id         = body.id
    identify   = "password"
    secret     = { username = body.username, password = body.plain_text, host = body.access_host_url }
    expires_at = body.expires_at
    granted    = { role = body.role, replica = body.replica }
  }

  revoke {
    delete = "/organizations/${connection.organization}/databases/${role.database}/branches/${role.branch}/passwords/${key.id}"
    gone   = [404]
  }

  list {
    get   = "/organizations/${connection.organization}/databases/${role.database}/branches/${role.branch}/passwords"
    query = { page = coalesce(page.number, 1), per_page = 100 }
    items = body.data
    skip  = item.deleted_at != null
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.created_at
      last_used_at = item.last_used_at
    }
    next = body.next_page == null ? null : { number = body.next_page }
  }

  errors { message = body.message }
}
