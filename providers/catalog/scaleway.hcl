# Category: Cloud and hosting
#
# Sources: scaleway/scaleway-sdk-go:api/iam/v1alpha1/iam_sdk.go;
# https://www.scaleway.com/en/developers/api/iam/
#
# Keys of an IAM application, which may do what its policies say. The admin key
# needs the permission set IAMApplicationManager, and IAMManager suffices too.
#
# Rights: https://github.com/scaleway/docs-content/blob/main/pages/iam/credentials/create-api-keys.mdx
provider "scaleway" {
  title    = "Scaleway"
  docs     = "https://www.scaleway.com/en/developers/api/iam/#path-api-keys-create-an-api-key"
  base_url = "https://api.scaleway.com"

  connection {
    secret_key      = { required = true, sensitive = true, help = "Secret key of an application or user that manages IAM." }
    organization_id = { required = true, help = "Organization of the applications, a UUID." }
  }

  role {
    application_id     = { required = true, help = "Application that the keys act for, a UUID; they may do what it may." }
    default_project_id = { help = "Project that Object Storage uses with the keys, a UUID." }
  }

  auth "header" { headers = { X-Auth-Token = connection.secret_key } }

  check {
    get   = "/iam/v1alpha1/api-keys"
    query = { organization_id = connection.organization_id, page_size = 1 }
  }

  issue {
    post = "/iam/v1alpha1/api-keys"
    json = {
      application_id     = role.application_id
      description        = key.name
      default_project_id = role.default_project_id
      expires_at         = rfc3339(key.expires_at)
    }
    id         = body.access_key
    secret     = { secret_key = body.secret_key, access_key = body.access_key }
    expires_at = body.expires_at
  }

  revoke {
    delete = "/iam/v1alpha1/api-keys/${key.id}"
    gone   = [404]
  }

  list {
    get = "/iam/v1alpha1/api-keys"
    query = {
      organization_id = connection.organization_id
      bearer_id       = role.application_id
      page_size       = 100
    }
    items = body.api_keys
    item = {
      id         = item.access_key
      name       = item.description
      created_at = item.created_at
      expires_at = item.expires_at
    }
    pagination "page" {}
  }

  extend {
    patch      = "/iam/v1alpha1/api-keys/${key.id}"
    json       = { expires_at = rfc3339(key.expires_at) }
    gone       = [404]
    expires_at = body.expires_at
  }

  key_name { max_length = 200 }

  errors { message = body.message }
}
