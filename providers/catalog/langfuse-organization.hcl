# Category: AI
#
# Sources: langfuse/langfuse:web/public/generated/organizations-api/openapi.yml;
# https://langfuse.com/self-hosting/administration/organization-management-api
#
# Keys of an organization of a Langfuse of your own, with which projects and their keys
# are managed: for who runs several organizations, and for the connections of langfuse.
# For keys that send traces see langfuse. They do not end by themselves.
#
# Admin credential: the server's ADMIN_API_KEY, which manages every organization and is
# part of its configuration; the organization management API takes no other.
#
# Not confirmed: what deleting a key that is gone is answered, so it is seen from the
# list; that only editions with a licence have this API.
#
# Rights: langfuse/langfuse:web/public/generated/organizations-api/openapi.yml
provider "langfuse-organization" {
  title = "Langfuse organization keys"
  docs  = "https://langfuse.com/self-hosting/administration/organization-management-api"

  connection {
    # The connection's base_url is the server, such as https://langfuse.internal.
    admin_api_key = { required = true, sensitive = true, help = "ADMIN_API_KEY of the server." }
  }

  role {
    organization_id = { required = true, help = "Organization that the keys belong to, and can manage as a whole." }
  }

  locals {
    keys = "/api/admin/organizations/${role.organization_id}/apiKeys"
  }

  auth "bearer" { token = connection.admin_api_key }

  check { get = "/api/admin/organizations" }

  issue {
    post   = local.keys
    json   = { note = key.name }
    id     = body.id
    secret = { secret_key = body.secretKey, public_key = body.publicKey }
  }

  revoke {
    list_first = true
    delete     = "${local.keys}/${key.id}"
    ok         = body.success
    gone       = [404]
  }

  # Not paged: the answer is all keys of the organization.
  list {
    get   = local.keys
    items = body.apiKeys
    item = {
      id           = item.id
      name         = try(item.note, null)
      created_at   = item.createdAt
      last_used_at = item.lastUsedAt
    }
  }

  probe {
    get   = "/api/public/organizations/projects"
    alive = [200]
    dead  = [401]
    auth "basic" {
      username = secret.public_key
      password = secret.secret_key
    }
  }

  errors { message = try(body.message, body.error, body) }
}
