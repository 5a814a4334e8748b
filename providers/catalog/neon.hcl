# Category: Data, search and queues
#
# Sources: kislerdm/neon-sdk-go:openAPIDefinition.json;
# https://neon.com/docs/manage/api-keys
#
# Keys of an organization. One with a project opens no more than that; without, it may
# do all that the organization's API can. Keys do not end by themselves.
#
# Admin credential: an organization API key, which an administrator of the organization
# makes; one that is bound to a project may not make others.
#
# Rights: https://neon.com/docs/manage/api-keys
provider "neon" {
  title    = "Neon"
  docs     = "https://neon.com/docs/manage/api-keys"
  base_url = "https://console.neon.tech/api/v2"

  connection {
    api_key = { required = true, sensitive = true, help = "API key of an administrator of the organization." }
    org_id  = { required = true, help = "Organization that the keys belong to, such as org-cool-darkness-12345678." }
  }

  role {
    project_id = { required = true, help = "Project that the keys open, and no other." }
  }

  auth "bearer" { token = connection.api_key }

  check { get = "/organizations/${connection.org_id}/api_keys" }

  issue {
    post = "/organizations/${connection.org_id}/api_keys"
    json = {
      key_name   = key.name
      project_id = role.project_id
    }
    id     = body.id
    secret = { api_key = body.key }
  }

  revoke {
    delete = "/organizations/${connection.org_id}/api_keys/${key.id}"
    gone   = [404]
  }

  # Not paged: the answer is all keys of the organization.
  list {
    get   = "/organizations/${connection.org_id}/api_keys"
    items = body
    item = {
      id           = item.id
      name         = item.name
      created_at   = item.created_at
      last_used_at = item.last_used_at
    }
  }

  key_name { max_length = 64 }

  errors { message = body.message }
}
