# Category: AI
#
# Sources: langfuse/langfuse:web/public/generated/api/openapi.yml
#
# Keys of a project, made with a key of its organization; a project's own keys
# are refused (403). The answer to a new key holds both its halves, and nothing
# ends it but its deletion.
#
# Admin credential: an organization API key, which the organization's owner makes;
# project keys may not make others.
#
# Rights: langfuse/langfuse:web/public/generated/api/openapi.yml
provider "langfuse" {
  title    = "Langfuse"
  docs     = "https://langfuse.com/docs/administration/scim-and-org-api"
  base_url = "https://${connection.host}"

  connection {
    host = {
      default = "cloud.langfuse.com"
      enum    = ["cloud.langfuse.com", "us.cloud.langfuse.com", "hipaa.cloud.langfuse.com"]
      help    = "Langfuse cloud that the organization is in; for a server of your own write base_url."
    }
    public_key = { required = true, help = "Public key of the organization, pk-lf-…." }
    secret_key = { required = true, sensitive = true, help = "Secret key of the organization, sk-lf-…." }
  }

  role {
    project_id = { required = true, help = "Project that the keys belong to." }
  }

  auth "basic" {
    username = connection.public_key
    password = connection.secret_key
  }

  check { get = "/api/public/organizations/projects" }

  issue {
    post   = "/api/public/projects/${role.project_id}/apiKeys"
    json   = { note = key.name }
    id     = body.id
    secret = { secret_key = body.secretKey, public_key = body.publicKey }
  }

  revoke {
    delete = "/api/public/projects/${role.project_id}/apiKeys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys of the project.
  list {
    get   = "/api/public/projects/${role.project_id}/apiKeys"
    items = body.apiKeys
    item = {
      id           = item.id
      name         = try(item.note, null)
      created_at   = item.createdAt
      last_used_at = item.lastUsedAt
    }
  }

  probe {
    get        = "/api/public/projects"
    credential = { public_key = secret.public_key, secret_key = secret.secret_key }
    alive      = [200]
    dead       = [401]
  }

  errors { message = try(body.message, body.error) }
}
